//! Child processes that do not outlive the test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs "$@" until it ends or until standard input is closed, which also happens when the test is killed.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3 >/dev/null; kill -KILL "$child"; } 2>/dev/null &
watcher=$!
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// A server that runs in the background; it is killed when this is dropped, and when the test dies.
#[derive(Debug)]
pub struct Process {
    supervisor: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `program`, with both its outputs in the file `log`.
    ///
    /// # Errors
    ///
    /// The log cannot be created, or there is no `sh`.
    pub fn start<'a, 'b>(
        program: &Path,
        arguments: impl IntoIterator<Item = &'a OsStr>,
        variables: impl IntoIterator<Item = (&'b str, String)>,
        log: &Path,
    ) -> io::Result<Self> {
        let output = File::create(log)?;
        let supervisor = Command::new("sh")
            .args([OsStr::new("-c"), OsStr::new(SUPERVISOR), OsStr::new("sh"), program.as_os_str()])
            .args(arguments)
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0) // an interrupt from the terminal is for the test, which then closes the pipe
            .spawn()?;
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { supervisor, name, log: log.to_owned() })
    }

    /// Names the process after another program, which it starts.
    #[must_use]
    pub(super) fn called(mut self, program: &Path) -> Self {
        self.name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self
    }

    /// Waits until `ready` returns something.
    ///
    /// # Errors
    ///
    /// What the process wrote, if it ended or if `limit` has passed.
    pub fn wait_until<T>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, String> {
        let start = Instant::now();
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            match self.supervisor.try_wait() {
                Ok(None) if start.elapsed() < limit => thread::sleep(Duration::from_millis(20)),
                Ok(None) => return Err(self.story(&format!("was not ready within {limit:?}"))),
                Ok(Some(status)) => return Err(self.story(&format!("ended ({status})"))),
                Err(error) => return Err(self.story(&format!("cannot be waited for: {error}"))),
            }
        }
    }

    /// Returns everything that the process wrote so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| format!("{}: {error}", self.log.display()),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    fn story(&self, what: &str) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(30)..].join("\n");
        format!("{} {what}; the end of its log:\n{last}", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let start = Instant::now();
        while let Ok(None) = self.supervisor.try_wait() {
            if start.elapsed() > Duration::from_secs(5) {
                let _ = self.supervisor.kill();
                let _ = self.supervisor.wait();
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::target_dir;
    use super::*;

    fn log(name: &str) -> PathBuf {
        let dir = target_dir().join("tmp");
        fs::create_dir_all(&dir).unwrap();
        dir.join(name)
    }

    fn shell(script: &str, log: &Path) -> Process {
        let arguments = ["-c", script].map(OsStr::new);
        Process::start(Path::new("sh"), arguments, [("GREETING", "hello".to_owned())], log).unwrap()
    }

    fn is_alive(pid: &str) -> bool {
        Path::new("/proc").join(pid).join("cmdline").exists()
    }

    #[test]
    fn a_dropped_process_is_dead() {
        let mut process = shell("echo $$; exec sleep 600", &log("process-dropped.log"));
        let limit = Duration::from_secs(10);
        let log = process.log.clone();
        let pid = process
            .wait_until(limit, || fs::read_to_string(&log).ok().filter(|text| text.ends_with('\n')))
            .unwrap();
        assert!(is_alive(pid.trim()));
        drop(process);
        assert!(!is_alive(pid.trim()));
    }

    #[test]
    fn a_process_that_ends_early_is_reported_with_its_log() {
        let mut process = shell("echo $GREETING; exit 3", &log("process-ended.log"));
        let error = process.wait_until(Duration::from_secs(10), || None::<()>).unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("hello"), "{error}");
    }
}
