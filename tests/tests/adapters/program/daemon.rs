//! `issue daemon`, of both programs: what it keeps alive, reads again, survives and refuses.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use acme_testca::{
    ChallengeKind, FaultAction, FaultRule, Faults, RequestKind, TestCa, TestCaBuilder,
};
use acme_tests::child::{Child, Outcome, Program};
use acme_tests::clients::webroot as webroot_server;
use acme_tests::dialects::Dialect;
use acme_tests::for_both_programs;
use acme_tests::servers::free_port;

use super::daemon_files::{REFUSED, written};
use super::{Scene, wait_until};

for_both_programs! {
    the_first_certificate_is_obtained_and_its_files_are_there, first;
    a_certificate_is_renewed_before_it_expires, renewed;
    what_the_ca_wants_replaced_is_replaced, replaced;
    sighup_adds_and_removes_names, reloaded;
    a_bad_file_at_sighup_keeps_the_old_list, reloaded_badly;
    a_ca_that_is_away_is_tried_again, away;
    a_deploy_hook_that_fails_is_run_again, deploy_failed;
    a_deploy_hook_runs_once_for_each_certificate, deployed_once;
    sigterm_during_an_order_leaves_nothing_behind, terminated;
    sigterm_stops_a_deploy_hook, terminated_while_deploying;
    a_second_sigterm_ends_at_once, terminated_twice;
    sigkill_and_a_restart_make_one_order, killed;
    a_folder_has_one_daemon, locked;
    a_webroot_and_hooks_prove_names_in_the_order_of_preference, webroot;
    hooks_of_other_clients_prove_names, dialects;
    a_dns_server_that_cannot_be_looked_up_is_an_event_and_no_end, unknown_dns_server;
    the_status_says_how_the_certificates_are, status;
    systemd_hears_that_it_is_ready, notified;
    the_embedded_ca_serves_for_a_try, embedded;
    a_file_that_cannot_be_used_is_refused_with_its_line_and_a_cure, refused;
}

const SOON: Duration = Duration::from_secs(60);

fn scene(program: Program) -> Scene {
    Scene::with(program, TestCa::builder())
}

fn short_lived(program: Program, seconds: u64) -> Scene {
    Scene::with(program, lifetime(TestCa::builder(), seconds))
}

fn lifetime(builder: TestCaBuilder, seconds: u64) -> TestCaBuilder {
    builder.certificate_lifetime(Duration::from_secs(seconds)).renewal_info(false)
}

impl Scene {
    /// Writes the configuration: the CA, a listener for http-01, and what else a test wants.
    fn configure(&self, more: &str) {
        self.configure_with(
            &format!("[http-01]\nlisten = \"127.0.0.1:{}\"\n", self.ca.http_port()),
            more,
        );
    }

    fn configure_with(&self, solvers: &str, more: &str) {
        // What belongs to no table comes first.
        let (top, tables) = more.split_at(more.find("[[").unwrap_or(more.len()));
        let text = format!(
            "folder = \"state\"\nagree_tos = true\n{top}\n[[ca]]\ndirectory = \"{}\"\nroot_file = \"ca.pem\"\n{solvers}{tables}",
            self.ca.directory_url(),
        );
        self.dir.write("acme.toml", text);
    }

    fn daemon(&self) -> Child {
        self.program.start(&self.dir, ["daemon", "acme.toml"])
    }

    fn certificate(&self, name: &str) -> String {
        self.read(&format!("state/certificates/{name}/cert.pem"))
    }
}

/// Ends a daemon by SIGTERM.
fn end(child: Child) -> Outcome {
    child.signal("TERM");
    let outcome = child.wait(SOON * 2);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.stdout.ends_with(" daemon: ended\n"), "{outcome:#?}");
    outcome
}

const A: &str = "[[certificate]]\nnames = [\"a.test\"]\n";
const B: &str = "[[certificate]]\nnames = [\"b.test\", \"www.b.test\"]\n";

