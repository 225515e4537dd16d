//! The tests of a requirement, as Cargo runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use acme_conformance::Coverage;

/// How long one test program may take, its build included; some mutants make a test wait for ever.
const LIMIT_SECS: u32 = 900;

/// One test program, with some of its tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Suite {
    package: String,
    /// The test target; none for the unit tests of the package.
    target: Option<String>,
    tests: BTreeSet<String>,
}

/// What became of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The first test that failed, or the last that was started when one never ended.
    Failed(String),
    /// Every test passed.
    Passed,
    /// The tests could not be built or started; the last lines say why.
    Broken(String),
}

impl Suite {
    /// Returns the suites of the requirements, unit tests first, for they are built fastest.
    pub(crate) fn of(ids: &[String], coverage: &Coverage<'_>) -> Vec<Self> {
        let mut suites: BTreeMap<(bool, String, Option<String>), BTreeSet<String>> =
            BTreeMap::new();
        for test in ids.iter().flat_map(|id| coverage.tests_of(id)) {
            let Some((program, name)) = test.split_once("::") else { continue };
            let (package, target) = match program.split_once('/') {
                Some((package, target)) => (package.to_owned(), Some(target.to_owned())),
                None if program.starts_with("acme_") => (program.replace('_', "-"), None),
                None => ("acme-tests".to_owned(), Some(program.to_owned())),
            };
            let key = (target.is_some(), package, target);
            suites.entry(key).or_default().insert(name.to_owned());
        }
        let suites = suites.into_iter();
        suites.map(|((_, package, target), tests)| Self { package, target, tests }).collect()
    }

    /// Runs the tests in the workspace at `tree`.
    pub(crate) fn run(&self, tree: &Path, target_dir: &Path) -> Result<Outcome, String> {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &LIMIT_SECS.to_string(), "cargo", "test", "--locked"]);
        command.args(["-p", &self.package]);
        match &self.target {
            Some(target) => command.args(["--test", target]),
            None => command.arg("--lib"),
        };
        if self.package == "acme-proto" {
            command.arg("--all-features");
        }
        command.args(["--", "--exact"]).args(&self.tests);
        command.current_dir(tree).env("CARGO_TARGET_DIR", target_dir);
        command.env("RUST_BACKTRACE", "0");
        command.env_remove("ACME_CONFORMANCE_OUT");
        let output = command.output().map_err(|error| format!("cannot run timeout: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let failed = text.lines().find_map(|line| {
            line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::to_owned)
        });
        Ok(match failed {
            Some(test) => Outcome::Failed(test),
            None if output.status.success() => Outcome::Passed,
            None if output.status.code() == Some(124) && text.contains("running ") => {
                Outcome::Failed(format!("no end within {LIMIT_SECS} s"))
            }
            None => {
                let errors = String::from_utf8_lossy(&output.stderr);
                Outcome::Broken(last_lines(&errors, 12))
            }
        })
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use acme_conformance::catalogue;

    use super::*;

    #[test]
    fn tests_are_grouped_by_program_and_unit_tests_come_first() {
        let mut coverage = Coverage::new(catalogue());
        coverage.add("8555-6.2-3", "accounts::a");
        coverage.add("8555-6.2-3", "accounts::b");
        coverage.add("8555-6.2-4", "acme_proto::jose::tests::c");
        coverage.add("8555-6.2-4", "acme-tokio/issue::d");
        coverage.add("8555-6.2-5", "orders::not_chosen");
        let suites = Suite::of(&["8555-6.2-3".into(), "8555-6.2-4".into()], &coverage);
        let suite = |package: &str, target: Option<&str>, tests: &[&str]| Suite {
            package: package.into(),
            target: target.map(str::to_owned),
            tests: tests.iter().map(|t| (*t).to_owned()).collect(),
        };
        assert_eq!(
            suites,
            [
                suite("acme-proto", None, &["jose::tests::c"]),
                suite("acme-tests", Some("accounts"), &["a", "b"]),
                suite("acme-tokio", Some("issue"), &["d"]),
            ]
        );
    }
}
