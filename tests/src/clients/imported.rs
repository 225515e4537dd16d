//! What a client has stored, read by the import of our storage.

use std::collections::BTreeSet;

use acme_adapter::storage::import::Import;
use acme_proto::identifier::Identifier;

use super::case::Case;

/// Checks that an account of this CA and the certificate of the case are found, and nothing is damaged.
pub(super) fn check(import: &Import, case: &Case) -> Result<(), String> {
    let [account] = &import.accounts[..] else {
        return Err(format!("not one account is imported: {import:?}"));
    };
    let ours = account.url.as_ref().is_some_and(|url| {
        let directory = case.ca().directory_url();
        directory.contains(&format!("//{}/", url.authority()))
    });
    let wanted: BTreeSet<String> = case.names().iter().map(|name| (*name).to_owned()).collect();
    let names = |one: &[Identifier]| one.iter().map(Identifier::value).collect::<BTreeSet<_>>();
    let found =
        import.certificates.iter().any(|one| names(one.certificate.identifiers()) == wanted);
    if ours && found && import.problems.is_empty() {
        return Ok(());
    }
    Err(format!("the import is not what was stored: {import:?}"))
}