fn first(program: Program) {
    let scene = scene(program);
    scene.configure(&format!("contact = [\"me@example.org\"]\n{A}{B}"));
    let child = scene.daemon();
    child.wait_for(" a.test: obtained, valid until 20");
    child.wait_for(" b.test: obtained, valid until 20");
    let outcome = end(child);
    for line in outcome.stdout.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
        assert!(
            ["daemon: ", "a.test: ", "b.test: "].iter().any(|word| rest.starts_with(word)),
            "{line}"
        );
    }
    assert_eq!(outcome.stdout.matches(" daemon: ready\n").count(), 1, "{outcome:#?}");
    assert_eq!(outcome.stderr, "", "{outcome:#?}");
    // Each file is what a web server, HAProxy or Postfix wants, and a secret.
    let bundle = scene.read("state/certificates/b.test/bundle.pem");
    assert!(bundle.contains("PRIVATE KEY") && bundle.contains(&scene.certificate("b.test")));
    for file in ["bundle.pem", "key.pem", "cert.pem"] {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(scene.dir.file(&format!("state/certificates/b.test/{file}")));
        assert_eq!(metadata.unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    assert_eq!(scene.ca.account_objects()[0]["contact"][0], "mailto:me@example.org");
    // What is stored is kept.
    let child = scene.daemon();
    child.wait_for(" a.test: stored, valid until 20");
    end(child);
    assert_eq!(scene.ca.certificates_issued(), 2);
}

fn renewed(program: Program) {
    let scene = short_lived(program, 6);
    scene.configure(&format!("deploy_hook = \"sh hook.sh\"\n{A}"));
    scene
        .dir
        .write("hook.sh", "grep -c PRIVATE $ACME_BUNDLE_PATH && cat $ACME_CERT_PATH >> deployed\n");
    let child = scene.daemon();
    wait_until("two renewals are deployed", || {
        scene.read("deployed").matches("BEGIN CERTIFICATE").count() >= 6
    });
    let outcome = end(child);
    assert_eq!(outcome.stdout.matches(" a.test: obtained, ").count(), 1, "{outcome:#?}");
    assert!(outcome.stdout.matches(" a.test: renewed until 20").count() >= 2, "{outcome:#?}");
    assert!(!outcome.stdout.contains("expired"), "{outcome:#?}");
    // The hook saw each certificate once, and only when it was stored.
    let deployed = scene.read("deployed");
    let leaves: Vec<&str> = deployed.split("-----END CERTIFICATE-----\n").step_by(2).collect();
    let mut distinct = leaves.clone();
    distinct.dedup();
    assert_eq!(leaves, distinct);
}

fn replaced(program: Program) {
    let scene = scene(program);
    scene.configure(A);
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    end(child);
    super::cron::suggest_renewal(&scene);
    // A CA is asked once a day; a daemon that starts asks when its time has come.
    let renewal = scene.read("state/certificates/a.test/renewal.json");
    let mut renewal: serde_json::Value = serde_json::from_str(&renewal).unwrap();
    forget_times(&mut renewal);
    scene.dir.write("state/certificates/a.test/renewal.json", renewal.to_string());
    let child = scene.daemon();
    child.wait_for("the CA asks for the certificate to be replaced at once");
    end(child);
}

/// Forgets when the CA is asked next.
fn forget_times(value: &mut serde_json::Value) {
    if let Some(object) = value.as_object_mut() {
        object.remove("askAt");
        object.values_mut().for_each(forget_times);
    }
}

fn reloaded(program: Program) {
    let scene = scene(program);
    scene.configure(A);
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    scene.configure(B);
    child.signal("HUP");
    child.wait_for("added b.test; removed a.test");
    child.wait_for(" b.test: obtained");
    // Other settings, and other names under the same first one.
    scene.configure("[[certificate]]\nnames = [\"b.test\"]\nkey = \"es384\"\n");
    child.signal("HUP");
    wait_until("b.test has another key", || scene.ca.certificates_issued() >= 2);
    let outcome = end(child);
    assert!(!outcome.stdout.contains("failed"), "{outcome:#?}");
    assert!(scene.certificate("a.test").starts_with("-----BEGIN CERTIFICATE"));
}

fn reloaded_badly(program: Program) {
    let scene = short_lived(program, 6);
    scene.configure(A);
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    scene.configure("[[certificate]]\nnames = [\"b..test\"]\n");
    child.signal("HUP");
    child.wait_for("acme.toml:10: ");
    child.wait_for("until then everything stays as it was");
    // A port of someone else is found before anything changes, too.
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = format!("[tls-alpn-01]\nlisten = \"{}\"\n", taken.local_addr().unwrap());
    scene.configure_with(&listen, B);
    child.signal("HUP");
    child.wait_for("in use");
    child.wait_for(" a.test: renewed until");
    let outcome = end(child);
    assert!(!outcome.stdout.contains("b.test: "), "{outcome:#?}");
}

fn away(program: Program) {
    let scene = short_lived(program, 12);
    scene.configure(A);
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    let unavailable = FaultRule::next(FaultAction::unavailable(None)).times(usize::MAX);
    scene.ca.set_faults(Faults::none().with(unavailable));
    child.wait_for("; the next attempt is at 20");
    scene.ca.set_faults(Faults::none());
    child.wait_for(" a.test: renewed until");
    let outcome = end(child);
    assert!(outcome.stdout.contains(scene.ca.directory_url()), "{outcome:#?}");
}

fn deploy_failed(program: Program) {
    let scene = scene(program);
    scene.configure("[[certificate]]\nnames = [\"a.test\"]\ndeploy_hook = \"sh hook.sh\"\n");
    scene
        .dir
        .write("hook.sh", "echo no such server >&2; echo $ACME_NAMES >> runs; test -e fixed\n");
    let child = scene.daemon();
    child.wait_for("the deploy hook \"sh hook.sh\" failed (exit status: 1); the certificate stays");
    assert!(scene.certificate("a.test").starts_with("-----BEGIN CERTIFICATE"));
    scene.dir.write("fixed", "");
    child.wait_for(" a.test: the deploy hook \"sh hook.sh\" has run");
    let outcome = end(child);
    assert!(outcome.stdout.contains("the hook runs again at 20"), "{outcome:#?}");
    assert!(outcome.stderr.contains("no such server"), "{outcome:#?}");
    assert_eq!(scene.read("runs"), "a.test\na.test\n");
    assert_eq!(scene.ca.certificates_issued(), 1);
}

fn deployed_once(program: Program) {
    let scene = scene(program);
    scene.configure(&format!("deploy_hook = \"sh hook.sh\"\n{A}"));
    scene.dir.write("hook.sh", "echo $1 >> runs\n");
    let child = scene.daemon();
    child.wait_for("has run");
    end(child);
    let mut child = scene.daemon();
    child.wait_for("ready");
    // Killed in the hook, it starts it again.
    scene.configure(&format!("deploy_hook = \"sh hook.sh other\"\n{A}"));
    scene
        .dir
        .write("hook.sh", "echo $1 >> runs; test $1 = other && test ! -e fixed && sleep 300\n");
    child.signal("HUP");
    wait_until("the new hook runs", || scene.read("runs").contains("other"));
    child.kill();
    drop(child);
    scene.dir.write("fixed", "");
    scene.dir.write("hook.sh", "echo $1 >> runs\n");
    let child = scene.daemon();
    child.wait_for("has run");
    end(child);
    assert_eq!(scene.read("runs"), "\nother\nother\n");
}

/// A DNS hook that publishes, and then hangs for as long as there is no file `go`.
fn slow_hook(scene: &Scene) -> String {
    let publish = format!(
        "'{}' {} ca.pem \"$@\"",
        env!("CARGO_BIN_EXE_testca-hook"),
        scene.ca.directory_url().trim_end_matches("/directory")
    );
    scene.dir.write("hook.sh", format!("echo $1 >> calls\n{publish} || exit 1\ncase $1 in present) test -e go || sleep 300.{};; esac\n", scene.ca.http_port()));
    "[dns-01]\nhook = \"sh hook.sh\"\n".to_owned()
}

/// Returns the processes that a hook has left.
fn sleepers(scene: &Scene) -> Vec<String> {
    let line = format!("sleep\0300.{}\0", scene.ca.http_port());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let is_one = |process: &fs::DirEntry| {
        fs::read(process.path().join("cmdline")).is_ok_and(|found| found == line.as_bytes())
    };
    let sleepers = processes.filter(is_one);
    sleepers.map(|process| process.file_name().to_string_lossy().into_owned()).collect()
}

fn terminated(program: Program) {
    let scene = scene(program);
    let hook = slow_hook(&scene);
    scene.configure_with(&hook, A);
    let child = scene.daemon();
    wait_until("the hook hangs", || !sleepers(&scene).is_empty());
    end(child);
    wait_until("nothing is left", || sleepers(&scene).is_empty());
    assert_eq!(scene.read("calls"), "present\ncleanup\n");
    assert!(scene.ca.published_txt().values().all(Vec::is_empty));
    // The next start goes on with the order.
    scene.dir.write("go", "");
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    end(child);
    assert_eq!(scene.count(RequestKind::NewOrder), 1, "{:?}", scene.ca.requests());
}

fn terminated_while_deploying(program: Program) {
    let scene = scene(program);
    scene.configure(&format!("deploy_hook = \"sh deploy.sh\"\n{A}"));
    scene.dir.write("deploy.sh", format!("sleep 300.{} & wait\n", scene.ca.http_port()));
    let child = scene.daemon();
    wait_until("the hook hangs", || !sleepers(&scene).is_empty());
    let outcome = end(child);
    assert!(outcome.stdout.contains("it runs again at the next start"), "{outcome:#?}");
    wait_until("nothing is left", || sleepers(&scene).is_empty());
}

fn terminated_twice(program: Program) {
    let scene = scene(program);
    let hook = slow_hook(&scene);
    let slow = scene.read("hook.sh").replace("case $1 in present", "case $1 in *");
    scene.dir.write("hook.sh", slow);
    scene.configure_with(&hook, A);
    let child = scene.daemon();
    wait_until("the hook hangs", || !sleepers(&scene).is_empty());
    child.signal("TERM");
    wait_until("it cleans up", || scene.read("calls").contains("cleanup"));
    child.signal("TERM");
    let outcome = child.wait(SOON);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.stdout.contains("interrupted again: ends at once"), "{outcome:#?}");
    wait_until("nothing is left", || sleepers(&scene).is_empty());
}

