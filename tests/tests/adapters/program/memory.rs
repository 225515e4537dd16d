//! What a run keeps of what it learnt about the CA's server, and what becomes of a file of it that is of no use.

use std::fs;

use acme_testca::RequestKind;
use acme_tests::child::{Outcome, Program};
use acme_tests::for_both_programs;
use serde_json::{Value, json};

use super::Scene;

for_both_programs! {
    a_later_run_asks_for_neither_directory_nor_nonce, spared;
    a_memory_that_is_damaged_is_said_and_replaced, damaged;
    a_memory_that_is_out_of_date_costs_one_repeated_request, stale;
    a_memory_of_another_ca_is_not_used, foreign;
    a_memory_that_cannot_be_written_is_no_failure, unwritable;
}

const FILE: &str = "out/account.session.json";

/// Runs once, and forgets the requests.
fn issued(program: Program) -> Scene {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    scene.ca.clear_log();
    scene
}

fn again(scene: &Scene) -> Outcome {
    let outcome = scene.run(&["--force", "a.test"]);
    outcome.assert_issued();
    outcome
}

fn memory(scene: &Scene) -> Value {
    serde_json::from_str(&scene.read(FILE)).unwrap()
}

/// How many requests there were for what a memory spares, and in all without the reads that depend on the time.
fn asked(scene: &Scene) -> [usize; 3] {
    let polls = scene.count(RequestKind::Order) + scene.count(RequestKind::Authorization);
    let kinds = [RequestKind::Directory, RequestKind::NewNonce];
    let [directory, nonce] = kinds.map(|kind| scene.count(kind));
    [directory, nonce, scene.ca.requests().len() - polls]
}

fn spared(program: Program) {
    let scene = issued(program);
    again(&scene);
    // newOrder, the challenge, finalize and the certificate, by a connection of two round trips.
    assert_eq!(asked(&scene), [0, 0, 4], "{:?}", scene.ca.requests());
    // Without the file there are two more, one after the other.
    fs::remove_file(scene.dir.file(FILE)).unwrap();
    scene.ca.clear_log();
    let outcome = again(&scene);
    assert_eq!(asked(&scene), [1, 1, 6], "{:?}", scene.ca.requests());
    assert!(!outcome.stderr.contains("session.json"), "{outcome:#?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(scene.dir.file(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

fn damaged(program: Program) {
    let scene = issued(program);
    for damage in ["", "{\"version\":1,", "\u{0}\u{0}\u{0}\u{0}"] {
        fs::write(scene.dir.file(FILE), damage).unwrap();
        scene.ca.clear_log();
        let outcome = again(&scene);
        let line = outcome.stderr.lines().find(|line| line.contains("account.session.json"));
        assert!(line.is_some_and(|line| line.contains("replacing it")), "{outcome:#?}");
        assert_eq!(asked(&scene), [1, 1, 6], "{:?}", scene.ca.requests());
        assert_eq!(memory(&scene)["directoryUrl"], json!(scene.ca.directory_url()));
    }
}

fn stale(program: Program) {
    let scene = issued(program);
    let mut old = memory(&scene);
    let newest = old["nonces"].as_array_mut().unwrap().pop().unwrap();
    old["nonces"] =
        json!([{ "received": newest["received"], "nonce": "b2Y_ZXhwaXJlZCBsb25nIGFnbw" }]);
    fs::write(scene.dir.file(FILE), old.to_string()).unwrap();
    let outcome = again(&scene);
    // newOrder twice: the refusal brings the nonce that newNonce would have brought.
    assert_eq!(asked(&scene), [0, 0, 5], "{:?}", scene.ca.requests());
    assert_eq!(scene.count(RequestKind::NewOrder), 2);
    assert!(!outcome.stderr.contains("session.json"), "{outcome:#?}");
}

fn foreign(program: Program) {
    let scene = issued(program);
    let mut other = memory(&scene);
    other["directoryUrl"] = json!("https://other.test/directory");
    fs::write(scene.dir.file(FILE), other.to_string()).unwrap();
    again(&scene);
    assert_eq!(asked(&scene), [1, 1, 6], "{:?}", scene.ca.requests());
    assert_eq!(memory(&scene)["directoryUrl"], json!(scene.ca.directory_url()));
}

fn unwritable(program: Program) {
    let scene = Scene::new(program);
    // Nothing can be renamed over a folder.
    fs::create_dir_all(scene.dir.file(FILE).join("folder")).unwrap();
    let outcome = scene.run(&["a.test"]);
    outcome.assert_issued();
    assert!(outcome.stderr.contains("cannot be written"), "{outcome:#?}");
}
