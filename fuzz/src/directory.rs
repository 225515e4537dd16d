use acme_proto::url::Url;
use acme_proto::wire::Directory;

use crate::check;

/// Parses a directory of any content.
///
/// # Panics
///
/// If a parsed URL must not be requested, or the same JSON in another spelling is another
/// directory.
pub fn directory(data: &[u8]) {
    check::object(data, Directory::parse, |directory, allow_http| {
        let optional = [
            directory.new_account(),
            directory.new_order(),
            directory.new_authz(),
            directory.revoke_cert(),
            directory.key_change(),
            directory.renewal_info(),
        ];
        let all = optional.into_iter().flatten().chain([directory.new_nonce()]);
        all.for_each(|url| check::is_usable(url, allow_http));

        let meta = directory.meta();
        let graphic = |terms: &str| terms.bytes().all(|b| b.is_ascii_graphic());
        assert!(meta.terms_of_service().is_none_or(graphic));
        if let Some(page) = meta.website() {
            assert_eq!(Url::parse(page.as_str()).as_ref(), Ok(page));
        }
        assert!(meta.caa_identities().len() <= 1000);
    });
}