fn killed(program: Program) {
    let scene = scene(program);
    let hook = slow_hook(&scene);
    scene.configure_with(&hook, A);
    let mut child = scene.daemon();
    wait_until("the hook hangs", || !sleepers(&scene).is_empty());
    child.kill();
    drop(child);
    scene.dir.write("go", "");
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    end(child);
    assert_eq!(scene.count(RequestKind::NewOrder), 1, "{:?}", scene.ca.requests());
    assert!(scene.ca.published_txt().values().all(Vec::is_empty));
    // A hook outlives a program that is killed; systemd would end it.
    for process in sleepers(&scene) {
        let _ = std::process::Command::new("kill").arg(process).status();
    }
}

fn locked(program: Program) {
    let scene = scene(program);
    scene.configure(A);
    let child = scene.daemon();
    child.wait_for("ready");
    let outcome = scene.daemon().wait(SOON);
    outcome.assert_failed(1, &["state", "has a daemon already", "SIGHUP", "another folder"]);
    end(child);
}

fn webroot(program: Program) {
    let scene = scene(program);
    fs::create_dir_all(scene.dir.file("www")).unwrap();
    let hook = slow_hook(&scene);
    scene.dir.write("go", "");
    let solvers = format!("[http-01]\nwebroot = \"www\"\n{hook}");
    scene.configure_with(&solvers, "challenges = [\"http-01\", \"dns-01\"]\n[[certificate]]\nnames = [\"a.test\", \"*.a.test\"]\n");
    let server = serve(&scene);
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    end(child);
    drop(server);
    assert_eq!(scene.read("calls"), "present\ncleanup\n");
    let kinds: Vec<_> = scene.ca.validations().iter().map(|one| one.kind).collect();
    assert!(
        [ChallengeKind::Http01, ChallengeKind::Dns01].iter().all(|kind| kinds.contains(kind)),
        "{kinds:?}"
    );
    let left = fs::read_dir(scene.dir.file("www/.well-known/acme-challenge")).unwrap();
    assert_eq!(left.count(), 0);
}

