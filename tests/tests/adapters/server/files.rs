//! A process that has as many files open as it may.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::fixture::plain_servers;
use super::{install, shown};

/// Set in the child process, whose limit is low.
const FEW_FILES: &str = "ACME_TEST_FEW_FILES";

#[test]
fn a_listener_without_files_pauses_and_goes_on_when_there_are_some() {
    if std::env::var_os(FEW_FILES).is_some() {
        return with_few_files();
    }
    // A process cannot set its own limit without unsafe code, so a shell does, and starts this test again.
    let test = "server::files::a_listener_without_files_pauses_and_goes_on_when_there_are_some";
    let output = Command::new("sh")
        .args(["-c", r#"ulimit -n 64 && exec "$0" --exact "$1" --nocapture"#])
        .arg(std::env::current_exe().expect("a path"))
        .arg(test)
        .env(FEW_FILES, "1")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    let ran = output.status.success() && said.contains("1 passed");
    assert!(ran, "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn with_few_files() {
    for server in plain_servers() {
        install(&server, "a", &["a.example"]);
        assert_eq!(shown(&server, "a.example").as_deref(), Some("a.example"));
        let clients = as_many_as_possible(server.address);
        let before = processor_time();
        // It is measured what happens meanwhile; nothing is expected to be over.
        thread::sleep(Duration::from_secs(1));
        let used = processor_time() - before;
        assert!(used < Duration::from_millis(500), "{}: it spins: {used:?}", server.name);
        drop(clients);
        assert_eq!(shown(&server, "a.example").as_deref(), Some("a.example"), "{}", server.name);
    }
}

/// Connects until there are no files left; the last clients wait in the backlog of the system.
fn as_many_as_possible(address: SocketAddr) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect(address) {
        clients.push(client);
        assert!(clients.len() < 64, "the limit is lower");
    }
    clients
}

/// Returns the processor time of this process, in the ticks of the system (100 a second).
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
