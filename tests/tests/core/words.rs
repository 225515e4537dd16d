//! What a program logs: notices, events of a certificate's life and refusals of CAA, each on one line without control
//! characters, whatever a server or a zone says.

use acme_proto::caa::{CaaRecord, CaaRefusal, CaaRequest};
use acme_proto::call::Call;
use acme_proto::challenge::Challenge;
use acme_proto::error::Error;
use acme_proto::flow::Lost;
use acme_proto::http::Method;
use acme_proto::identifier::{DnsName, Identifier};
use acme_proto::notice::{NotReplacing, Notice, Progress, RetryReason};
use acme_proto::op::GetDirectory;
use acme_proto::renewal::{Lifecycle, LifecycleEvent};
use acme_proto::time::Timestamp;
use acme_proto::wire::ChallengeKind;
use acme_tests::script::{DIRECTORY, Script, problem_document, url};
use serde_json::json;

/// Ends a line, colours a terminal, and writes from right to left.
const HOSTILE: &str = "a\nb\r\u{1b}[31m\u{202e}\u{2028}c";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn is_one_safe_line(text: &str) -> bool {
    let is_unsafe = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}');
    !text.is_empty() && !text.contains(is_unsafe)
}

/// Returns what an error says that has the words of a CA.
fn refused() -> Error {
    let document = json!({
        "type": format!("urn:{HOSTILE}"),
        "detail": HOSTILE,
        "subproblems": [{ "type": "urn:x", "detail": HOSTILE }],
    });
    let mut script = Script::new().get(DIRECTORY, problem_document(403, &document));
    script.run(Call::new(GetDirectory)).expect_err("a refusal")
}

fn challenge() -> Challenge {
    let stored = include_str!("../../golden/snapshot-1-published.json");
    let stored: serde_json::Value = serde_json::from_str(stored).expect("JSON");
    serde_json::from_value(stored["challenges"][0].clone()).expect("a challenge")
}

#[test]
fn a_notice_is_one_line_with_what_a_person_needs() {
    let (url, error) = (url("https://ca.example/x"), || Box::new(refused()));
    let Error::Problem(problem) = refused() else { panic!("no problem") };
    let name: Identifier = "a.example".parse().expect("a name");
    let hostile = || HOSTILE.to_owned();
    let replacing = |reason| Notice::NotReplacing { certificate_id: hostile(), reason };
    let retry = |reason| Notice::Retry { url: url.clone(), tries: 2, reason, at: at(9) };
    let failed = Progress::ChallengeFailed(name.clone(), ChallengeKind::Http01, None);
    let cases = [
        (Notice::AlternateUnusable { url: url.clone(), error: error() }, "alternate chain https:"),
        (Notice::ExtraNames { url: url.clone(), names: vec![name] }, "ordered: a.example"),
        (Notice::NotDeactivated { url: url.clone(), error: error() }, "was not given up: "),
        (Notice::AlreadyRevoked { url: url.clone() }, "was revoked before"),
        (
            Notice::NoRenewalInfo { certificate_id: hostile(), error: error(), again_at: at(0) },
            "asking again at 1970-01-01T00:00:00Z",
        ),
        (replacing(NotReplacing::NotOffered), "does not offer renewal information"),
        (replacing(NotReplacing::Refused(problem)), "not ordered as a replacement of a"),
        (replacing(NotReplacing::NotShown), "order does not show it"),
        (
            Notice::NoPreferredProfile { preferred: vec![hostile()], offered: Vec::new() },
            "among none",
        ),
        (Notice::OtherProfile { asked: hostile(), applied: None }, "does not say that it applies"),
        (Notice::OtherProfile { asked: hostile(), applied: Some(hostile()) }, " instead of a"),
        (
            Notice::NotCleaned { challenge: Box::new(challenge()), reason: hostile() },
            "a.example: http-01 may still be published: a",
        ),
        (retry(RetryReason::BadNonce), "after 2 tries: badNonce"),
        (retry(RetryReason::KeyChanged), "the account key changed"),
        (retry(RetryReason::ExternalAccount), "with the external account"),
        (retry(RetryReason::Lost(hostile())), "after 2 tries: a"),
        (Notice::Progress(failed), "a.example: http-01 failed"),
    ];
    for (notice, expected) in cases {
        let text = notice.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(is_one_safe_line(&text), "{text:?}");
    }
    let many: Vec<String> = (0..30).map(|n| format!("p{n}")).collect();
    let text = Notice::NoPreferredProfile { preferred: many, offered: Vec::new() }.to_string();
    assert!(text.contains("p19, ... among none") && !text.contains("p20"), "{text}");
}

/// Returns the failure of a directory that says it in these words.
fn failure() -> LifecycleEvent {
    let directory = url(DIRECTORY);
    let mut life = Lifecycle::new([directory.clone()], 7);
    life.on_local_failure(&directory, HOSTILE.to_owned(), at(0));
    let mut events = core::iter::from_fn(|| life.poll_event());
    let is_failure = |event: &LifecycleEvent| matches!(event, LifecycleEvent::Failed(_));
    events.find(is_failure).expect("a failure")
}

