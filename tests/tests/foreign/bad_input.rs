//! Bad input: an error that names cause and remedy, in time, and no file that was there is touched.
#![allow(clippy::unwrap_used)] // tests, in functions that two programs share

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use acme_testca::TestCa;
use acme_tests::child::{HtmlServer, IssuedFiles, Outcome, Program, ScratchDir, contents, openssl};
use acme_tests::for_both_programs;
use acme_tests::servers::free_port;

for_both_programs! {
    what_is_no_url_is_refused, not_a_url;
    an_http_directory_is_refused, http_directory;
    a_ca_under_another_root_is_refused, wrong_root;
    a_root_file_that_is_none_is_refused, no_root;
    a_refused_connection_ends_in_time, connection_refused;
    html_in_place_of_a_directory_is_shown, html;
    a_name_that_the_ca_refuses_is_named, refused_name;
    a_port_in_use_is_named, port_in_use;
    an_unreadable_account_file_is_left_alone, unreadable_account;
    the_account_file_of_another_ca_is_left_alone, foreign_account;
    an_order_of_another_ca_is_left_alone, foreign_order;
    an_order_for_other_names_is_left_alone, order_for_other_names;
    an_order_file_that_is_none_is_left_alone, unreadable_order;
    an_output_directory_that_cannot_be_written_is_named, unwritable_output;
    a_second_run_at_the_same_time_is_refused, second_run;
    a_second_run_with_the_same_account_is_refused, second_run_with_the_account;
    a_wrong_external_account_key_is_refused, wrong_eab_key;
    a_csr_that_lacks_a_name_is_refused, csr_without_a_name;
    a_csr_for_another_key_than_that_in_the_directory_is_refused, csr_of_another_key;
    a_key_file_that_is_none_is_left_alone, unreadable_key;
    a_challenge_that_the_ca_cannot_see_fails_with_its_words, nothing_to_see;
    a_hook_that_fails_is_quoted, failing_hook;
    a_ca_that_is_too_slow_ends_in_time, too_slow;
    wrong_usage_is_told_at_once, wrong_usage;
}

/// A CA, and an output directory that it has issued into already.
struct Scene {
    program: Program,
    ca: TestCa,
    dir: ScratchDir,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

impl Scene {
    fn new(program: Program) -> Self {
        Self::with(program, TestCa::builder())
    }

    fn with(program: Program, builder: acme_testca::TestCaBuilder) -> Self {
        let ca = builder.http_port(free_port()).start().unwrap();
        let dir = ScratchDir::new();
        dir.write("ca.pem", ca.root_pem());
        let mut scene = Self { program, ca, dir, before: BTreeMap::new() };
        scene.run(&[], "good.test").assert_issued();
        scene.look();
        assert!(scene.before.contains_key(&scene.dir.file("out/cert.pem")));
        scene
    }

    /// Returns the options that name the CA, but for those that `more` has.
    fn line(&self, more: &[&str], name: &str) -> Vec<String> {
        let port = self.ca.http_port().to_string();
        let usual = [
            ("--directory", self.ca.directory_url()),
            ("--ca-file", "ca.pem"),
            ("--http-port", &port),
            ("--out", "out"),
        ];
        let usual = usual.into_iter().filter(|(option, _)| !more.contains(option));
        let mut line: Vec<String> =
            usual.flat_map(|(option, value)| [option.to_owned(), value.to_owned()]).collect();
        line.extend(more.iter().map(ToString::to_string));
        line.push(name.to_owned());
        line
    }

    fn run(&self, more: &[&str], name: &str) -> Outcome {
        self.program.run(&self.dir, self.line(more, name))
    }

    /// Runs what has to fail, and compares the files.
    #[track_caller]
    fn refuse(&self, more: &[&str], name: &str, code: i32, words: &[&str]) -> Outcome {
        let outcome = self.run(more, name);
        outcome.assert_failed(code, words);
        assert!(outcome.elapsed < Duration::from_secs(20), "{outcome:#?}");
        self.assert_untouched();
        outcome
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let after = contents(&self.dir.work());
        for (path, content) in &self.before {
            assert!(after.get(path) == Some(content), "{} was touched", path.display());
        }
        let order = self.dir.file("out/order.json");
        assert!(self.before.contains_key(&order) || !order.exists(), "an order is left behind");
        assert_eq!(self.ca.certificates_issued(), 1);
    }

    /// Puts a file there, which has to stay as it is.
    fn put(&mut self, name: &str, content: &str) {
        self.dir.write(name, content);
        self.look();
    }

