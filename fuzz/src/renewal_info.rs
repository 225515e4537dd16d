use acme_proto::url::Url;
use acme_proto::wire::RenewalInfo;

use crate::check;

/// Reads renewal information of any content.
///
/// # Panics
///
/// If a window comes out that does not open, or the page is no absolute URL.
pub fn renewal_info(data: &[u8]) {
    check::object(data, RenewalInfo::parse, |info, _| {
        assert!(info.start() < info.end());
        if let Some(page) = info.explanation_url() {
            assert_eq!(Url::parse(page.as_str()).as_ref(), Ok(page));
        }
    });
}