#[test]
fn an_event_of_a_life_is_one_line_and_loud_if_a_person_has_to_act() {
    let directory = || url(DIRECTORY);
    let cases = [
        (LifecycleEvent::Waiting { until: at(0) }, "waiting until 1970-01-01T00:00:00Z", false),
        (LifecycleEvent::Renewing { directory: directory() }, "ordering a certificate", false),
        (LifecycleEvent::Renewed { directory: directory(), not_after: at(0) }, "expires at", false),
        (failure(), "failed: a", true),
        (LifecycleEvent::AccountLost { directory: directory() }, "registering it again", true),
        (LifecycleEvent::ReplaceNow { explanation_url: None }, "replaced at once", true),
        (
            LifecycleEvent::ReplaceNow { explanation_url: Some(url("https://ca.example/why")) },
            ": see https://ca.example/why",
            true,
        ),
        (LifecycleEvent::Emergency { not_after: at(0) }, "is not renewed yet", true),
        (LifecycleEvent::Expired { not_after: at(0) }, "is still in use", true),
        (LifecycleEvent::ClockLooksWrong { now: at(0), expected: at(86_400) }, "1970-01-02", true),
    ];
    for (event, expected, is_loud) in cases {
        let text = event.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(is_one_safe_line(&text), "{text:?}");
        assert_eq!(event.is_loud(), is_loud, "{text}");
    }
    let LifecycleEvent::Failed(failure) = failure() else { panic!("another event") };
    assert_eq!((failure.reason(), failure.at(), failure.failures()), (HOSTILE, at(0), 1));
    assert!(failure.next_attempt() > failure.at() && failure.directory() == &directory());
}

#[test]
fn a_failure_of_this_machine_delays_the_next_attempt_and_no_other_ca_is_asked() {
    let (first, second) = (url(DIRECTORY), url("https://other.example/directory"));
    let mut life = Lifecycle::new([first.clone(), second], 7);
    life.on_local_failure(&first, "no room".to_owned(), at(100));
    let failure = life.last_failure().expect("a failure");
    assert_eq!((failure.directory(), failure.reason()), (&first, "no room"));
    assert!(!life.is_urgent(at(1_000_000)), "nothing is held that could expire");
    assert_eq!(life.directory(), None);
}

#[test]
fn a_ca_that_cannot_be_used_leaves_the_next_one_to_be_tried_at_once() {
    let (first, second) = (url(DIRECTORY), url("https://other.example/directory"));
    let mut life = Lifecycle::new([first.clone(), second], 7);
    life.on_unusable_ca(&first, "no external account".to_owned(), at(100));
    let failure = life.last_failure().expect("a failure");
    assert_eq!((failure.directory(), failure.reason()), (&first, "no external account"));
    assert_eq!(failure.next_attempt(), at(100));
}

#[test]
fn each_caa_refusal_says_what_the_record_does() {
    let name = DnsName::parse("a.example").expect("a name");
    let account = "https://ca.example/1".parse().expect("a URL");
    let cases = [
        ("128 tbs x", CaaRefusal::UnknownCritical, "is critical and unknown"),
        ("0 issue \"%%%\"", CaaRefusal::Malformed, "is malformed, which allows nobody"),
        ("0 issue \";\"", CaaRefusal::Nobody, "allows nobody"),
        ("0 issue other.example", CaaRefusal::OtherIssuer, "allows another CA"),
        (
            "0 issue \"ca.example; accounturi=https://ca.example/2\"",
            CaaRefusal::OtherAccount,
            "allows another account",
        ),
        (
            "0 issue \"ca.example; validationmethods=dns-01\"",
            CaaRefusal::OtherMethod,
            "allows other ways of validation",
        ),
    ];
    for (record, refusal, words) in cases {
        let set = [record.parse::<CaaRecord>().expect("a record")];
        let request = CaaRequest::new(&name, ["ca.example"]).with_account(&account);
        let request = request.with_method(&ChallengeKind::Http01);
        let forbidden = request.check(&set).expect_err("a refusal");
        assert_eq!(forbidden.records()[0].1, refusal, "{record}");
        let text = forbidden.to_string();
        assert!(text.contains(words) && is_one_safe_line(&text), "{text}");
    }
}

#[test]
fn the_words_of_a_lost_request_may_be_changed_and_nothing_else() {
    let every: [fn(String) -> Lost; 5] =
        [Lost::NotSent, Lost::Untrusted, Lost::Blocked, Lost::NotProcessed, Lost::NoResponse];
    for make in every {
        let changed = make("no".to_owned()).map_words(|words| format!("{words} route"));
        assert_eq!(changed, make("no route".to_owned()));
        let mut script = Script::new().policy(|policy| policy.tries = 1);
        script = script.lost(Method::Get, DIRECTORY, make(HOSTILE.to_owned()));
        let text = script.run(Call::new(GetDirectory)).expect_err("no response").to_string();
        assert!(is_one_safe_line(&text), "{text:?}");
    }
    assert_eq!(Lost::TimedOut.map_words(|words| words + "!"), Lost::TimedOut);
}
