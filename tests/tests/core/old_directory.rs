//! A directory that was fetched a while ago, or is remembered from an earlier process: what it lacks, or names wrongly,
//! costs one request for a new one, and fails nothing that a new one mends.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, Unsupported};
use acme_proto::http::Response;
use acme_proto::issuance::Issuance;
use acme_proto::notice::Notice;
use acme_proto::op::{GetAccount, GetRenewalInfo, NewOrder, Operation, Resource, Revoke};
use acme_proto::register::Register;
use acme_proto::session::{Session, SessionMemory};
use acme_proto::x509::{Certificate, CertificateChain};
use acme_tests::canned_server::{BASE, CannedServer, chain, created, object, order, problem};
use acme_tests::world::issuance;
use serde_json::{Value, json};

const NAME: &str = "a.example";
const MINUTE: Duration = Duration::from_secs(60);

/// The directory of [`CannedServer`], changed.
fn directory(change: impl FnOnce(&mut Value)) -> Response {
    let names = ["newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange"];
    let mut directory = json!({});
    for name in names {
        directory[name] = json!(format!("{BASE}/{name}"));
    }
    change(&mut directory);
    object(&directory)
}

fn without(name: &'static str) -> Response {
    directory(|directory| {
        directory.as_object_mut().expect("an object").remove(name);
    })
}

fn with_profiles(names: &[&str]) -> Response {
    let profiles: Value = names.iter().map(|name| (name.to_string(), json!("one"))).collect();
    directory(|directory| directory["meta"] = json!({ "profiles": profiles }))
}

/// A server that issues, and a session that remembers the directory that it had a minute ago.
fn remembered(old: Response) -> (CannedServer, Session) {
    let mut server = CannedServer::obliging(&[NAME]);
    server.on("/directory", [old]);
    server.on("/account/1", [object(&json!({ "status": "valid" }))]);
    let mut session = server.session();
    server.run(&mut session, &mut Call::new(GetAccount), |_, _, event| match event {}).expect("it");
    let text = serde_json::to_string(&session.memory()).expect("JSON");
    let memory: SessionMemory = serde_json::from_str(&text).expect("a memory");
    server.on("/directory", [directory(|_| ())]);
    server.asked.clear();
    server.sleep_until(server.now().saturating_add(MINUTE));
    let session = server.session().with_memory(memory, server.now());
    assert!(session.directory().is_some());
    (server, session)
}

fn call<O: Operation>(
    server: &mut CannedServer,
    session: &mut Session,
    operation: O,
) -> Result<O::Response, Error> {
    server.run(session, &mut Call::new(operation), |_, _, event| match event {})
}

fn leaf() -> Certificate {
    CertificateChain::parse_pem(chain(&[NAME]).as_bytes()).expect("a chain").leaf().clone()
}

fn of(order: NewOrder) -> Issuance {
    Issuance::for_order(order)
}

fn new_order() -> NewOrder {
    NewOrder::new([NAME.parse().expect("a name")]).expect("a name")
}

#[test]
fn an_issuance_goes_on_where_the_remembered_directory_has_no_new_order() {
    let (mut server, mut session) = remembered(without("newOrder"));
    server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    assert_eq!(server.paths()[..2], ["/directory", "/newOrder"], "{:?}", server.paths());
    assert_eq!((server.count("/directory"), server.count("/newNonce")), (1, 0));
}

#[test]
fn any_resource_that_the_remembered_directory_lacks_is_looked_for_in_a_new_one() {
    let (mut server, mut session) = remembered(without("revokeCert"));
    server.on("/revokeCert", [Response::new(200)]);
    call(&mut server, &mut session, Revoke::new(&leaf())).expect("revoked");
    assert_eq!(server.paths(), ["/directory", "/revokeCert"]);

    let (mut server, mut session) = remembered(directory(|_| ()));
    let info = GetRenewalInfo::of(&leaf()).expect("an authority key identifier");
    let path = format!("/info/{}", info.certificate_id());
    let window = json!({ "start": "2027-01-01T00:00:00Z", "end": "2027-01-02T00:00:00Z" });
    server.on(&path, [object(&json!({ "suggestedWindow": window }))]);
    let offers = |directory: &mut Value| directory["renewalInfo"] = json!(format!("{BASE}/info"));
    server.on("/directory", [directory(offers)]);
    call(&mut server, &mut session, info).expect("renewal information");
    assert_eq!(server.paths(), ["/directory", &path]);
}

