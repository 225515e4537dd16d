//! What a run keeps of what it learnt about the CA's server: what it spares the next one, when it is forgotten, and what
//! becomes of a file that is of no use.

use std::fs;

use acme_testca::{FaultAction, FaultRule, Faults, Profile, Quirks, RequestKind};
use acme_tests::child::{Outcome, Program};
use acme_tests::for_both_programs;
use serde_json::{Value, json};

use super::Scene;

for_both_programs! {
    a_later_run_takes_exactly_two_requests_fewer, spared;
    a_memory_is_readable_by_its_owner_only, mode;
    a_memory_that_is_damaged_is_said_and_left_alone, damaged;
    a_key_at_the_place_of_the_memory_is_left_alone, key;
    accounts_with_like_names_have_memories_of_their_own, like_names;
    a_memory_that_is_out_of_date_costs_one_repeated_request, stale;
    a_memory_of_another_ca_is_said_and_replaced, foreign;
    a_memory_that_cannot_be_written_is_no_failure, unwritable;
    what_a_remembered_directory_lacks_is_looked_for_in_a_new_one, lacking;
    a_run_that_fails_at_the_ca_forgets_what_was_known, forgets;
    a_run_that_does_not_reach_the_ca_keeps_what_was_known, keeps;
}

const FILE: &str = "out/account.json.session";

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

/// Returns the line about the memory, if there is one.
fn warning(outcome: &Outcome) -> Option<&str> {
    let is_warning = |line: &&str| line.contains("warning: ") && line.contains(".session");
    outcome.stderr.lines().find(is_warning)
}

fn spared(program: Program) {
    let scene = issued(program);
    // The account is known, and nothing else.
    fs::remove_file(scene.dir.file(FILE)).unwrap();
    again(&scene);
    let [.., first] = asked(&scene);
    assert_eq!(asked(&scene), [1, 1, first], "{:?}", scene.ca.requests());
    scene.ca.clear_log();
    let outcome = again(&scene);
    // Neither of the two, which come one after the other.
    assert_eq!(asked(&scene), [0, 0, first - 2], "{:?}", scene.ca.requests());
    assert_eq!(warning(&outcome), None, "{outcome:#?}");
}

