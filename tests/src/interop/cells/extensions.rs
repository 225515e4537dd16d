//! What an order can ask for beside names, and renewal information.

use std::time::Duration;

use acme_blocking::acme_adapter::clock;
use acme_blocking::{KeyKind, ProviderKey};
use acme_proto::op::GetRenewalInfo;
use acme_proto::wire::ChallengeKind;

use super::super::Job;
use super::{At, Failure, Outcome, ensure};

/// A window within the certificate's life, and a time to ask again.
pub(super) fn renewal_info(at: &At<'_>) -> Outcome {
    let (client, issued, _) = at.issued("ari")?;
    let leaf = issued.chain().leaf();
    let entry = client.renewal_info(leaf)?;
    let info = entry.info();
    let within = leaf.not_before() < info.start() && info.end() <= leaf.not_after();
    ensure(info.start() < info.end() && within, "the window is not within the certificate's life")?;
    ensure(entry.retry_after().is_some(), "no time to ask again")?;
    Ok(String::new())
}

/// A certificate that replaces another one, and a second that cannot.
pub(super) fn replaces(at: &At<'_>) -> Outcome {
    let (client, issued, key) = at.issued("replaced")?;
    let leaf = issued.chain().leaf();
    client.renewal_info(leaf)?;
    let question = GetRenewalInfo::of(leaf).ok_or_else(|| Failure::broken("no identifier"))?;
    let id = question.certificate_id();
    let name = at.name("replaced");
    let names = [name.as_str()];
    let job = Job { replaces: Some(id), ..Job::new(&names, ChallengeKind::Http01, &key) };
    let second = at.issue(&client, &job)?;
    let order = client.order(second.order_url())?;
    ensure(order.replaces() == Some(id), "the order does not say what it replaces")?;
    let third = at.issue(&client, &job)?;
    let order = client.order(third.order_url())?;
    ensure(order.replaces().is_none(), "one certificate was replaced twice")?;
    Ok("the second time it is left out".to_owned())
}

/// A certificate by a profile that the directory lists.
pub(super) fn profile(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let name = at.name("profile");
    let names = [name.as_str()];
    let job = Job::new(&names, ChallengeKind::Http01, &key);
    let issued = at.issue(&client, &Job { profile: Some("shortlived"), ..job })?;
    ensure(issued.profile() == Some("shortlived"), "the order has another profile")?;
    let leaf = issued.chain().leaf();
    let validity = leaf.not_after().saturating_duration_since(leaf.not_before());
    ensure(validity < Duration::from_secs(7 * 86_400), "not a certificate of six days")?;
    Ok("six days".to_owned())
}

/// A certificate that ends when it was asked to.
pub(super) fn not_after(at: &At<'_>) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let wanted = clock::wall().saturating_add(Duration::from_secs(20 * 3600));
    let name = at.name("dated");
    let names = [name.as_str()];
    let job = Job::new(&names, ChallengeKind::Http01, &key);
    let issued = at.issue(&client, &Job { not_after: Some(wanted), ..job })?;
    let got = issued.chain().leaf().not_after();
    if got.unix_seconds().abs_diff(wanted.unix_seconds()) > 1 {
        return Err(Failure::Lacks("the date is ignored".to_owned()));
    }
    Ok(String::new())
}
