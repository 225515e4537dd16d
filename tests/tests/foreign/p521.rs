//! A CA's HTTPS server with keys on P-521, which the crypto provider ring does not know: the server is OpenSSL's.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use acme_tests::child::{Killed, Program, ScratchDir, openssl};
use acme_tests::for_both_programs;
use acme_tests::servers::free_port;

for_both_programs! {
    a_server_with_a_key_on_p521_is_explained, key_of_the_server;
    a_certificate_that_a_key_on_p521_signed_is_explained, key_of_the_issuer;
}

/// What each message says in the end.
const ADVICE: &str =
    "the crypto provider ring does not know P-521; build with the feature `aws-lc-rs`";

fn key_of_the_server(program: Program) {
    let dir = ScratchDir::new();
    self_signed(&dir, "server", "P-521");
    for version in ["-tls1_3", "-tls1_2"] {
        let words =
            "the server refused the TLS handshake (handshake failure); if its key is P-521:";
        assert_explained(program, &dir, version, "server.pem", words);
    }
}

fn key_of_the_issuer(program: Program) {
    let dir = ScratchDir::new();
    self_signed(&dir, "root", "P-521");
    // Browsers and OpenSSL hash by SHA-512 for such a key; others are allowed (RFC 5480 Section 4).
    for digest in ["-sha512", "-sha256"] {
        signed_by_root(&dir, digest);
        for version in ["-tls1_3", "-tls1_2"] {
            let words = "the certificate is signed by a key on P-521:";
            assert_explained(program, &dir, version, "root.pem", words);
        }
    }
}

/// Makes `NAME.key` on a curve, and `NAME.pem` that it signed itself.
fn self_signed(dir: &ScratchDir, name: &str, curve: &str) {
    let words = "req -x509 -nodes -newkey ec -days 2 -subj /CN=ca.test -addext";
    let san = "subjectAltName=IP:127.0.0.1";
    let curve = format!("ec_paramgen_curve:{curve}");
    let (key, pem) = (path(dir, &format!("{name}.key")), path(dir, &format!("{name}.pem")));
    let words = words.split(' ').chain([san, "-pkeyopt"]);
    openssl(words, [&curve, &"-keyout".into(), &key, &"-out".into(), &pem]);
}

/// Makes `server.key` on P-256, and `server.pem` that the root signed.
fn signed_by_root(dir: &ScratchDir, digest: &str) {
    self_signed(dir, "server", "P-256");
    dir.write("san.txt", "subjectAltName=IP:127.0.0.1\n");
    let [key, pem, request, root, root_key, san] =
        ["server.key", "server.pem", "server.csr", "root.pem", "root.key", "san.txt"]
            .map(|name| path(dir, name));
    openssl(["req", "-new", "-subj", "/CN=server", "-key"], [&key, &"-out".into(), &request]);
    let words = ["x509", "-req", "-days", "2", digest, "-CA"];
    let files = ["-CAkey", &root_key, "-in", &request, "-extfile", &san, "-out", &pem];
    openssl(words, [&*root].into_iter().chain(files));
}

fn path(dir: &ScratchDir, name: &str) -> String {
    dir.file(name).display().to_string()
}

/// Runs OpenSSL's server with `server.key` and `server.pem`, and a program that is given that root.
#[track_caller]
fn assert_explained(program: Program, dir: &ScratchDir, version: &str, root: &str, words: &str) {
    let port = free_port();
    let mut server = Command::new("openssl")
        .args(["s_server", "-www", version, "-key", "server.key", "-cert", "server.pem"])
        .args(["-accept", &format!("127.0.0.1:{port}")])
        .current_dir(dir.work())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("these tests need the program openssl");
    let said = BufReader::new(server.stdout.take().expect("a pipe"));
    let _server = Killed(server);
    let is_open = said.lines().map_while(Result::ok).any(|line| line == "ACCEPT");
    assert!(is_open, "openssl does not listen");
    let url = format!("https://127.0.0.1:{port}/directory");
    let line = ["--directory", &url, "--ca-file", root, "--timeout", "5", "a.test"];
    let outcome = program.run(dir, line);
    outcome.assert_failed(1, &[&url, words, ADVICE]);
    assert!(outcome.elapsed < Duration::from_secs(20), "{outcome:#?}");
    assert!(
        !outcome.stderr.contains("NISTP521") && !outcome.stderr.contains("[6, "),
        "{outcome:#?}"
    );
}
