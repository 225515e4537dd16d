use std::collections::BTreeSet;

use acme_proto::header::links;
use acme_proto::http::Headers;
use acme_proto::url::Url;

use crate::bytes::Bytes;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const RELATIONS: [&str; 5] = ["up", "index", "alternate", "next", "terms-of-service"];

/// Writes a field of links in any spelling, and reads it beside the independent crate `parse_link_header`.
///
/// # Panics
///
/// If a link that was written is missing in what either reads, or has another target.
pub fn link_peers(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let base = Url::parse("https://ca.example/acme/order/1").expect("the base is a URL");
    let mut written: BTreeSet<(String, &str)> = BTreeSet::new();
    let mut field = String::new();
    // The other crate has one link for each relation.
    for rel in RELATIONS {
        if bytes.is_over() {
            break;
        }
        let (text, target) = target(&mut bytes);
        let separator = if field.is_empty() { "" } else { bytes.pick(&[", ", ",", " , "]) };
        let quoted = bytes.pick(&["\"", ""]);
        let space = bytes.pick(&["; ", ";"]);
        let other = bytes.pick(&["", "title=\"some words\"; ", "type=text; "]);
        field.push_str(&format!("{separator}<{text}>{space}{other}rel={quoted}{rel}{quoted}"));
        written.insert((target, rel));
    }
    let mut headers = Headers::new();
    headers.append("link", &field);
    let ours = links(&headers, &base);
    for (target, rel) in &written {
        let is_it =
            |link: &acme_proto::header::Link| link.has_rel(rel) && link.target().as_str() == target;
        assert!(ours.iter().any(is_it), "{target} ({rel}) is missing in {ours:?}: {field}");
    }
    assert_eq!(ours.len(), written.len(), "{field}");
    if written.is_empty() {
        return;
    }
    let theirs = parse_link_header::parse_with_rel(&field);
    let theirs = theirs.unwrap_or_else(|error| panic!("{field}: {error}"));
    let theirs: BTreeSet<(String, &str)> = theirs
        .iter()
        .map(|(rel, link)| {
            let rel =
                RELATIONS.into_iter().find(|known| known == rel).expect("one that was written");
            (base.resolve(&link.raw_uri).expect("a URL").as_str().to_owned(), rel)
        })
        .collect();
    assert_eq!(theirs, written, "{field}");
}

/// Returns a target as it is written, and as the URL that it stands for.
fn target(bytes: &mut Bytes<'_>) -> (String, String) {
    let segment: String =
        bytes.some(12).iter().map(|octet| char::from(LETTERS[usize::from(octet % 64)])).collect();
    match bytes.below(4) {
        0 => (format!("/{segment}"), format!("https://ca.example/{segment}")),
        1 => (format!("https://ca.example/{segment}/1"), format!("https://ca.example/{segment}/1")),
        2 => (format!("/a?b={segment}"), format!("https://ca.example/a?b={segment}")),
        _ => (format!("//other.example/{segment}"), format!("https://other.example/{segment}")),
    }
}
