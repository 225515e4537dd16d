//! What a run of `cargo test` left: the programs that it built, and the tests that passed.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What `cargo test --no-run --message-format json` wrote.
const PROGRAMS: &str = "programs.json";

/// What `cargo test` wrote, standard output and error in one file.
const OUTPUT: &str = "tests.txt";

/// A test program that Cargo built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// `core` for a test target of `acme-tests`, `acme-tokio/issue` for one of another package, and `acme_tokio` for the
    /// unit tests of a library.
    pub name: String,
    /// The file with the root module.
    pub source: PathBuf,
    /// The name of the executable file.
    executable: String,
}

/// A run of all tests.
#[derive(Clone, Debug, Default)]
pub struct Run {
    programs: Vec<Program>,
    passed: BTreeSet<String>,
}

impl Run {
    /// Reads the two files that `tests/run` leaves in `dir`.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is not what Cargo writes.
    pub fn read(dir: &Path) -> Result<Self, RunError> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(|error| RunError::Io(path, error))
        };
        let programs = programs(&read(PROGRAMS)?)?;
        let passed = passed(&read(OUTPUT)?, &programs);
        Ok(Self { programs, passed })
    }

    /// Returns the programs, sorted by name.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Returns whether the test `PROGRAM::PATH` ran and passed.
    pub fn passed(&self, test: &str) -> bool {
        self.passed.contains(test)
    }
}

/// Why a run cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The file cannot be read.
    Io(PathBuf, io::Error),
    /// A line of Cargo's messages is no JSON.
    Message(serde_json::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, _) => write!(f, "cannot read {}", path.display()),
            Self::Message(_) => write!(f, "{PROGRAMS} is not what Cargo writes"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::Message(error) => Some(error),
        }
    }
}

/// Reads Cargo's messages, one JSON object a line, and returns the test programs among what they name.
fn programs(messages: &str) -> Result<Vec<Program>, RunError> {
    let mut programs = BTreeSet::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).map_err(RunError::Message)?;
        programs.extend(program(&message));
    }
    Ok(programs.into_iter().collect())
}

fn program(message: &Value) -> Option<Program> {
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let package = package_name(message["package_id"].as_str()?);
    let executable = file_name(message["executable"].as_str()?);
    let target = message["target"]["name"].as_str()?;
    let name = match message["target"]["kind"][0].as_str()? {
        "test" if package == "acme-tests" => target.to_owned(),
        "test" => format!("{package}/{target}"),
        "lib" => package.replace('-', "_"),
        _ => format!("{package}/bin/{target}"),
    };
    let source = PathBuf::from(message["target"]["src_path"].as_str()?);
    Some(Program { name, source, executable: executable.to_owned() })
}

/// Returns the name in a package ID: `path+file:///tree/acme-tokio#0.1.0`, or `path+file:///tree/tests#acme-tests@0.1.0`
/// where the folder has another name.
fn package_name(id: &str) -> &str {
    let (url, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    fragment.split_once('@').map_or_else(|| file_name(url), |(name, _)| name)
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Returns the tests that passed, as `PROGRAM::PATH`.
///
/// Cargo names a program on the line before its tests:
///
/// ```text
///      Running tests/core/main.rs (target/debug/deps/core-9598fa4eb8c24e4d)
/// test accounts::a_test ... ok
/// test result: ok. 1 passed; 0 failed; 0 ignored; …
/// ```
///
/// A test counts where its program failed in nothing and ignored nothing. What follows its name is not looked at, since a
/// child process that writes to standard error at the same time may tear the line.
fn passed(output: &str, programs: &[Program]) -> BTreeSet<String> {
    let mut passed = BTreeSet::new();
    let mut running: Option<&Program> = None;
    let mut tests: Vec<&str> = Vec::new();
    for line in output.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            let whole = result.starts_with("ok. ") && result.contains(" 0 failed; 0 ignored;");
            if let Some(program) = running.take().filter(|_| whole) {
                passed.extend(tests.iter().map(|test| format!("{}::{test}", program.name)));
            }
            tests.clear();
        } else if let Some((test, _)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        {
            tests.push(test.trim_end_matches(" - should panic"));
        } else if let Some(rest) = line.trim_start().strip_prefix("Running ") {
            let path = rest.rsplit_once('(').and_then(|(_, path)| path.strip_suffix(')'));
            running = path.and_then(|p| programs.iter().find(|x| x.executable == file_name(p)));
            tests.clear();
        } else if line.trim_start().starts_with("Doc-tests ") {
            running = None;
        }
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(package: &str, kind: &str, target: &str, executable: &str) -> String {
        serde_json::json!({
            "reason": "compiler-artifact",
            "package_id": package,
            "target": { "kind": [kind], "name": target, "src_path": format!("/w/{target}.rs") },
            "profile": { "test": true },
            "executable": format!("/w/target/debug/deps/{executable}"),
        })
        .to_string()
    }

    fn three() -> Vec<Program> {
        let messages = [
            artifact("path+file:///w/acme-tokio#0.1.0", "lib", "acme_tokio", "acme_tokio-1"),
            artifact("path+file:///w/acme-tokio#0.1.0", "test", "issue", "issue-2"),
            artifact("path+file:///w/tests#acme-tests@0.1.0", "test", "core", "core-3"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        programs(&messages.join("\n")).expect("JSON")
    }

    #[test]
    fn programs_are_named_by_package_and_target() {
        let programs = three();
        let names: Vec<&str> = programs.iter().map(|program| program.name.as_str()).collect();
        assert_eq!(names, ["acme-tokio/issue", "acme_tokio", "core"]);
        assert_eq!(programs[2].source, Path::new("/w/core.rs"));
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        assert!(matches!(programs("warning: x"), Err(RunError::Message(_))));
    }

    #[test]
    fn tests_count_by_program_if_it_passed_whole() {
        let output = "\
     Running unittests src/lib.rs (target/debug/deps/acme_tokio-1)
test a::tests::one ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
     Running tests/issue.rs (target/debug/deps/issue-2)
test two ... ok
test three ... FAILED
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out
     Running tests/core/main.rs (target/debug/deps/core-3)
test four::five has been running for over 60 seconds
test four::five ... noise of a child
ok
test six - should panic ... ok
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
   Doc-tests acme_tokio
test src/lib.rs - (line 9) ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
";
        let passed = passed(output, &three());
        let passed: Vec<&str> = passed.iter().map(String::as_str).collect();
        assert_eq!(passed, ["acme_tokio::a::tests::one", "core::four::five", "core::six"]);
    }
}