    /// Notes which files are there, but for what a run knew of the CA: one that failed there forgets it.
    fn look(&mut self) {
        self.before = contents(&self.dir.work());
        self.before.retain(|path, _| !path.ends_with("account.json.session"));
    }

    /// Returns what the URLs of all of the CA's resources begin with.
    fn origin(&self) -> &str {
        self.ca.directory_url().trim_end_matches("directory")
    }
}

fn not_a_url(program: Program) {
    let scene = Scene::new(program);
    scene.refuse(
        &["--directory", "ca.test/directory"],
        "a.test",
        2,
        &["ca.test/directory", "--directory"],
    );
}

fn http_directory(program: Program) {
    let scene = Scene::new(program);
    let url = scene.ca.directory_url().replace("https", "http");
    scene.refuse(
        &["--directory", &url],
        "a.test",
        2,
        &[&url, "not https", "give the CA's https URL"],
    );
}

fn wrong_root(program: Program) {
    let mut scene = Scene::new(program);
    scene.put("other.pem", TestCa::start().root_pem());
    // The directory is known: the first request is another one.
    scene.refuse(
        &["--ca-file", "other.pem"],
        "a.test",
        1,
        &[scene.origin(), "certificate", "roots", "--ca-file"],
    );
    // It is not known any more.
    scene.refuse(
        &["--ca-file", "other.pem"],
        "a.test",
        1,
        &[scene.ca.directory_url(), "certificate", "roots", "--ca-file"],
    );
}

fn no_root(program: Program) {
    let mut scene = Scene::new(program);
    scene.refuse(&["--ca-file", "missing.pem"], "a.test", 1, &["missing.pem", "--ca-file"]);
    scene.put("empty.pem", "nothing\n");
    scene.refuse(&["--ca-file", "empty.pem"], "a.test", 1, &["root", "PEM"]);
}

fn connection_refused(program: Program) {
    let scene = Scene::new(program);
    let url = format!("https://127.0.0.1:{}/directory", free_port());
    let more = ["--directory", &url, "--account", "other.json"];
    scene.refuse(&more, "a.test", 1, &[&url, "refused", "check the URL"]);
    assert!(!scene.dir.file("other.json").exists());
}

fn html(program: Program) {
    let mut scene = Scene::new(program);
    let server = HtmlServer::start();
    scene.put("html.pem", server.root_pem());
    let more = ["--directory", &server.url(), "--ca-file", "html.pem", "--account", "other.json"];
    scene.refuse(
        &more,
        "a.test",
        1,
        &[&server.url(), "text/html", "check that the URL is that of an ACME directory"],
    );
    assert!(!scene.dir.file("other.json").exists());
}

fn refused_name(program: Program) {
    let scene = Scene::with(program, TestCa::builder().block_name("bad.test"));
    scene.refuse(
        &[],
        "bad.test",
        1,
        &["bad.test", "blocked by policy", "new-order", "leave out the names"],
    );
}

fn port_in_use(program: Program) {
    let scene = Scene::new(program);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = [port.as_str(), "in use", "choose another port", "--http-port"];
    scene.refuse(&["--http-port", &port], "a.test", 1, &words);
    let more = ["--challenge", "tls-alpn-01", "--tls-port", &port];
    scene.refuse(&more, "a.test", 1, &words);
    scene.refuse(
        &["--listen", "192.0.2.1"],
        "a.test",
        1,
        &["192.0.2.1", "no address of this machine", "--listen"],
    );
}

fn unreadable_account(program: Program) {
    let mut scene = Scene::new(program);
    for content in ["", "{", "[]", "{\"version\":1}", "-----BEGIN PRIVATE KEY-----"] {
        scene.put("bad.json", content);
        scene.refuse(
            &["--account", "bad.json"],
            "a.test",
            1,
            &["bad.json", "no account file", "another"],
        );
    }
    fs::create_dir(scene.dir.file("dir.json")).unwrap();
    scene.refuse(&["--account", "dir.json"], "a.test", 1, &["dir.json"]);
}

fn foreign_account(program: Program) {
    let scene = Scene::new(program);
    let other = TestCa::start();
    scene.dir.write("other.pem", other.root_pem());
    let more = ["--directory", other.directory_url(), "--ca-file", "other.pem"];
    let words = ["account.json", scene.ca.directory_url(), other.directory_url(), "--account"];
    scene.refuse(&more, "a.test", 1, &words);
    assert_eq!(other.requests().len(), 0);
}

/// A saved order, as the programs write it.
fn saved_order(directory: &str, name: &str) -> String {
    serde_json::json!({
        "version": 1,
        "directory": directory,
        "account": format!("{directory}/account"),
        "order": format!("{directory}/order"),
        "request": { "identifiers": [{ "type": "dns", "value": name }] },
        "tried": [],
        "challenges": [],
    })
    .to_string()
}

fn foreign_order(program: Program) {
    let mut scene = Scene::new(program);
    let elsewhere = "https://ca.elsewhere.test/directory";
    scene.put("out/order.json", &saved_order(elsewhere, "a.test"));
    scene.refuse(&[], "a.test", 1, &["order.json", elsewhere, "--out"]);
    // Not even the embedded CA gives up an order of a real one.
    let outcome = program.run(&scene.dir, ["--out", "out", "--account", "new.json", "a.test"]);
    outcome.assert_failed(1, &["order.json", elsewhere, "--out"]);
    scene.assert_untouched();
}

fn order_for_other_names(program: Program) {
    let mut scene = Scene::new(program);
    let order = saved_order(scene.ca.directory_url(), "other.test");
    scene.put("out/order.json", &order);
    scene.refuse(&[], "a.test", 1, &["order.json", "other.test", "--out"]);
}

fn unreadable_order(program: Program) {
    let mut scene = Scene::new(program);
    scene.put("out/order.json", "{\"version\":");
    scene.refuse(&[], "a.test", 1, &["order.json", "move the file away"]);
}

fn unwritable_output(program: Program) {
    let mut scene = Scene::new(program);
    scene.put("file", "in the way");
    scene.refuse(&["--out", "file/out"], "a.test", 1, &["file/out", "cannot be made", "--out"]);
    scene.refuse(&["--out", "file"], "a.test", 1, &["file", "--out"]);
    scene.refuse(&["--out", "/proc/out"], "a.test", 1, &["/proc/out", "--out"]);
    scene.refuse(&["--trace", "file/trace"], "a.test", 1, &["file/trace", "--trace"]);
}

fn second_run(program: Program) {
    let scene = Scene::new(program);
    scene.ca.set_latency(Duration::from_secs(2));
    let first = program.start(&scene.dir, scene.line(&[], "good.test"));
    first.wait_for("connecting");
    scene.refuse(
        &["--account", "other.json"],
        "good.test",
        1,
        &["in use by another process", "--out"],
    );
    scene.ca.set_latency(Duration::ZERO);
    first.wait(Duration::from_secs(60)).assert_issued();
}

fn second_run_with_the_account(program: Program) {
    let scene = Scene::new(program);
    scene.ca.set_latency(Duration::from_secs(2));
    let first = program.start(
        &scene.dir,
        scene.line(&["--out", "one", "--account", "out/account.json"], "one.test"),
    );
    first.wait_for("connecting");
    let more = ["--out", "two", "--account", "out/account.json"];
    scene.refuse(&more, "two.test", 1, &["account.json", "in use by another process"]);
    scene.ca.set_latency(Duration::ZERO);
    first.wait(Duration::from_secs(60)).assert_issued();
    scene.run(&more, "two.test").assert_issued();
}

fn wrong_eab_key(program: Program) {
    let builder = TestCa::builder().external_account("kid-1", [7; 32]);
    let scene = Scene::with(program, builder);
    scene.ca.configure(|config| config.eab_required = true);
    let key = "d3JvbmcgYnV0IGxvbmcgZW5vdWdoIGZvciBIUzI1Ng";
    let more = ["--account", "other.json", "--eab-kid", "kid-1", "--eab-key", key];
    let outcome = scene.refuse(
        &more,
        "a.test",
        1,
        &["new-account", "the MAC of the external account binding is wrong", "check"],
    );
    assert!(!outcome.stderr.contains(key));
    let more = ["--account", "third.json", "--eab-kid", "kid-1", "--eab-key", "?"];
    scene.refuse(&more, "a.test", 2, &["--eab-key"]);
    // The right key mends it.
    let key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    let more = ["--account", "other.json", "--eab-kid", "kid-1", "--eab-key", key];
    scene.run(&more, "a.test").assert_issued();
}

/// Makes a CSR for one name.
fn csr(scene: &mut Scene, name: &str) {
    let words = [
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/",
    ];
    let san = format!("subjectAltName=DNS:{name}");
    let [key, file] = ["own.key", "own.csr"].map(|name| scene.dir.file(name));
    let words = words.into_iter().chain(["-addext", &san]);
    openssl(words, [&"-keyout".into(), &key, &"-out".into(), &file]);
    scene.look();
}

fn csr_without_a_name(program: Program) {
    let mut scene = Scene::new(program);
    csr(&mut scene, "a.test");
    let line = scene.line(&["--csr", "own.csr", "--out", "other", "b.test"], "a.test");
    let outcome = program.run(&scene.dir, line);
    outcome.assert_failed(1, &["own.csr", "b.test", "another CSR"]);
    scene.assert_untouched();
    scene.refuse(&["--csr", "missing.csr"], "a.test", 1, &["missing.csr"]);
    scene.refuse(&["--csr", "ca.pem"], "a.test", 1, &["ca.pem"]);
}

fn csr_of_another_key(program: Program) {
    let mut scene = Scene::new(program);
    csr(&mut scene, "a.test");
    scene.refuse(
        &["--csr", "own.csr"],
        "a.test",
        1,
        &["key.pem", "not the key of the CSR", "--out"],
    );
    scene.refuse(&["--key", "es384"], "a.test", 1, &["key.pem", "es384", "--out"]);
}

fn unreadable_key(program: Program) {
    let mut scene = Scene::new(program);
    fs::create_dir(scene.dir.file("other")).unwrap();
    scene.put("other/key.pem", "no key\n");
    scene.refuse(&["--out", "other"], "a.test", 1, &["other/key.pem", "PKCS#8", "--out"]);
}

fn nothing_to_see(program: Program) {
    let scene = Scene::new(program);
    let elsewhere = free_port().to_string();
    scene.refuse(
        &["--http-port", &elsewhere],
        "a.test",
        1,
        &["a.test", "http-01", "cannot connect to 127.0.0.1", "reach the challenge"],
    );
    // Nothing is left that would keep the next run from starting over.
    scene.run(&[], "good.test").assert_issued();
}

fn failing_hook(program: Program) {
    let mut scene = Scene::new(program);
    scene.put("hook.sh", "echo the zone is locked >&2\nexit 3\n");
    let more = ["--dns-hook", "sh hook.sh", "--challenge", "dns-01"];
    let outcome = scene.run(&more, "a.test");
    outcome.assert_failed(1, &["a.test", "dns-01", "the zone is locked"]);
    assert!(outcome.stderr.contains("still published (1)"), "{}", outcome.stderr);
    assert_eq!(scene.ca.certificates_issued(), 1);
    // A hook that works mends it.
    let origin = scene.ca.directory_url().trim_end_matches("/directory");
    let hook = format!("'{}' {origin} ca.pem", env!("CARGO_BIN_EXE_testca-hook"));
    scene.run(&["--dns-hook", &hook, "--challenge", "dns-01"], "a.test").assert_issued();
    IssuedFiles::new(scene.dir.file("out"), scene.dir.file("ca.pem")).assert_complete(&["a.test"]);
}

fn too_slow(program: Program) {
    let scene = Scene::new(program);
    scene.ca.set_latency(Duration::from_secs(30));
    // The directory is known to the first run, and forgotten by the second one.
    for url in [scene.origin(), scene.ca.directory_url()] {
        let outcome = scene.refuse(&["--timeout", "1"], "a.test", 1, &[url, "--timeout"]);
        assert!(outcome.elapsed < Duration::from_secs(20), "{outcome:#?}");
    }
}

fn wrong_usage(program: Program) {
    let scene = Scene::new(program);
    for (more, words) in [
        (&["--challenge", "dns-01"][..], &["--hook"][..]),
        (&["--challenge", "dns-02"], &["dns-02", "tls-alpn-01"]),
        (&["--key", "dsa"], &["dsa"]),
        (&["--eab-kid", "kid"], &["--eab-key"]),
        (&["--timeout", "soon"], &["--timeout"]),
        (&["--listen", "here"], &["--listen"]),
        (&["--contact", "nobody"], &["--contact"]),
        (&["--colour"], &["--colour"]),
        (&["--challenge", "http-01", "*.a.test"], &["*.a.test", "dns-01"]),
        (&["exam ple"], &["exam ple"]),
    ] {
        let outcome = scene.refuse(more, "a.test", 2, words);
        assert!(outcome.elapsed < Duration::from_secs(20));
    }
    IssuedFiles::new(scene.dir.file("out"), scene.dir.file("ca.pem"))
        .assert_complete(&["good.test"]);
}
