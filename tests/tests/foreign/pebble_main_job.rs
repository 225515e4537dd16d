//! The main job against Let's Encrypt's Pebble, which refuses half of all nonces: twenty runs, twenty certificates.

use acme_tests::child::{IssuedFiles, Program, ScratchDir};
use acme_tests::for_both_programs;
use acme_tests::servers::{Pebble, PebbleOptions};

for_both_programs! {
    ten_runs_by_all_kinds_of_challenge_end_in_ten_certificates, ten_runs;
}

/// How a name is proved.
const KINDS: [(&str, &str); 3] = [
    ("http-01", "www.example.test"),
    ("dns-01", "*.example.test"),
    ("tls-alpn-01", "alpn.example.test"),
];

fn ten_runs(program: Program) {
    let pebble = Pebble::start(PebbleOptions::default().nonce_reject(50));
    let dir = ScratchDir::new();
    let root = pebble.root_file().display().to_string();
    let (http, tls) = (pebble.http_port().to_string(), pebble.tls_port().to_string());
    let hook = pebble.dns_hook_command();
    for (run, (kind, name)) in KINDS.iter().cycle().take(10).enumerate() {
        let out = format!("out-{run}");
        let line = [
            "--directory",
            pebble.directory_url(),
            "--ca-file",
            &root,
            "--agree-tos",
            "--account",
            "account.json",
            "--http-port",
            &http,
            "--tls-port",
            &tls,
            "--challenge",
            kind,
            "--out",
            &out,
            name,
        ];
        let hook = ["--dns-hook", &hook].into_iter().filter(|_| *kind == "dns-01");
        program.run(&dir, line.into_iter().chain(hook)).assert_issued();
        IssuedFiles::new(dir.file(&out), pebble.issuer_root_file()).assert_complete(&[*name]);
    }
    assert_eq!(pebble.published_txt(), [], "every record was removed");
}
