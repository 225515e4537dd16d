//! Issued certificates: revocation and alternate chains.

use acme_proto::op::Revoke;

use super::super::verify::verify;
use super::{At, Failure, Outcome, ensure};

/// Signed by the account key; the second time the certificate is revoked already.
pub(super) fn revoke_by_account(at: &At<'_>) -> Outcome {
    let (client, issued, _) = at.issued("revoked.example.test")?;
    let revoke = || Revoke::new(issued.chain().leaf()).reason(4).map_err(Failure::broken);
    ensure(!client.revoke(revoke()?)?.already(), "a new certificate is revoked already")?;
    ensure(client.revoke(revoke()?)?.already(), "a revoked certificate can be revoked")?;
    Ok("the second time: already revoked".to_owned())
}

/// Signed by the certificate's own key, from another account.
pub(super) fn revoke_by_certificate(at: &At<'_>) -> Outcome {
    let (_, issued, key) = at.issued("leaked.example.test")?;
    let other = at.client()?;
    let public = issued.chain().leaf().public_key().map_err(Failure::broken)?;
    other.hold_certificate_key(key);
    let revoke = Revoke::new(issued.chain().leaf()).reason(1).map_err(Failure::broken)?;
    let revoked = other.revoke(revoke.with_certificate_key(public))?;
    ensure(!revoked.already(), "a new certificate is revoked already")?;
    Ok(String::new())
}

/// Chains of one leaf to two roots.
pub(super) fn alternate(at: &At<'_>) -> Outcome {
    let (client, issued, _) = at.issued("alternate.example.test")?;
    let Some(url) = issued.alternates().first() else {
        return Err(Failure::Lacks("no alternate chains are linked".to_owned()));
    };
    let alternate = client.certificate(url)?;
    let root = at.site.issuer_roots().get(1);
    let root = root.ok_or_else(|| Failure::broken("the alternate root is not known"))?;
    verify(&alternate.chain().to_pem(), root, &["alternate.example.test"])?;
    let wrong = verify(&issued.chain().to_pem(), root, &["alternate.example.test"]);
    ensure(wrong.is_err(), "the default chain ends in the alternate root")?;
    ensure(alternate.chain().leaf() == issued.chain().leaf(), "the leaves differ")?;
    Ok("the same leaf under another root".to_owned())
}
