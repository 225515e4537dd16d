//! The drafts that validate by TXT records otherwise than dns-01: below an account's label, and by records that stay.

use std::time::Duration;

use acme_blocking::acme_adapter::clock;
use acme_blocking::{Issued, KeyKind, ProviderKey};
use acme_proto::challenge::{PersistOptions, PersistRecord};
use acme_proto::wire::{ChallengeKind, ChallengeStatus};

use super::super::{Client, Job};
use super::{At, Failure, Outcome, ensure};

/// By dns-account-01 and nothing else.
pub(super) fn account_label(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let name = at.name("label");
    let names = [name.as_str()];
    let issued = at.issue(&client, &Job::new(&names, ChallengeKind::DnsAccount01, &key))?;
    proved_by(&client, &issued, &ChallengeKind::DnsAccount01)?;
    Ok(String::new())
}

/// One record for one name; it alone is enough for a second certificate.
pub(super) fn persistent(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let name = at.name("stays");
    let (names, place) = ([name.as_str()], format!("_validation-persist.{name}"));
    let job = Job::new(&names, ChallengeKind::DnsPersist01, &key);
    let first = at.issue_leaving_records(&client, &job)?;
    proved_by(&client, &first, &ChallengeKind::DnsPersist01)?;
    let record = record_at(&client, &place)?;
    ensure(
        !record.allows_wildcard() && record.persist_until().is_none(),
        "the record says too much",
    )?;

    // `PEBBLE_AUTHZREUSE=0` still reuses a valid authorization in one order of a hundred (`wfe.go` compares by `>`).
    let job = Job { publish: false, ..job };
    let mut is_proved_again = false;
    for _ in 0..4 {
        let second = at.issue_leaving_records(&client, &job)?;
        proved_by(&client, &second, &ChallengeKind::DnsPersist01)?;
        is_proved_again = first.order().authorizations() != second.order().authorizations();
        if is_proved_again {
            break;
        }
    }
    ensure(is_proved_again, "the name was not proved a second time")?;
    ensure(record_at(&client, &place)? == record, "the record is another one")?;
    client.withdraw(&place);
    Ok("a second certificate by the same record".to_owned())
}

/// One record with `policy=wildcard` and `persistUntil` for a wildcard; it is good for the base name too.
pub(super) fn persistent_wildcard(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let options = PersistOptions::default().with_wildcard_policy();
    let options =
        options.with_persist_until(clock::wall().saturating_add(Duration::from_secs(86_400)));
    let kind = ChallengeKind::DnsPersist01;
    let (base, all) = (at.name("wide"), at.name("*.wide"));
    let place = format!("_validation-persist.{base}");
    let names = [all.as_str()];
    let job = Job { persist: Some(&options), ..Job::new(&names, kind.clone(), &key) };
    let first = at.issue_leaving_records(&client, &job)?;
    proved_by(&client, &first, &kind)?;
    let record = record_at(&client, &place)?;
    ensure(
        record.allows_wildcard() && record.persist_until().is_some(),
        "the record says too little",
    )?;

    let job = Job { publish: false, names: &[&base], ..job };
    let second = at.issue_leaving_records(&client, &job)?;
    proved_by(&client, &second, &kind)?;
    client.withdraw(&place);
    Ok("then its base name by the same record".to_owned())
}

/// Checks in each authorization which challenge the CA holds valid.
fn proved_by(client: &Client, issued: &Issued, kind: &ChallengeKind) -> Result<(), Failure> {
    for url in issued.order().authorizations() {
        let authorization = client.authorization(url)?;
        let challenges = authorization.challenges().iter();
        let valid = challenges.filter(|one| *one.status() == ChallengeStatus::Valid);
        let kinds: Vec<_> = valid.map(|one| one.kind()).collect();
        if kinds != [kind] {
            return Err(Failure::broken(format!("proved by {kinds:?} and not by {kind}")));
        }
    }
    Ok(())
}

/// Returns the only record that is published, which is at this name and for this account and CA.
fn record_at(client: &Client, name: &str) -> Result<PersistRecord, Failure> {
    let published = client.published();
    let [(at, value)] = &published[..] else {
        return Err(Failure::broken(format!("not one record: {published:?}")));
    };
    ensure(at == name, "the record is at another name")?;
    let record = PersistRecord::parse(value).map_err(Failure::broken)?;
    let account = client.account_url().ok_or_else(|| Failure::broken("no account"))?;
    ensure(record.account() == account.as_str(), "the record is for another account")?;
    let directory = client.directory()?;
    let identities = directory.meta().caa_identities();
    ensure(identities.iter().any(|name| name == record.issuer()), "the record is for another CA")?;
    Ok(record)
}
