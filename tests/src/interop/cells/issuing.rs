//! Issuance: the kinds of challenges and of names.

use acme_blocking::{KeyKind, ProviderKey};
use acme_proto::wire::ChallengeKind;

use super::{At, Job, Outcome};

/// One name, by one kind of challenge.
pub(super) fn one(at: &At<'_>, kind: ChallengeKind, name: &str) -> Outcome {
    let key = ProviderKey::generate(KeyKind::Es256)?;
    at.issue(&at.client()?, &Job::new(&[name], kind, &key))?;
    Ok(String::new())
}

/// Three names in one certificate with a key on a longer curve.
pub(super) fn three(at: &At<'_>) -> Outcome {
    let key = ProviderKey::generate(KeyKind::Es384)?;
    let names = ["one.example.test", "two.example.test", "three.example.test"];
    at.issue(&at.client()?, &Job::new(&names, ChallengeKind::Http01, &key))?;
    Ok(String::new())
}

/// A wildcard and its base name, whose records share a name.
pub(super) fn wildcard(at: &At<'_>) -> Outcome {
    let key = ProviderKey::generate(KeyKind::Es256)?;
    let names = ["*.wild.example.test", "wild.example.test"];
    at.issue(&at.client()?, &Job::new(&names, ChallengeKind::Dns01, &key))?;
    Ok(String::new())
}

/// The address of the listeners.
pub(super) fn address(at: &At<'_>, kind: ChallengeKind) -> Outcome {
    let key = ProviderKey::generate(KeyKind::Es256)?;
    let address = at.site.address().to_string();
    at.issue(&at.client()?, &Job::new(&[&address], kind, &key))?;
    Ok(String::new())
}

/// The same name twice: the second order may come with authorizations that are valid already.
pub(super) fn again(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let names = ["again.example.test"];
    let job = Job::new(&names, ChallengeKind::Http01, &key);
    let first = at.issue(&client, &job)?;
    // With an authorization that is valid already, not even a challenge that cannot succeed is needed.
    let reused = client.issue(&Job { publish: false, ..job.clone() });
    let second = match reused {
        Ok(issued) => (issued, "the authorization was valid already"),
        Err(_) => (at.issue(&client, &job)?, "authorized again"),
    };
    super::ensure(first.order_url() != second.0.order_url(), "the second order is the first")?;
    Ok(second.1.to_owned())
}

/// Three certificates from a server that refuses half of all nonces.
pub(super) fn refused_nonces(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    for name in ["n1.example.test", "n2.example.test", "n3.example.test"] {
        at.issue(&client, &Job::new(&[name], ChallengeKind::Dns01, &key))?;
    }
    Ok("three certificates".to_owned())
}
