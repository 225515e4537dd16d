use acme_proto::url::Url;

use crate::check;

/// Parses the first line as a URL, and resolves the other lines against it.
///
/// # Panics
///
/// If parsing changes a URL, its parts do not add up to the whole, or a resolved reference is not
/// a URL.
pub fn url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let base = match Url::parse(first) {
        Ok(url) => {
            assert_eq!(url.as_str(), first);
            look(&url);
            url
        }
        Err(error) => {
            check::is_plain(&error);
            check::base()
        }
    };
    for reference in rest.split('\n').chain([first]) {
        match base.resolve(reference) {
            Ok(url) => {
                look(&url);
                if Url::parse(reference).is_ok() {
                    assert_eq!(url.as_str(), reference, "an absolute one stays as it is");
                }
            }
            Err(error) => {
                check::is_plain(&error);
                assert!(Url::parse(reference).is_err(), "{reference:?} is a URL by itself");
            }
        }
        if let Ok(url) = base.join_segment(reference) {
            assert_eq!(url.as_str(), format!("{base}/{reference}"));
            look(&url);
        }
    }
}

fn look(url: &Url) {
    check::is_usable(url, true);
    check::is_plain(url);
    assert!(url.as_str().len() <= Url::MAX_LEN && url.as_str().is_ascii());
    assert!(!url.host().is_empty() && url.port() > 0, "{url}");
    assert!(url.path_and_query().starts_with('/'));
    assert!(!url.as_str().contains('#') && !url.authority().contains('@'));

    let scheme = if url.is_https() { "https" } else { "http" };
    let path = url.path_and_query();
    let whole = format!("{scheme}://{}{path}", url.authority());
    let whole_without = format!("{scheme}://{}{}", url.authority(), &path[1..]);
    let same = |made: &str| made.get(scheme.len()..) == url.as_str().get(scheme.len()..);
    assert!(same(&whole) || same(&whole_without), "{url} is not {whole}");

    let json = serde_json::to_string(url).expect("a URL can be stored");
    assert_eq!(serde_json::from_str::<Url>(&json).ok().as_ref(), Some(url));
}