fn dialects(program: Program) {
    let scene = scene(program);
    let origin = scene.ca.directory_url().trim_end_matches("/directory");
    let tool = format!("exec '{}' {origin} ca.pem \"$@\"", env!("CARGO_BIN_EXE_testca-hook"));
    Dialect::named("lego").install(&scene.dir, &tool);
    Dialect::named("certbot").install(&scene.dir, &tool);
    let lego = "[dns-01]\nhook = \"sh lego.sh\"\nhook_dialect = \"lego\"\n";
    scene.configure_with(lego, "[[certificate]]\nnames = [\"a.test\", \"*.a.test\"]\n");
    let child = scene.daemon();
    child.wait_for(" a.test: obtained");
    Dialect::named("lego").assert_called(&scene.read("calls"), 2);
    scene.dir.write("calls", "");
    // Another dialect at a reload, with a command for the clean-up, and one for http-01.
    let certbot = "hook = \"sh certbot-auth.sh\"\nhook_dialect = \"certbot\"\n\
                   cleanup_hook = \"sh certbot-cleanup.sh\"\n";
    webroot_server::serve(scene.ca.http_port(), scene.dir.file("web")).unwrap();
    scene.configure_with(
        &format!("[http-01]\n{certbot}[dns-01]\n{certbot}"),
        "[[certificate]]\nnames = [\"b.test\", \"*.b.test\"]\n",
    );
    child.signal("HUP");
    child.wait_for(" b.test: obtained");
    end(child);
    let calls = scene.read("calls");
    Dialect::named("certbot").assert_called(&calls, 2);
    // The challenges of both kinds count together.
    for remaining in ["remaining=1 ", "remaining=0 "] {
        assert_eq!(calls.matches(remaining).count(), 1, "{calls}");
    }
    let kinds: Vec<_> = scene.ca.validations().iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&ChallengeKind::Http01), "{kinds:?}");
    assert!(scene.ca.published_txt().values().all(Vec::is_empty));
}