fn mode(program: Program) {
    let scene = issued(program);
    assert_eq!(memory(&scene)["directoryUrl"], json!(scene.ca.directory_url()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(scene.dir.file(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// Runs with something else at the place of the memory, and expects a warning and no change.
#[track_caller]
fn left_alone(scene: &Scene, content: &str) {
    fs::write(scene.dir.file(FILE), content).unwrap();
    scene.ca.clear_log();
    let outcome = again(scene);
    let line = warning(&outcome).unwrap_or_default();
    assert!(line.contains("left alone") && line.contains("move it away"), "{outcome:#?}");
    assert_eq!(asked(scene)[..2], [1, 1], "{:?}", scene.ca.requests());
    assert_eq!(scene.read(FILE), content);
    // Nor does a failure remove it.
    fails_at_the_ca(scene);
    assert_eq!(scene.read(FILE), content);
}

/// Runs at a CA that takes no orders for an hour.
#[track_caller]
fn fails_at_the_ca(scene: &Scene) {
    let refused = FaultRule::next(FaultAction::unavailable(Some("3600")));
    scene.ca.set_faults(Faults::none().with(refused.on(RequestKind::NewOrder).times(usize::MAX)));
    scene.run(&["--force", "a.test"]).assert_failed(1, &["503"]);
    scene.ca.set_faults(Faults::none());
}

fn damaged(program: Program) {
    let scene = issued(program);
    for damage in ["{\"version\":1,", "[]", "notes of mine\n"] {
        left_alone(&scene, damage);
    }
    // There is nothing to lose in an empty file.
    fs::write(scene.dir.file(FILE), "").unwrap();
    let outcome = again(&scene);
    assert_eq!(warning(&outcome), None, "{outcome:#?}");
    assert_eq!(memory(&scene)["directoryUrl"], json!(scene.ca.directory_url()));
}

fn key(program: Program) {
    let scene = issued(program);
    left_alone(&scene, &scene.read("out/account.json"));
    left_alone(&scene, &scene.read("out/key.pem"));
}

fn like_names(program: Program) {
    let scene = Scene::new(program);
    // Where the memory of `x` would be, there is an account.
    let accounts = ["x.session", "x", "x.json"];
    for account in accounts {
        scene.run(&["--account", account, "--force", "a.test"]).assert_issued();
    }
    let keys = accounts.map(|account| scene.read(account));
    for account in accounts {
        scene.run(&["--account", account, "--force", "a.test"]).assert_issued();
    }
    assert_eq!(accounts.map(|account| scene.read(account)), keys);
    let urls = accounts.map(|account| {
        let file: Value = serde_json::from_str(&scene.read(account)).unwrap();
        file["account"].clone()
    });
    for (account, url) in [("x.session", &urls[0]), ("x.json", &urls[2])] {
        let memory: Value =
            serde_json::from_str(&scene.read(&format!("{account}.session"))).unwrap();
        assert_eq!(memory["account"]["url"], *url, "{account}");
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
    assert_eq!(asked(&scene)[..2], [0, 0], "{:?}", scene.ca.requests());
    assert_eq!(scene.count(RequestKind::NewOrder), 2);
    assert_eq!(warning(&outcome), None, "{outcome:#?}");
}

fn foreign(program: Program) {
    let scene = issued(program);
    let mut other = memory(&scene);
    other["directoryUrl"] = json!("https://other.test/directory");
    fs::write(scene.dir.file(FILE), other.to_string()).unwrap();
    let outcome = again(&scene);
    assert!(warning(&outcome).is_some_and(|line| line.contains("https://other.test/directory")));
    assert_eq!(asked(&scene)[..2], [1, 1], "{:?}", scene.ca.requests());
    assert_eq!(memory(&scene)["directoryUrl"], json!(scene.ca.directory_url()));
    assert_eq!(warning(&again(&scene)), None);
}

fn unwritable(program: Program) {
    let scene = Scene::new(program);
    fs::create_dir_all(scene.dir.file(FILE)).unwrap();
    let outcome = scene.run(&["a.test"]);
    outcome.assert_issued();
    assert!(warning(&outcome).is_some_and(|line| line.contains("no regular file")), "{outcome:#?}");
}

fn lacking(program: Program) {
    let scene = issued(program);
    // As a directory that lacks newOrder, and has no profiles, was remembered.
    let mut old = memory(&scene);
    old["directory"]["object"].as_object_mut().unwrap().remove("newOrder");
    fs::write(scene.dir.file(FILE), old.to_string()).unwrap();
    again(&scene);
    assert_eq!(asked(&scene)[..2], [1, 0], "{:?}", scene.ca.requests());
    assert_eq!(scene.count(RequestKind::NewOrder), 1, "{:?}", scene.ca.requests());

    let profile = Profile { description: "a new one".to_owned(), lifetime: 518_400_000 };
    scene.ca.configure(|config| drop(config.profiles.insert("new".to_owned(), profile)));
    scene.ca.clear_log();
    scene.run(&["--profile", "new", "a.test"]).assert_issued();
    assert_eq!(asked(&scene)[..2], [1, 0], "{:?}", scene.ca.requests());
}

fn forgets(program: Program) {
    let scene = issued(program);
    assert!(scene.dir.file(FILE).exists());
    fails_at_the_ca(&scene);
    assert!(!scene.dir.file(FILE).exists());
    // A directory of a CA that is being worked on is not remembered.
    scene.ca.set_quirks(Quirks { no_new_order: true, ..Quirks::default() });
    scene.run(&["--force", "a.test"]).assert_failed(1, &["newOrder"]);
    assert!(!scene.dir.file(FILE).exists());
    scene.ca.set_quirks(Quirks::default());
    again(&scene);
    assert!(scene.dir.file(FILE).exists());
}

fn keeps(program: Program) {
    let scene = issued(program);
    let known = scene.read(FILE);
    let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    scene.run(&["--force", "--http-port", &port, "a.test"]).assert_failed(1, &["in use"]);
    assert_eq!(scene.read(FILE), known);
}
