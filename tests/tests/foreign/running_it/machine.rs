//! A machine to run the manual's snippets on: namespaces of its own, with the files of this one below its own changes.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use acme_testca::{TestCa, TestCaBuilder};
use acme_tests::child::{Program, ScratchDir};

/// What mounts the changes over the files of this machine, and then runs the test again.
const ENTER: &str = r#"
set -e
ip link set lo up
mount -t tmpfs tmpfs "$0"
for folder in /etc /var /usr/local; do
    mkdir -p "$0$folder/upper" "$0$folder/work"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$0$folder/upper,workdir=$0$folder/work" $folder
done
mount -t tmpfs tmpfs /run
exec "$@"
"#;

const INSIDE: &str = "ACME_TESTS_MACHINE";
const PROGRAM: &str = "ACME_TESTS_MACHINE_PROGRAM";
const SOON: Duration = Duration::from_secs(90);

/// Runs a test on a machine of its own, whose processes end with it. `test` is the test's path.
pub(super) fn on_a_machine(test: &str, ca: TestCaBuilder, body: impl FnOnce(&Machine)) {
    if env::var_os(INSIDE).is_some() {
        return body(&Machine::new(ca));
    }
    let dir = ScratchDir::new();
    let output = Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            ENTER,
        ])
        .arg(dir.path())
        .arg(env::current_exe().expect("a test program has a path"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "yes")
        .env(PROGRAM, Program::Tokio.path())
        .stdin(Stdio::null())
        .output();
    let output = output.expect("util-linux has unshare");
    let said = text(&output);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The machine, seen from inside, with a CA.
pub(super) struct Machine {
    pub(super) ca: TestCa,
}

impl Machine {
    fn new(ca: TestCaBuilder) -> Self {
        let ca = ca.start().expect("a CA");
        let program = env::var_os(PROGRAM).expect("the program was built before");
        write("/etc/acme/root.pem", ca.root_pem());
        fs::create_dir_all("/usr/local/bin").expect("a folder");
        fs::copy(program, "/usr/local/bin/issue").expect("a copy of the program");
        Self { ca }
    }

    /// Puts a snippet of the page where its fence says.
    pub(super) fn place(&self, path: &str) -> String {
        let content = self.snippet(path);
        write(path, &content);
        content
    }

    /// Returns the snippet whose fence ends in this word, with the test CA in place of the one in it.
    pub(super) fn snippet(&self, word: &str) -> String {
        let page =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../acme-proto/src/manual/running_it.md");
        let page = fs::read_to_string(page).expect("the page");
        let blocks = page.split("\n```").skip(1).step_by(2);
        let mut found = blocks.filter_map(|block| {
            let (info, content) = block.split_once('\n')?;
            let name = info.split(' ').next_back()?.trim_matches('"');
            (name == word).then(|| format!("{content}\n"))
        });
        let content = found.next().unwrap_or_else(|| panic!("the page has no {word}"));
        assert!(found.next().is_none(), "the page has two of {word}");
        let url = self.ca.directory_url();
        let (option, key) = (format!("--directory {REAL}"), format!("directory = \"{REAL}\""));
        content
            .replace(&option, &format!("--directory {url} --ca-file /etc/acme/root.pem"))
            .replace(&key, &format!("directory = \"{url}\"\nroot_file = \"/etc/acme/root.pem\""))
    }

    /// Returns what `systemctl` does to these services, where no systemd runs.
    pub(super) fn without_systemd(&self) {
        let script = "#!/bin/sh\necho \"$*\" >> /run/systemctl\ncase \"$*\" in\n\
                      'reload postfix') exec postfix reload ;;\n\
                      'reload haproxy') exec kill -USR2 \"$(head -n 1 /run/haproxy.pid)\" ;;\n\
                      *) exit 1 ;;\nesac\n";
        write("/usr/local/bin/systemctl", script);
        run("chmod", &["755", "/usr/local/bin/systemctl"]);
    }

    /// Waits until TLS at a port shows a certificate of the CA for a name, and returns its serial number.
    pub(super) fn serial(&self, port: u16, name: &str, more: &[&str]) -> String {
        let mut found = None;
        wait_until("a handshake", || {
            found = handshake(port, name, more);
            found.is_some()
        });
        found.expect("it was found")
    }
}

/// The directory that the page names.
const REAL: &str = "https://acme-v02.api.letsencrypt.org/directory";

fn handshake(port: u16, name: &str, more: &[&str]) -> Option<String> {
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername {name} -verify_hostname {name} -verify_return_error \
         -CAfile /etc/acme/root.pem {} </dev/null 2>/dev/null | openssl x509 -noout -serial",
        more.join(" ")
    );
    let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().strip_prefix("serial=").map(str::to_owned)
}

/// A process that is killed when it is dropped.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        let log = PathBuf::from("/run/daemon.log");
        let file = File::create(&log).expect("a log");
        let copy = file.try_clone().expect("a log");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(copy).spawn();
        Self { child: child.expect("a program that starts"), log }
    }

    pub(super) fn wait_for(&self, words: &str) {
        wait_until(words, || self.said().contains(words));
    }

    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it by SIGTERM, and asserts that it ends well.
    pub(super) fn end(mut self) {
        run("kill", &[&self.child.id().to_string()]);
        let status = self.child.wait().expect("a child");
        assert!(status.success(), "{status}: {}", self.said());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.said());
        }
        let _ = self.child.kill();
    }
}

/// Runs a command, which must succeed, and returns what it wrote.
pub(super) fn run(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error: io::Error| panic!("{program}: {error}"));
    let said = text(&output);
    assert!(output.status.success(), "{program} {words:?}: {said}");
    said
}

pub(super) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub(super) fn write(path: &str, content: &str) {
    let path = Path::new(path);
    fs::create_dir_all(path.parent().expect("a path of a file")).expect("a folder");
    fs::write(path, content).expect("a file");
}

pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < SOON, "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
