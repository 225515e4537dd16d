//! The solvers of both adapters that edit TXT records: what each asks of a zone.

use std::sync::{Arc, Mutex};

use acme_proto::challenge::{Challenge, PersistOptions};
use acme_proto::wire::ChallengeKind;
use serde_json::json;

const PLAIN: &str = "ca.example; accounturi=https://ca.example/acct/1";

/// A zone with these values at every name, and what was asked of it.
struct Zone {
    there: Vec<String>,
    asked: Mutex<Vec<String>>,
}

impl Zone {
    fn with(there: &[&str]) -> Self {
        let there = there.iter().map(ToString::to_string).collect();
        Self { there, asked: Mutex::default() }
    }

    fn note(&self, what: &str, name: &str, value: &str) {
        self.asked.lock().expect("no panic").push(format!("{what} {name} {value}"));
    }

    fn take(&self) -> Vec<String> {
        core::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

impl acme_blocking::Dns01 for Zone {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), acme_blocking::BoxError> {
        self.note("set", name, value);
        Ok(())
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), acme_blocking::BoxError> {
        self.note("remove", name, value);
        Ok(())
    }

    fn existing_txt(&self, _: &str) -> Result<Vec<String>, acme_blocking::BoxError> {
        Ok(self.there.clone())
    }
}

/// The same for acme-tokio.
struct AsyncZone<'z>(&'z Zone);

impl acme_tokio::Dns01 for AsyncZone<'_> {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), acme_tokio::BoxError> {
        self.0.note("set", name, value);
        Ok(())
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), acme_tokio::BoxError> {
        self.0.note("remove", name, value);
        Ok(())
    }

    async fn existing_txt(&self, _: &str) -> Result<Vec<String>, acme_tokio::BoxError> {
        Ok(self.0.there.clone())
    }
}

fn persistent(wildcard: bool, removed: bool) -> Challenge {
    let json = json!({
        "authorization": "https://ca.example/authz/1", "url": "https://ca.example/chall/1",
        "identifier": { "type": "dns", "value": "a.example" }, "wildcard": wildcard,
        "kind": "dns-persist-01", "thumbprint": "A".repeat(43), "account": "https://ca.example/acct/1",
        "members": { "issuer-domain-names": ["ca.example"] },
        "persistent": true, "remove_persistent": removed,
    });
    serde_json::from_value(json).expect("a challenge")
}

/// Presents and cleans up by each adapter; returns what each asked of the zone, and whether it could.
fn solve(zone: &Zone, challenge: &Challenge, options: &PersistOptions) -> [(Vec<String>, bool); 2] {
    use acme_blocking::Solver as _;
    let blocking = acme_blocking::DnsPersist01Solver::new(Arc::new(zone)).options(options.clone());
    let could = blocking.present(challenge).and_then(|_| blocking.clean_up(challenge)).is_ok();
    let first = (zone.take(), could);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let could = runtime.block_on(async {
        use acme_tokio::Solver as _;
        let solver =
            acme_tokio::DnsPersist01Solver::new(Arc::new(AsyncZone(zone))).options(options.clone());
        solver.present(challenge).await.is_ok() && solver.clean_up(challenge).await.is_ok()
    });
    [first, (zone.take(), could)]
}

#[test]
fn a_persistent_record_is_set_once_and_removed_only_if_wanted() {
    let set = format!("set _validation-persist.a.example {PLAIN}");
    let none = PersistOptions::default();
    for (asked, could) in solve(&Zone::with(&["v=spf1 -all"]), &persistent(false, false), &none) {
        assert!(could && asked == [set.clone()], "{asked:?}");
    }
    let removal = set.replacen("set", "remove", 1);
    for (asked, could) in solve(&Zone::with(&[]), &persistent(false, true), &none) {
        assert!(could && asked == [set.clone(), removal.clone()], "{asked:?}");
    }
}

#[test]
fn a_persistent_record_that_is_there_is_not_set_again() {
    let none = PersistOptions::default();
    let there = Zone::with(&[&format!("{PLAIN};policy=wildcard")]);
    for wildcard in [false, true] {
        for (asked, could) in solve(&there, &persistent(wildcard, false), &none) {
            assert!(could && asked.is_empty(), "{asked:?}");
        }
    }
}

#[test]
fn a_wildcard_is_not_published_unless_it_is_allowed() {
    let none = PersistOptions::default();
    for (asked, could) in solve(&Zone::with(&[PLAIN]), &persistent(true, false), &none) {
        assert!(!could && asked.is_empty(), "{asked:?}");
    }
    let allowed = none.with_wildcard_policy();
    for (asked, could) in solve(&Zone::with(&[PLAIN]), &persistent(true, false), &allowed) {
        assert!(could && asked[0].ends_with("; policy=wildcard"), "{asked:?}");
    }
}

#[test]
fn dns_01_and_dns_account_01_are_solved_alike() {
    let both = [ChallengeKind::Dns01, ChallengeKind::DnsAccount01];
    let turned = [ChallengeKind::DnsAccount01, ChallengeKind::Dns01];
    let zone = Zone::with(&[]);
    let hook = acme_blocking::HookCommand::new("true");
    let blocking = acme_blocking::Dns01Solver::new(&zone);
    assert_eq!(acme_blocking::Solver::kinds(&blocking), both);
    assert_eq!(acme_blocking::Solver::kinds(&blocking.prefer_account_label()), turned);
    assert_eq!(acme_blocking::Solver::kinds(&hook), both);
    let tokio = acme_tokio::Dns01Solver::new(AsyncZone(&zone));
    assert_eq!(acme_tokio::Solver::kinds(&tokio), both);
    assert_eq!(acme_tokio::Solver::kinds(&tokio.prefer_account_label()), turned);
    assert_eq!(acme_tokio::Solver::kinds(&hook), both);
}
