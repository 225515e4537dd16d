//! Issuance: the kinds of challenges and of names.

use acme_blocking::{KeyKind, ProviderKey};
use acme_proto::wire::ChallengeKind;

use super::super::typed;
use super::{At, Failure, Job, Outcome};

/// One name, by one kind of challenge.
pub(super) fn one(at: &At<'_>, kind: ChallengeKind, name: &str) -> Outcome {
    let key = ProviderKey::generate(KeyKind::Es256)?;
    at.issue(&at.client()?, &Job::new(&[&at.name(name)], kind, &key))?;
    Ok(String::new())
}

/// Three names in one certificate with a key on a longer curve.
pub(super) fn three(at: &At<'_>) -> Outcome {
    let key = ProviderKey::generate(KeyKind::Es384)?;
    let names = ["one", "two", "three"].map(|label| at.name(label));
    let names = names.each_ref().map(String::as_str);
    at.issue(&at.client()?, &Job::new(&names, ChallengeKind::Http01, &key))?;
    Ok(String::new())
}

/// A wildcard and its base name, whose records share a name.
pub(super) fn wildcard(at: &At<'_>) -> Outcome {
    let key = ProviderKey::generate(KeyKind::Es256)?;
    let names = ["*.wild", "wild"].map(|label| at.name(label));
    let names = names.each_ref().map(String::as_str);
    at.issue(&at.client()?, &Job::new(&names, ChallengeKind::Dns01, &key))?;
    Ok(String::new())
}

/// The address of the listeners; where it needs a profile, without one there is none.
pub(super) fn address(at: &At<'_>, kind: ChallengeKind) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let address = at.site.address().to_string();
    let names = [address.as_str()];
    let job = Job::new(&names, kind, &key);
    let Some(profile) = at.site.address_profile() else {
        at.issue(&client, &job)?;
        return Ok(String::new());
    };
    let refused = match client.issue(&job) {
        Ok(_) => return Err(Failure::broken("the address needs no profile")),
        Err(error) => typed(&error).ok_or_else(|| Failure::broken(error))?,
    };
    at.issue(&client, &Job { profile: Some(profile), ..job })?;
    Ok(format!("with the profile {profile}; without it: {refused}"))
}

/// The same name twice: the second order may come with authorizations that are valid already.
pub(super) fn again(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let name = at.name("again");
    let names = [name.as_str()];
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
    for label in ["n1", "n2", "n3"] {
        at.issue(&client, &Job::new(&[&at.name(label)], ChallengeKind::Dns01, &key))?;
    }
    Ok("three certificates".to_owned())
}
