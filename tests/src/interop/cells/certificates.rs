//! Issued certificates: revocation and alternate chains.

use acme_proto::op::Revoke;
use acme_proto::wire::ChallengeKind;
use acme_proto::x509::{Certificate, CertificateChain, ChainChoice};

use super::super::Job;
use super::super::verify::verify;
use super::{At, Failure, Outcome, ensure};

/// Signed by the account key; the second time the certificate is revoked already.
pub(super) fn revoke_by_account(at: &At<'_>) -> Outcome {
    let (client, issued, _) = at.issued("revoked")?;
    let revoke = || Revoke::new(issued.chain().leaf()).with_reason_code(4).map_err(Failure::broken);
    ensure(
        !client.revoke(revoke()?)?.was_already_revoked(),
        "a new certificate is revoked already",
    )?;
    ensure(
        client.revoke(revoke()?)?.was_already_revoked(),
        "a revoked certificate can be revoked",
    )?;
    Ok("the second time: already revoked".to_owned())
}

/// Signed by the certificate's own key, from another account.
pub(super) fn revoke_by_certificate(at: &At<'_>) -> Outcome {
    let (_, issued, key) = at.issued("leaked")?;
    let other = at.client()?;
    let public = issued.chain().leaf().public_key().map_err(Failure::broken)?;
    other.hold_certificate_key(key);
    let revoke = Revoke::new(issued.chain().leaf()).with_reason_code(1).map_err(Failure::broken)?;
    let revoked = other.revoke(revoke.with_certificate_key(public))?;
    ensure(!revoked.was_already_revoked(), "a new certificate is revoked already")?;
    Ok(String::new())
}

/// Chains of one leaf to several roots, each chosen by all that the library can choose by.
pub(super) fn alternate(at: &At<'_>) -> Outcome {
    let (client, issued, key) = at.issued(ALTERNATE)?;
    let name = at.name(ALTERNATE);
    let names = [name.as_str()];
    if issued.alternates().is_empty() {
        return Err(Failure::Lacks("no alternate chains are linked".to_owned()));
    }
    let roots = at.site.issuer_roots();
    ensure(issued.alternates().len() + 1 == roots.len(), "not a chain to each root")?;
    for (number, pem) in roots.iter().enumerate() {
        let parsed = CertificateChain::parse_pem(pem.as_bytes()).map_err(Failure::broken)?;
        let root = parsed.leaf();
        let name = root.subject_common_name().ok_or_else(|| Failure::broken("a nameless root"))?;
        let by_name = ChainChoice::top_issuer(name.clone());
        let chosen = client.certificate_chain(issued.certificate_url(), by_name.clone())?;
        ensure(chosen.is_as_wished(), "no chain by the issuer's name")?;
        ensure(chosen.others().count() == number, "more chains were fetched than needed")?;
        only_leads_to(&chosen.chain().to_pem(), roots, number, &names)?;
        ensure(chosen.chain().leaf() == issued.chain().leaf(), "the leaves differ")?;
        for choice in other_choices(chosen.chain(), root, &name)? {
            let again = client.certificate_chain(issued.certificate_url(), choice.clone())?;
            let same = again.is_as_wished() && again.chain() == chosen.chain();
            ensure(same, &format!("another chain by {choice:?}"))?;
        }
        let job = Job::new(&names, ChallengeKind::Http01, &key);
        let ordered = client.issue(&Job { chain: Some(&by_name), ..job })?;
        ensure(ordered.matches_chain_choice(), "an issuance with another chain")?;
        only_leads_to(&ordered.chain().to_pem(), roots, number, &names)?;
    }
    let nobody = ChainChoice::issuer("Nobody");
    let own = client.certificate_chain(issued.certificate_url(), nobody)?;
    ensure(!own.is_as_wished() && own.chain() == issued.chain(), "a chain that nobody wants")?;
    Ok(format!("{} chains, each by name, root, fingerprint and key identifier", roots.len()))
}

const ALTERNATE: &str = "alternate";

/// The choices, beside the root's name, that only this chain fulfils.
fn other_choices(
    chain: &CertificateChain,
    root: &Certificate,
    name: &str,
) -> Result<[ChainChoice; 4], Failure> {
    let top = chain.certificates().last().ok_or_else(|| Failure::broken("an empty chain"))?;
    let key = root.subject_key_id().ok_or_else(|| Failure::broken("the root has no key id"))?;
    Ok([
        ChainChoice::issuer(format!("CN={name}")),
        ChainChoice::root(root.clone()),
        ChainChoice::fingerprint(top.fingerprint_sha256()),
        ChainChoice::authority_key_id(key),
    ])
}

/// Has OpenSSL verify that a chain ends in the root of this number and in no other.
fn only_leads_to(
    chain: &str,
    roots: &[String],
    number: usize,
    names: &[&str],
) -> Result<(), Failure> {
    for (other, root) in roots.iter().enumerate() {
        let verified = verify(chain, root, names);
        if other == number {
            verified?;
        } else {
            ensure(verified.is_err(), "the chain ends in another root")?;
        }
    }
    Ok(())
}
