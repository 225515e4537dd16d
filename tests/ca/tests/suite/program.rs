//! The program.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use acme_testca::TestCa;
use serde_json::json;

use crate::support::https::Https;
use crate::support::{Client, Key};

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(arguments: &[&str]) -> Program {
    let child = Command::new(env!("CARGO_BIN_EXE_acme-testca"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Program(child)
}

#[cfg(unix)]
#[test]
fn the_program_says_when_it_is_ready_and_stops_on_each_signal() {
    for signal in ["TERM", "INT"] {
        let root = std::env::temp_dir()
            .join(format!("acme-testca-root-{}-{signal}.pem", std::process::id()));
        let root_out = root.to_str().unwrap();
        let mut program = program(&[
            "--listen",
            "127.0.0.1:0",
            "--root-out",
            root_out,
            "--http-port",
            "5002",
            "--tls-port",
            "5001",
            "--challenge",
            "dns-account-01",
        ]);
        let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let url = line.strip_prefix("ready ").unwrap().to_owned();
        let pem = std::fs::read_to_string(&root).unwrap();
        std::fs::remove_file(&root).unwrap();
        let mut client = Client::new(Https::new(&pem), &url, Key::es256());
        client.register(json!({})).ok(201);
        let order = client.order_for(&["example.test"]);
        let authorization = client.read(&order.authorizations()[0]).ok(200).json();
        assert_eq!(authorization["challenges"].as_array().unwrap().len(), 1);
        assert_eq!(authorization["challenges"][0]["type"], "dns-account-01");
        let killed = Command::new("kill")
            .args(["-s", signal, &program.0.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        assert!(program.0.wait().unwrap().success());
        assert!(lines.next().is_none(), "one line and no more");
    }
}

#[test]
fn the_program_reports_what_it_cannot_use() {
    let taken = TestCa::start();
    let listen = taken.address().to_string();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["--listen", &listen], 1, "in use"),
        (&["--listen", "nonsense"], 1, "--listen nonsense"),
        (&["--eab-kid", "k", "--eab-key", "!"], 1, "--eab-key"),
        (&["--quirk", "nonsense"], 1, "--quirk nonsense"),
        (&["--bad-nonce", "101"], 2, "--bad-nonce"),
        (&["--request-limits", "20"], 2, "RATE/BURST"),
        (&["--challenge", "dns-02"], 2, "no such challenge type"),
    ];
    for (arguments, code, says) in cases {
        let mut program = program(arguments);
        let status = program.0.wait().unwrap();
        let stderr = std::io::read_to_string(program.0.stderr.take().unwrap()).unwrap();
        assert_eq!(status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
}

#[test]
fn the_program_lists_its_quirks_and_switches_them_on() {
    let mut lister = program(&["--quirk", "list"]);
    let listed = std::io::read_to_string(lister.0.stdout.take().unwrap()).unwrap();
    assert!(listed.lines().any(|line| line.starts_with("directory_at_root: Has its")), "{listed}");
    let mut program = program(&["--quirk", "no_meta", "--quirk", "directory_at_root"]);
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(line.ends_with("/?ca=test"), "{line}");
}
