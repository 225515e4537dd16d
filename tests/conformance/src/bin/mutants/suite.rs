//! The tests of a requirement, as Cargo runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use acme_conformance::Coverage;

/// How long a build may take.
const BUILD_SECS: u32 = 1800;

/// The time and memory limits of the tests of a program. Some mutants make a flow endless.
const TEST_SECS: u32 = 120;
const TEST_KIB: u32 = 4 << 20;

/// One test program, with some of its tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Suite {
    package: String,
    /// The test target; none for the unit tests of the package.
    target: Option<String>,
    tests: BTreeSet<String>,
}

/// The result of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The first test that failed.
    Failed(String),
    /// Every test passed.
    Passed,
    /// The tests could not be built, or did not end. The last lines of output say why.
    Broken(String),
}

impl Suite {
    /// Returns the suites of the requirements. Unit tests come first, since they build fastest.
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
        let build = self.cargo(tree, target_dir, BUILD_SECS, &["--no-run"])?;
        if !build.status.success() {
            let errors = String::from_utf8_lossy(&build.stderr);
            return Ok(Outcome::Broken(last_lines(&errors, 12)));
        }
        let mut arguments = vec!["--", "--exact"];
        arguments.extend(self.tests.iter().map(String::as_str));
        let output = self.cargo(tree, target_dir, TEST_SECS, &arguments)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let failed = text.lines().find_map(|line| {
            line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::to_owned)
        });
        Ok(match failed {
            Some(test) => Outcome::Failed(test),
            None if output.status.success() => Outcome::Passed,
            None => {
                let errors = String::from_utf8_lossy(&output.stderr);
                Outcome::Broken(last_lines(&errors, 3))
            }
        })
    }

    /// Runs `cargo test` for the suite, within a time and, beyond the build, a memory limit.
    fn cargo(
        &self,
        tree: &Path,
        target_dir: &Path,
        seconds: u32,
        arguments: &[&str],
    ) -> Result<Output, String> {
        let mut command = Command::new("bash");
        if seconds == TEST_SECS {
            command.args(["-c", &format!("ulimit -v {TEST_KIB}; exec \"$@\""), "bash"]);
        } else {
            command.args(["-c", "exec \"$@\"", "bash"]);
        }
        command.args(["timeout", "--kill-after=5", &seconds.to_string()]);
        command.args(["cargo", "test", "--locked", "-p", &self.package]);
        match &self.target {
            Some(target) => command.args(["--test", target]),
            None => command.arg("--lib"),
        };
        if self.package == "acme-proto" {
            command.arg("--all-features");
        }
        command.args(arguments);
        command.current_dir(tree).env("CARGO_TARGET_DIR", target_dir).env("RUST_BACKTRACE", "0");
        command.output().map_err(|error| format!("cannot run bash: {error}"))
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
        coverage.add("8555-6.2-3", "core::accounts::a");
        coverage.add("8555-6.2-3", "core::accounts::b");
        coverage.add("8555-6.2-4", "acme_proto::jose::tests::c");
        coverage.add("8555-6.2-4", "acme-tokio/issue::d");
        coverage.add("8555-6.2-5", "core::orders::not_chosen");
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
                suite("acme-tests", Some("core"), &["accounts::a", "accounts::b"]),
                suite("acme-tokio", Some("issue"), &["d"]),
            ]
        );
    }
}
