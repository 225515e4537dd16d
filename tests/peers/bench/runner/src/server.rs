//! The server of the comparison, in `server/`: Pebble behind a network of some latency.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::cell::Conditions;

pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    pub directory: String,
}

impl Server {
    pub fn start(program: &Path, at: Conditions, plain: bool, root: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", program.display());
        let mut command = Command::new(program);
        command.args(["-latency", &format!("{}ms", at.latency), "-validation"]);
        command.arg(format!("{}ms", at.validation)).arg("-root").arg(root);
        command.args(plain.then_some("-plain"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut this = Self { child, input, output, directory: String::new() };
        let started = this.line()?;
        this.directory = started["directory"].as_str().ok_or("no directory")?.to_owned();
        Ok(this)
    }

    /// Returns what was counted since the last call.
    pub fn counts(&mut self) -> Result<Value, String> {
        let input = self.input.as_mut().expect("it is there until the drop");
        writeln!(input).map_err(|error| error.to_string())?;
        self.line()
    }

    fn line(&mut self) -> Result<Value, String> {
        let line = self.output.next().ok_or("the server ended")?.map_err(|e| e.to_string())?;
        serde_json::from_str(&line).map_err(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input.take(); // it ends with its input
        let _ = self.child.wait();
    }
}