fn unknown_dns_server(program: Program) {
    let scene = scene(program);
    scene.dir.write("my.key", "key \"my\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n");
    make_private(&scene.dir.file("my.key"));
    // No name below `invalid` exists (RFC 6761 Section 6.4).
    let update =
        "[dns-01]\ndns_update_server = \"ns1.invalid\"\ndns_update_key_file = \"my.key\"\n";
    scene.configure_with(update, A);
    let check = scene.program.run(&scene.dir, ["daemon", "--check", "acme.toml"]);
    assert_eq!(check.code, Some(0), "{check:#?}");
    let child = scene.daemon();
    child.wait_for(" daemon: ready");
    child.wait_for("the DNS server ns1.invalid cannot be looked up");
    // It goes on, and takes another list.
    scene.configure_with(update, B);
    child.signal("HUP");
    child.wait_for("added b.test");
    end(child);
    // A run for one certificate says so before the CA hears of it.
    let before = scene.ca.requests().len();
    let line = ["--dns-update-server", "ns1.invalid", "--dns-update-key-file", "my.key", "a.test"];
    let outcome = scene.run(&line);
    outcome
        .assert_failed(2, &["the DNS server ns1.invalid cannot be looked up", "give its address"]);
    assert_eq!(scene.ca.requests().len(), before);
}

