//! What any version wrote can be read: the files of `tests/golden`, which nobody changes.
//!
//! Each is named by what it holds, the version of that format, and its case. `ACME_WRITE_GOLDEN=1` adds those that are
//! missing, such as the ones of a new version; it never replaces one.

use core::time::Duration;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use acme_proto::call::Call;
use acme_proto::flow::Lost;
use acme_proto::http::Method;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::{GetDirectory, NewOrder, RenewalInfoEntry};
use acme_proto::renewal::{Lifecycle, LifecycleStep, RenewalSchedule, RenewalStep};
use acme_proto::rollover::{Rollover, RolloverIntent};
use acme_proto::session::SessionMemory;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::wire::ChallengeKind::{Dns01, Http01};
use acme_proto::wire::{Context, RenewalInfo};
use acme_proto::x509::{Certificate, CertificateChain};
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, challenge, created, object, order, problem,
};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, KEY_CHANGE, NEW_ACCOUNT, Script, answer, ed1, ed2, url,
};
use acme_tests::world::issuance;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const NAME: &str = "a.example";

/// What this version writes: the name of the format, the case, and the text as a value.
type Written = (&'static str, &'static str, Value);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn value(stored: &impl Serialize) -> Value {
    serde_json::to_value(stored).expect("JSON")
}

/// Everything that acme-proto stores, in every state that has members of its own.
fn written() -> Vec<Written> {
    let mut all = snapshots();
    let (directory, account) = (url(DIRECTORY), url(ACCOUNT));
    let intent = RolloverIntent::new(directory, account, ed1().public_key(), ed2().public_key());
    all.push(("rollover-intent", "ed25519", value(&intent)));
    let mut server = CannedServer::obliging(&[NAME]);
    let mut session = server.session();
    server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    all.push(("session-memory", "issued", value(&session.memory())));
    all.extend(schedules());
    all.extend(lifecycles());
    all
}

fn snapshots() -> Vec<Written> {
    let mut server = CannedServer::obliging(&[NAME]);
    let request = NewOrder::new([NAME.parse().expect("a name")])
        .expect("a name")
        .with_profile("classic")
        .with_replaces("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    let profiles = json!({
        "newNonce": format!("{BASE}/newNonce"),
        "newAccount": format!("{BASE}/newAccount"),
        "newOrder": format!("{BASE}/newOrder"),
        "renewalInfo": format!("{BASE}/renewalInfo"),
        "meta": { "profiles": { "classic": "the usual" } },
    });
    server.on("/directory", [object(&profiles)]);
    server.issue(Issuance::for_order(request).durable()).expect("a certificate");
    let first = |is_wanted: fn(&Snapshot) -> bool| {
        let found = server.snapshots.iter().find(|snapshot| is_wanted(snapshot));
        value(found.expect("a snapshot"))
    };
    vec![
        ("snapshot", "new-order", value(&server.snapshots[0])),
        ("snapshot", "published", first(|snapshot| !snapshot.challenges().is_empty())),
        ("snapshot", "csr", first(|snapshot| snapshot.csr().is_some())),
        ("snapshot", "second-order", value(&second_order())),
    ]
}

/// The first order has failed by http-01, and the CA has refused the second one for now.
fn second_order() -> Snapshot {
    let mut server = CannedServer::obliging(&[NAME]);
    let mut failed = authorization("invalid", NAME, 1);
    let mut http = challenge("invalid", "http-01", 1);
    http["error"] = json!({ "type": "urn:ietf:params:acme:error:connection", "detail": "no" });
    failed["challenges"] = json!([http]);
    server.on("/authz/1", [object(&both_kinds()), object(&failed)]);
    server.on("/order/1", [object(&order("invalid", &[NAME]))]);
    let limited = problem(429, "rateLimited").with_header("retry-after", "86400");
    server.on("/newOrder", [created(&order("pending", &[NAME])), limited]);
    let flow = issuance(&[NAME]).with_solver_kinds([Http01, Dns01]).durable();
    server.issue(flow).expect_err("limited");
    server.snapshots.last().cloned().expect("a snapshot")
}

fn both_kinds() -> Value {
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"] =
        json!([challenge("pending", "http-01", 1), challenge("pending", "dns-01", 2)]);
    pending
}

/// A certificate for 90 days from 2026-11-30, with an identifier for renewal information.
fn certificate() -> Certificate {
    let pem = include_bytes!("../../golden/certificate.pem");
    CertificateChain::parse_pem(pem).expect("a certificate").leaf().clone()
}

fn window() -> RenewalInfoEntry {
    let body = json!({
        "suggestedWindow": { "start": "2027-01-28T00:00:00Z", "end": "2027-01-30T00:00:00Z" },
        "explanationURL": "https://ca.example/why",
    });
    let context = Context { url: &url("https://ca.example/info"), allow_http: false };
    let info = RenewalInfo::parse(body.to_string().as_bytes(), context).expect("a window").value;
    RenewalInfoEntry::new(info, None)
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_797_000_000)
}

fn schedules() -> Vec<Written> {
    let mut schedule = RenewalSchedule::new(&certificate(), 7);
    let new = value(&schedule);
    schedule.on_info(&window(), now());
    let informed = value(&schedule);
    schedule.on_attempt_failed(Some(now().saturating_add(Duration::from_secs(3600))), now());
    vec![
        ("renewal-schedule", "new", new),
        ("renewal-schedule", "informed", informed),
        ("renewal-schedule", "failed", value(&schedule)),
    ]
}

