//! Scripts of each dialect that hooks are run in, and what the programs are given to run them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::child::ScratchDir;

/// A dialect, with a script of that kind.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Its name, for `--hook-dialect`.
    pub name: &'static str,
    hook: &'static str,
    cleanup: Option<&'static str>,
    /// What a script writes of a record when it adds it, and when it removes it; `VALUE` and `TOKEN` stand for any word.
    pub calls: [&'static str; 2],
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::with(
            "plain",
            "sh plain.sh",
            ["present _acme-challenge.", "cleanup _acme-challenge."],
        ),
        Self::with("lego", "sh lego.sh", ["present _acme-challenge.", "cleanup _acme-challenge."]),
        Self::with("lego-raw", "sh lego-raw.sh", ["present -- ", "cleanup -- "]),
        Self {
            cleanup: Some("sh certbot-cleanup.sh"),
            ..Self::with("certbot", "sh certbot-auth.sh", ["auth ", "cleanup "])
        },
        Self::with("dehydrated", "bash dehydrated.sh", ["deploy_challenge ", "clean_challenge "]),
        Self::with(
            "acme.sh",
            "dns_tool.sh",
            ["present _acme-challenge.", "cleanup _acme-challenge."],
        ),
    ];

    const fn with(name: &'static str, hook: &'static str, calls: [&'static str; 2]) -> Self {
        Self { name, hook, cleanup: None, calls }
    }

    /// Returns the dialect of this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|dialect| dialect.name == name).expect("the name is in the table")
    }

    /// Puts its scripts into the working directory, with the lines of a shell that edit TXT records as
    /// `present|cleanup NAME VALUE`, and returns the options of the programs.
    ///
    /// # Panics
    ///
    /// If the files cannot be written.
    pub fn install(self, dir: &ScratchDir, tool: &str) -> Vec<&'static str> {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/hooks");
        let words = [Some(self.hook), self.cleanup];
        for word in words.into_iter().flatten().flat_map(str::split_whitespace) {
            let script: PathBuf = from.join(word);
            if script.exists() {
                dir.write(word, fs::read(script).expect("the script can be read"));
            }
        }
        let tool = dir.write("txt-tool", format!("#!/bin/sh\n{tool}\n"));
        make_executable(Path::new(&tool));
        dir.write("account.conf", "SAVED_Tool_User='me'\n");
        fs::create_dir_all(dir.file("web")).expect("the scratch directory is writable");
        let mut line = vec!["--hook", self.hook, "--hook-dialect", self.name];
        line.extend(self.cleanup.into_iter().flat_map(|command| ["--cleanup-hook", command]));
        line
    }

    /// Asserts that its script was run once to add and once to remove each of `count` records.
    ///
    /// # Panics
    ///
    /// If it was not.
    #[track_caller]
    pub fn assert_called(self, calls: &str, count: usize) {
        for start in self.calls {
            let found = calls.lines().filter(|line| line.starts_with(start)).count();
            assert_eq!(found, count, "{}: {start:?} in {calls}", self.name);
        }
        assert_eq!(calls.lines().count(), 2 * count, "{}: {calls}", self.name);
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, mode).expect("the owner may change the mode");
}

#[cfg(not(unix))]
const fn make_executable(_: &Path) {}