fn make_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Serves the files below `www` at the port where the CA looks.
fn serve(scene: &Scene) -> impl Drop {
    use std::io::{Read as _, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Server(Arc<AtomicBool>, u16);
    impl Drop for Server {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            let _ = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.1));
        }
    }
    let (port, root) = (scene.ca.http_port(), scene.dir.file("www"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let (mut stream, mut head) = (stream, [0; 2048]);
            let length = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let body = fs::read_to_string(root.join(path)).unwrap_or_default();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    Server(over, port)
}

fn status(program: Program) {
    let scene = scene(program);
    scene.configure(A);
    let ask = || program.run(&scene.dir, ["daemon", "--status", "acme.toml"]);
    ask().assert_failed(1, &["health.json", "start the daemon"]);
    let child = scene.daemon();
    child.wait_for(" a.test: waiting until");
    wait_until("it is well", || ask().code == Some(0));
    let outcome = ask();
    assert!(
        outcome.stdout.contains("the daemon runs, and all certificates are well"),
        "{outcome:#?}"
    );
    assert!(outcome.stdout.contains("a.test: valid, until 20"), "{outcome:#?}");
    end(child);
    let outcome = ask();
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.stdout.contains("the daemon does not run"), "{outcome:#?}");
}

fn notified(program: Program) {
    use std::os::unix::net::UnixDatagram;

    let scene = scene(program);
    scene.configure(A);
    let path = std::env::temp_dir().join(format!("acme-notify-{}", free_port()));
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let child = program.start_with(
        &scene.dir,
        ["daemon", "acme.toml"],
        &[("NOTIFY_SOCKET", path.to_str().unwrap())],
    );
    let mut state = [0; 64];
    let length = socket.recv(&mut state).unwrap();
    assert_eq!(&state[..length], b"READY=1");
    child.wait_for("obtained");
    end(child);
    let length = socket.recv(&mut state).unwrap();
    assert_eq!(&state[..length], b"STOPPING=1");
    fs::remove_file(path).unwrap();
}

fn embedded(program: Program) {
    let scene = scene(program);
    let text = format!(
        "folder = \"state\"\n[[ca]]\ndirectory = \"embedded-test-ca\"\n[tls-alpn-01]\nlisten = \"127.0.0.1:0\"\n{A}"
    );
    scene.dir.write("acme.toml", &text);
    for _ in 0..2 {
        let child = scene.daemon();
        child.wait_for(" a.test: waiting until");
        child.wait_for(" daemon: the embedded test CA issues");
        end(child);
    }
    assert!(scene.dir.file("state/embedded-ca/certificates/a.test/cert.pem").exists());
    assert!(scene.dir.file("state/embedded-ca/root.pem").exists());
    assert!(!scene.dir.file("state/certificates").exists());
}

fn refused(program: Program) {
    use std::os::unix::fs::PermissionsExt as _;

    let scene = scene(program);
    let key = "key k { algorithm hmac-sha256; secret c2VjcmV0; };";
    let key = scene.dir.write("tsig.key", key);
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    for (text, line, words) in REFUSED {
        let text = written(text);
        scene.dir.write("acme.toml", &text);
        let outcome = program.run(&scene.dir, ["daemon", "acme.toml"]);
        let place =
            if *line == 0 { "acme.toml: ".to_owned() } else { format!("acme.toml:{line}: ") };
        outcome.assert_failed(2, &[&[place.as_str()][..], words].concat());
        assert_eq!(outcome.stdout, "", "{text}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{text}: {}", outcome.stderr);
        assert!(!scene.dir.file("state").exists(), "{text}");
    }
    program
        .run(&scene.dir, ["daemon", "missing.toml"])
        .assert_failed(2, &["missing.toml", "running it"]);
    scene.configure(A);
    let outcome = program.run(&scene.dir, ["daemon", "--check", "acme.toml"]);
    assert!(
        outcome.code == Some(0) && outcome.stdout.contains("1 certificate is in order"),
        "{outcome:#?}"
    );
}