#[test]
fn a_profile_that_is_new_is_ordered_within_the_day() {
    let (mut server, mut session) = remembered(with_profiles(&["classic"]));
    server.on("/directory", [with_profiles(&["classic", "short"])]);
    let flow = of(new_order().with_profile("short"));
    server.issue_in(&mut session, flow).expect("a certificate");
    assert_eq!(server.paths()[..2], ["/directory", "/newOrder"], "{:?}", server.paths());
    assert!(server.at("/newOrder")[0].payload().contains("\"profile\":\"short\""));

    let (mut server, mut session) = remembered(with_profiles(&["classic"]));
    server.on("/directory", [with_profiles(&["classic", "short"])]);
    let flow = of(new_order().with_preferred_profiles(["short"]));
    server.issue_in(&mut session, flow).expect("a certificate");
    assert!(server.at("/newOrder")[0].payload().contains("\"profile\":\"short\""));
    let told = |notice: &Notice| matches!(notice, Notice::NoPreferredProfile { .. });
    assert!(!server.notices.iter().any(told), "{:?}", server.notices);
}

#[test]
fn what_the_remembered_directory_has_is_not_asked_for_again() {
    let (mut server, mut session) = remembered(with_profiles(&["classic"]));
    let flow = of(new_order().with_profile("classic"));
    server.issue_in(&mut session, flow).expect("a certificate");
    assert_eq!(server.count("/directory"), 0, "{:?}", server.paths());
}

#[test]
fn what_the_new_directory_lacks_too_is_not_offered_and_asked_for_once_in_ten_minutes() {
    let (mut server, mut session) = remembered(without("newOrder"));
    server.on("/directory", [without("newOrder")]);
    let fails = |server: &mut CannedServer, session: &mut Session| {
        let error = call(server, session, new_order()).expect_err("not offered");
        let named =
            matches!(&error, Error::Unsupported(Unsupported::Operation(Resource::NewOrder)));
        assert!(named, "{error}");
        server.paths().len()
    };
    assert_eq!(fails(&mut server, &mut session), 1, "{:?}", server.paths());
    server.sleep_until(server.now().saturating_add(MINUTE * 9));
    assert_eq!(fails(&mut server, &mut session), 1, "{:?}", server.paths());
    server.sleep_until(server.now().saturating_add(MINUTE * 2));
    assert_eq!(fails(&mut server, &mut session), 2, "{:?}", server.paths());

    let (mut server, mut session) = remembered(with_profiles(&["classic"]));
    server.on("/directory", [with_profiles(&["classic"])]);
    let flow = of(new_order().with_profile("short"));
    let error = server.issue_in(&mut session, flow).expect_err("not offered");
    assert!(matches!(&error, Error::Unsupported(Unsupported::Profile(_))), "{error}");
    assert_eq!(server.paths(), ["/directory"]);
}

#[test]
fn the_remembered_directory_stays_in_use_where_no_new_one_can_be_had() {
    let (mut server, mut session) = remembered(without("revokeCert"));
    server.on("/directory", [problem(404, "malformed")]);
    let error = call(&mut server, &mut session, Revoke::new(&leaf())).expect_err("not offered");
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    assert_eq!(server.count("/directory"), 1, "{:?}", server.paths());
}

