//! Scripts of acme.sh's `dnsapi`: shell files that define two functions, and call those of acme.sh.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{self, Path, PathBuf};
use std::process::Command;

use super::record::HookRecord;
use super::{HookCommand, HookError};

/// The functions that scripts call, then the call of the script's own one. It is the same text for every call: what
/// differs are the arguments `SCRIPT FUNCTION NAME VALUE`.
const FUNCTIONS: &str = include_str!("functions.sh");

/// Returns the command that has a script add or remove a record.
pub(super) fn command(
    hook: &HookCommand,
    present: bool,
    record: &HookRecord,
) -> Result<Command, HookError> {
    let mut words = hook.words.iter();
    let script = PathBuf::from(words.next().map_or("", String::as_str));
    let stem = script.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let function = format!("{stem}_{}", if present { "add" } else { "rm" });
    let no_script =
        |source| HookError::NoScript { command: hook.name(), function: function.clone(), source };
    if !is_name(&function) || words.next().is_some() {
        return Err(no_script(None));
    }
    let shell = shell(&script).map_err(|error| no_script(Some(error)))?;
    // A path without a slash would be looked up in PATH.
    let script = path::absolute(&script).map_err(|error| no_script(Some(error)))?;
    let mut command = Command::new(shell);
    command.args(["-c", FUNCTIONS, "acme.sh"]).arg(script);
    command.args([&function, record.name(), record.value()]);
    Ok(command)
}

/// Returns the shell that the first line of a script asks for, of `bash` and `sh`.
fn shell(script: &Path) -> io::Result<&'static str> {
    let mut line = String::new();
    let start = BufReader::new(File::open(script)?.take(FIRST_LINE)).read_line(&mut line);
    let is_bash = start.is_ok() && line.starts_with("#!") && line.contains("bash");
    Ok(if is_bash { "bash" } else { "sh" })
}

/// Returns whether a word is the name of a function in every shell.
fn is_name(word: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    word.starts_with(is_first) && word.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

/// Returns the function that a shell did not find, if its name begins like those of acme.sh.
pub(super) fn unknown_function(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines = text.lines().filter_map(|line| {
        line.strip_suffix(": command not found").or_else(|| line.strip_suffix(": not found"))
    });
    let mut words = lines.filter_map(|line| line.rsplit([' ', ':']).next());
    words.find(|word| word.starts_with('_') && is_name(word)).map(str::to_owned)
}

const FIRST_LINE: u64 = 1024;

#[cfg(all(test, unix))]
mod tests;
