//! A process that has as many files open as it may.

use std::fs::File;
use std::io::{Read as _, Seek as _};
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
    let stat = File::open("/proc/self/stat").expect("a file");
    for server in plain_servers() {
        install(&server, "a", &["a.example"]);
        assert_eq!(shown(&server, "a.example").as_deref(), Some("a.example"));
        let files = whatever_is_left(server.address);
        let before = processor_time(&stat);
        // It is measured what happens meanwhile; nothing is expected to be over.
        thread::sleep(Duration::from_secs(1));
        let used = processor_time(&stat) - before;
        assert!(used < Duration::from_millis(200), "{}: it spins: {used:?}", server.name);
        drop(files);
        assert_eq!(shown(&server, "a.example").as_deref(), Some("a.example"), "{}", server.name);
    }
}

/// Opens as many files as possible, with clients among them that wait in the backlog of the system.
fn whatever_is_left(address: SocketAddr) -> (Vec<File>, Vec<TcpStream>) {
    let (mut files, mut clients) = (Vec::new(), Vec::new());
    // Several times, as the last connection may have been closed meanwhile.
    for _ in 0..5 {
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
            assert!(files.len() < 64, "the limit is lower");
        }
        // This leaves one to the client, and none to the server.
        drop(files.pop());
        clients.extend(TcpStream::connect(address));
    }
    (files, clients)
}

/// Returns the processor time of this process, in the ticks of the system (100 a second).
///
/// The file is open already, as no other one can be opened.
fn processor_time(mut stat: &File) -> Duration {
    let mut text = String::new();
    stat.rewind().expect("the beginning");
    stat.read_to_string(&mut text).expect("text");
    let fields = text.rsplit(')').next().expect("fields").split_whitespace();
    let ticks = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