fn lifecycles() -> Vec<Written> {
    let directory = url(&format!("{BASE}/directory"));
    let mut life = Lifecycle::new([directory.clone(), url(DIRECTORY)], 7);
    let new = value(&life);
    let mut script = Script::new().policy(|policy| policy.tries = 1);
    script = script.lost(Method::Get, DIRECTORY, Lost::NotSent("refused".into()));
    let error = script.run(Call::new(GetDirectory)).expect_err("a network error");
    life.on_failed(&directory, &error, now());
    let failed = value(&life);
    life.hold(&directory, &certificate(), now());
    life.on_info(&window(), now());
    life.on_registered(&directory);
    let held = value(&life);
    life.order_now();
    life.on_ordering(&directory);
    vec![
        ("lifecycle", "new", new),
        ("lifecycle", "failed", failed),
        ("lifecycle", "held", held),
        ("lifecycle", "ordered", value(&life)),
    ]
}

/// Returns every member with the kind of its value; elements of lists are alike.
fn shape(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, one)| shape(one, &format!("{path}/{name}"), found));
            "object"
        }
        Value::Array(list) => {
            list.iter().for_each(|one| shape(one, &format!("{path}/*"), found));
            "list"
        }
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
    };
    found.insert(format!("{path}: {kind}"));
}

fn shape_of(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    shape(value, "", &mut found);
    found
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| {
        panic!("{}: {error}; ACME_WRITE_GOLDEN=1 writes it", path.display())
    });
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_change_of_a_format_has_a_new_version() {
    for (format, case, value) in written() {
        let version = value["version"].as_u64().expect("a version");
        let path = folder().join(format!("{format}-{version}-{case}.json"));
        if !path.exists() && std::env::var_os("ACME_WRITE_GOLDEN").is_some() {
            let text = serde_json::to_string_pretty(&value).expect("JSON");
            fs::write(&path, text + "\n").expect("written");
        }
        assert_eq!(
            shape_of(&read(&path)),
            shape_of(&value),
            "{format} ({case}) has another form than version {version} had: raise its VERSION, read the old form too, and \
             add files by ACME_WRITE_GOLDEN=1"
        );
    }
}

/// Reads what a file holds as text does.
fn stored<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).expect("a file");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn whatever_any_version_stored_leads_to_a_certificate() {
    let mut versions = BTreeSet::new();
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let version = read(path)["version"].as_u64().expect("a version");
        let (format, case) =
            name.split_once(&format!("-{version}-")).expect("format, version, case");
        match format {
            "snapshot" => goes_on(case, stored(path)),
            "rollover-intent" => changes_the_key(stored(path)),
            "session-memory" => is_taken_up(stored(path)),
            "renewal-schedule" => renews(&stored(path)),
            "lifecycle" => orders(stored(path)),
            other => panic!("nothing reads {other}"),
        }
        versions.insert((format.to_owned(), version));
    }
    for (format, _, value) in written() {
        let newest = value["version"].as_u64().expect("a version");
        for version in 1..=newest {
            let is_there = versions.contains(&(format.to_owned(), version));
            assert!(is_there, "no file has version {version} of {format}");
        }
    }
}

fn goes_on(case: &str, snapshot: Snapshot) {
    let mut server = CannedServer::obliging(&[NAME]);
    server.on("/authz/1", [object(&both_kinds())]);
    let answered = |number| object(&challenge("processing", "dns-01", number));
    server.on("/challenge/2", [answered(2)]);
    let published = snapshot.challenges().len();
    let flow = Issuance::resume(snapshot).with_solver_kinds([Http01, Dns01]).durable();
    let issued = server.issue(flow).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(issued.chain().leaf().dns_names(), [NAME], "{case}");
    let is_clean_up = |event: &&IssuanceEvent| matches!(event, IssuanceEvent::CleanUp(_));
    assert!(server.events.iter().filter(is_clean_up).count() >= published, "{case}");
}

fn changes_the_key(intent: RolloverIntent) {
    let mut script = Script::new()
        .start()
        .post(NEW_ACCOUNT, problem(400, "accountDoesNotExist"))
        .post(KEY_CHANGE, answer(200, &json!({})));
    let key = script.run(Rollover::resume(intent)).expect("a key");
    assert_eq!(key, ed2().public_key());
}

fn is_taken_up(memory: SessionMemory) {
    let mut server = CannedServer::obliging(&[NAME]);
    let later = server.now().saturating_add(Duration::from_secs(60));
    server.start_at(later);
    let mut session = server.session().with_memory(memory, later);
    server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    assert_eq!((server.count("/directory"), server.count("/newNonce")), (0, 0));
}

fn renews(schedule: &RenewalSchedule) {
    assert_eq!(schedule.certificate_id(), certificate().renewal_id().as_deref());
    let step = schedule.next(schedule.not_after());
    assert!(matches!(step, RenewalStep::Renew | RenewalStep::Ask(_)), "{step:?}");
}

/// Takes the steps of a lifecycle until a certificate is held.
fn orders(mut life: Lifecycle) {
    let mut server = CannedServer::obliging(&[NAME]);
    let mut now = now().saturating_add(Duration::from_secs(400 * 86_400));
    for _ in 0..20 {
        match life.next(now) {
            LifecycleStep::FetchInfo { .. } => _ = life.on_info(&window(), now),
            LifecycleStep::Register { directory } => life.on_registered(&directory),
            LifecycleStep::Order { directory, .. } => {
                let issued = server.issue(issuance(&[NAME])).expect("a certificate");
                life.on_issued(&directory, issued.chain().leaf(), now);
                assert!(life.holds(issued.chain().leaf()));
                return;
            }
            LifecycleStep::Wait(until) => now = until,
            other => panic!("{other:?}"),
        }
    }
    panic!("no order");
}