#[test]
fn a_resource_that_redirects_from_its_remembered_url_is_found_at_its_new_one() {
    for name in ["newOrder", "newNonce"] {
        let moved = move |directory: &mut Value| directory[name] = json!(format!("{BASE}/old"));
        let (mut server, mut session) = remembered(directory(|_| ()));
        // As if the directory had named the old URL.
        let mut memory = serde_json::to_value(session.memory()).expect("JSON");
        moved(&mut memory["directory"]["object"]);
        if name == "newNonce" {
            memory["nonces"] = json!([]);
        }
        let memory = serde_json::from_value(memory).expect("a memory");
        session = server.session().with_memory(memory, server.now());
        server.on("/old", [Response::new(301).with_header("Location", "/elsewhere")]);
        server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
        assert_eq!(server.paths()[..3], ["/old", "/directory", "/newOrder"], "{name}");
    }
}

#[test]
fn a_host_that_is_gone_is_left_for_the_one_that_the_directory_names_now() {
    let old = "https://old.test/newOrder";
    let (mut server, mut session) = remembered(directory(|it| it["newOrder"] = json!(old)));
    server.on(old, [Response::new(500)]);
    let tries = session.policy().tries;
    (0..tries).for_each(|_| server.lose(old));
    server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    let tries = tries as usize;
    assert_eq!(server.count(old), tries, "{:?}", server.paths());
    assert_eq!(server.paths()[tries..tries + 2], ["/directory", "/newOrder"]);
}

#[test]
fn a_host_that_is_down_is_not_asked_for_its_directory_too() {
    let (mut server, mut session) = remembered(directory(|_| ()));
    let tries = session.policy().tries;
    (0..tries).for_each(|_| server.lose("/newOrder"));
    let error = call(&mut server, &mut session, new_order()).expect_err("no response");
    assert!(matches!(error, Error::Transport(_)), "{error}");
    assert_eq!(server.count("/directory"), 0, "{:?}", server.paths());
}

/// A session that remembers the wrong URL of its account, and has no other.
fn with_other_account(server: &CannedServer, session: &Session) -> Session {
    let mut memory = serde_json::to_value(session.memory()).expect("JSON");
    memory["account"]["url"] = json!(format!("{BASE}/account/9"));
    let memory = serde_json::from_value(memory).expect("a memory");
    let key = session.account_key().expect("a key").clone();
    let fresh = Session::new(session.directory_url().clone(), 7).with_account_key(key);
    fresh.with_memory(memory, server.now())
}

#[test]
fn an_account_that_is_remembered_under_another_url_is_looked_up_by_its_key() {
    let (mut server, session) = remembered(directory(|_| ()));
    let mut session = with_other_account(&server, &session);
    let unknown = problem(400, "accountDoesNotExist");
    server.on("/newOrder", [unknown.clone(), created(&order("pending", &[NAME]))]);
    let found = object(&json!({ "status": "valid" }));
    server.on("/newAccount", [found.with_header("Location", &format!("{BASE}/account/1"))]);
    server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    assert_eq!(server.paths()[..3], ["/newOrder", "/newAccount", "/newOrder"]);
    let kids: Vec<_> =
        server.at("/newOrder").iter().map(|at| at.protected()["kid"].clone()).collect();
    assert_eq!(kids, [format!("{BASE}/account/9"), format!("{BASE}/account/1")]);

    // One that does not exist is looked up once.
    let (mut server, session) = remembered(directory(|_| ()));
    let mut session = with_other_account(&server, &session);
    server.on("/newOrder", [unknown.clone()]);
    server.on("/newAccount", [unknown]);
    let error = server.issue_in(&mut session, issuance(&[NAME])).expect_err("no account");
    assert!(matches!(error, Error::NoAccount { .. }), "{error}");
    assert_eq!(server.paths(), ["/newOrder", "/newAccount"]);
}

#[test]
fn a_registration_goes_by_the_terms_of_today() {
    let demands = |it: &mut Value| it["meta"] = json!({ "externalAccountRequired": true });
    let (mut server, mut session) = remembered(directory(demands));
    let account = object(&json!({ "status": "valid" }));
    server.on("/newAccount", [account.with_header("Location", &format!("{BASE}/account/1"))]);
    let result = server.run(&mut session, &mut Register::new(), |_, _, event| panic!("{event:?}"));
    result.expect("an account");
    assert_eq!(server.paths(), ["/directory", "/newAccount"]);
}
