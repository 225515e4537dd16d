//! Runs one program and says what it took. It is a process of its own, so that its children are that program alone.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;
use serde_json::json;

/// A run that takes longer is ended.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Runs a program with its arguments, and prints its end, time, CPU and peak memory as a line of JSON.
pub fn run(command: &[String]) -> Result<(), String> {
    let [program, arguments @ ..] = command else { return Err("meter PROGRAM ARGUMENT...".into()) };
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let pid = Pid::from_raw(child.id().try_into().expect("a process id"));
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    thread::spawn(move || {
        thread::sleep(LIMIT);
        over.store(true, Ordering::SeqCst);
        let _ = kill(pid, Signal::SIGKILL);
    });
    let status = child.wait().map_err(|error| error.to_string())?;
    let wall = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let end = match (is_over.load(Ordering::SeqCst), status.success()) {
        (true, _) => "over",
        (false, true) => "done",
        (false, false) => "failed",
    };
    let cpu = cpu(&usage);
    let line = json!({ "end": end, "wall_ms": wall.as_secs_f64() * 1e3, "cpu_ms": cpu, "peak_kib": usage.max_rss() });
    println!("{line}");
    Ok(())
}

/// Returns the processor time of all children that ended, in milliseconds.
pub fn cpu_of_children() -> Result<f64, String> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN);
    usage.map(|usage| cpu(&usage)).map_err(|error| error.to_string())
}

fn cpu(usage: &Usage) -> f64 {
    let millis = |time: TimeVal| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3;
    millis(usage.user_time()) + millis(usage.system_time())
}
