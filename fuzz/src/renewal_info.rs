use acme_proto::url::Url;
use acme_proto::wire::RenewalInfo;

use crate::check;

/// Parses renewal information of any content.
///
/// # Panics
///
/// If a parsed window ends before it starts, or the explanation is not an absolute URL.
pub fn renewal_info(data: &[u8]) {
    check::object(data, RenewalInfo::parse, |info, _| {
        assert!(info.start() < info.end());
        if let Some(page) = info.explanation_url() {
            assert_eq!(Url::parse(page.as_str()).as_ref(), Ok(page));
        }
    });
}
