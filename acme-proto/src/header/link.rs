//! `Link` (RFC 8288 Section 3), parsed so that a malformed link does not affect the others.

use alloc::string::String;
use alloc::vec::Vec;

use crate::header::is_token_char;
use crate::http::Headers;
use crate::url::Url;

/// The maximum number of links that are read from one response.
const MAX_LINKS: usize = 64;

/// A link in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    target: Url,
    rels: Vec<String>,
}

impl Link {
    /// Returns the target, resolved against the URL of the request.
    pub const fn target(&self) -> &Url {
        &self.target
    }

    /// Returns whether the link has this relation type, without regard to case.
    pub fn has_rel(&self, rel: &str) -> bool {
        self.rels.iter().any(|r| r.eq_ignore_ascii_case(rel))
    }
}

/// Returns the links of a response, in order; `base` is the URL of the request.
///
/// Relative targets are resolved against `base`. Links without `rel`, links whose `anchor` is not
/// the requested resource, links to URLs other than `http` and `https`, and malformed links are
/// omitted. Parameters other than `rel` and `anchor` are ignored.
pub fn links(headers: &Headers, base: &Url) -> Vec<Link> {
    headers
        .all("link")
        .flat_map(Scanner::new)
        .filter_map(|raw| raw.into_link(base))
        .take(MAX_LINKS)
        .collect()
}

/// A link before its target and its anchor are resolved.
struct RawLink<'a> {
    target: &'a str,
    rel: Option<String>,
    anchor: Option<String>,
}

impl RawLink<'_> {
    fn into_link(self, base: &Url) -> Option<Link> {
        let mut rels: Vec<String> = Vec::new();
        for rel in self.rel?.split_ascii_whitespace().take(MAX_RELS) {
            rels.push(rel.to_ascii_lowercase());
        }
        let of_this = self.anchor.is_none_or(|anchor| is_same(&anchor, base));
        if rels.is_empty() || !of_this {
            return None;
        }
        let target = base.resolve(self.target).ok()?;
        Some(Link { target, rels })
    }
}

/// Returns whether an anchor refers to the requested resource itself.
fn is_same(anchor: &str, base: &Url) -> bool {
    let context = base.resolve(anchor);
    context.is_ok_and(|url| url == *base)
}

/// An iterator over the well-formed links in one field value.
struct Scanner<'a> {
    rest: &'a str,
    /// Whether a quoted string without an end was found. The search for its end read the whole
    /// rest, so it is never repeated: the scan stays linear in the length of the value.
    unbalanced: bool,
}

impl<'a> Scanner<'a> {
    const fn new(rest: &'a str) -> Self {
        Self { rest, unbalanced: false }
    }

    /// Parses one link. On failure, `rest` begins at the character that does not fit.
    fn link(&mut self) -> Option<RawLink<'a>> {
        let target = self.target()?;
        let mut link = RawLink { target, rel: None, anchor: None };
        loop {
            self.skip_space();
            if self.rest.is_empty() || self.rest.starts_with(',') {
                return Some(link);
            }
            self.rest = self.rest.strip_prefix(';')?;
            self.skip_space();
            // An empty parameter, as in `<x>;;rel=up`, or a trailing semicolon.
            if self.rest.is_empty() || self.rest.starts_with([';', ',']) {
                continue;
            }
            let (name, value) = self.parameter()?;
            // Only the first `rel` and the first `anchor` count (RFC 8288 Sections 3.2 and 3.3).
            if name.eq_ignore_ascii_case("rel") {
                link.rel.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("anchor") {
                link.anchor.get_or_insert(value);
            }
        }
    }

    /// Parses `<URI-reference>`. White space just inside the brackets is accepted.
    fn target(&mut self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix('<')?.trim_start_matches([' ', '\t']);
        // None of these characters can be part of a reference, so the first one must be the end.
        let (target, rest) = inside.split_at_checked(inside.find(['>', '<', '"', ' ', '\t'])?)?;
        self.rest = rest.trim_start_matches([' ', '\t']).strip_prefix('>')?;
        Some(target)
    }

    /// Parses a parameter. One without a value has an empty value.
    fn parameter(&mut self) -> Option<(&'a str, String)> {
        let name = self.take_while(is_token_char);
        if name.is_empty() {
            return None;
        }
        self.skip_space();
        let Some(rest) = self.rest.strip_prefix('=') else {
            return Some((name, String::new()));
        };
        self.rest = rest;
        self.skip_space();
        if self.rest.starts_with('"') {
            return Some((name, self.quoted_string()?));
        }
        // Accepts more than a token, because some servers do not quote URLs.
        let value = self.take_while(|c| !b" \t;,\"".contains(&c));
        Some((name, value.into()))
    }

    /// Parses a quoted string (RFC 9110 Section 5.6.4). Reads nothing if it has no end.
    fn quoted_string(&mut self) -> Option<String> {
        let inside = self.rest.strip_prefix('"')?;
        let mut value = String::new();
        let mut chars = inside.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = inside.get(at + 1..)?;
                    return Some(value);
                }
                '\\' => value.push(chars.next()?.1),
                _ => value.push(c),
            }
        }
        None
    }

    /// Skips to the next comma outside of a quoted string, after a malformed link.
    fn recover(&mut self) {
        while let Some(at) = self.rest.find([',', '"']) {
            let (_, rest) = self.rest.split_at_checked(at).unwrap_or_default();
            self.rest = rest;
            if rest.starts_with(',') {
                return;
            }
            if self.unbalanced || self.quoted_string().is_none() {
                self.unbalanced = true;
                // A quote without an end is an ordinary character here, so that the links after it
                // are found.
                self.rest = rest.strip_prefix('"').unwrap_or_default();
            }
        }
        self.rest = "";
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|c| !accept(c));
        let (taken, rest) =
            self.rest.split_at_checked(end.unwrap_or(self.rest.len())).unwrap_or_default();
        self.rest = rest;
        taken
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = RawLink<'a>;

    fn next(&mut self) -> Option<RawLink<'a>> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
            if self.rest.is_empty() {
                return None;
            }
            match self.link() {
                Some(link) => return Some(link),
                // Always makes progress: the next round starts at a comma, which it skips, or at
                // the end.
                None => self.recover(),
            }
        }
    }
}

/// The maximum number of relation types that are kept for a link.
const MAX_RELS: usize = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;
    use alloc::vec;

    fn read(lines: &[&str]) -> Vec<(String, Vec<String>)> {
        let base = Url::parse("https://ca.example/acme/order/1").unwrap();
        let mut headers = Headers::new();
        lines.iter().for_each(|line| headers.append("Link", line));
        links(&headers, &base)
            .into_iter()
            .map(|link| (String::from(link.target.as_str()), link.rels))
            .collect()
    }

    fn one(target: &str, rels: &[&str]) -> (String, Vec<String>) {
        (String::from(target), rels.iter().map(|r| String::from(*r)).collect())
    }

    #[test]
    fn token_and_quoted_string_are_alike_and_case_means_nothing() {
        let next = [one("https://ca.example/2", &["next"])];
        for line in [
            "<https://ca.example/2>;rel=next",
            "<https://ca.example/2> ; rel=\"next\"",
            "<https://ca.example/2>; REL=\"Next\"",
            "< https://ca.example/2 >; title=\"a, b; <c>\" ; rel = next",
            "<https://ca.example/2>;title=\"quote \\\" here\";rel=next",
        ] {
            // covers 8288-3-1, 8288-2.1.1-1
            assert_eq!(read(&[line]), next, "{line}");
        }
    }

    #[test]
    fn several_links_in_one_line_and_several_lines_are_read() {
        let both =
            [one("https://ca.example/a,b", &["alternate"]), one("https://ca.example/c", &["up"])];
        // covers 8288-3-2
        assert_eq!(read(&["<https://ca.example/a,b>;rel=\"alternate\", </c>;rel=\"up\""]), both);
        assert_eq!(read(&["<https://ca.example/a,b>;rel=alternate", "</c>;rel=up"]), both);
    }

    #[test]
    fn a_relative_target_is_resolved() {
        // covers 8288-3.1-1
        assert_eq!(read(&["<../2>;rel=next"]), [one("https://ca.example/acme/2", &["next"])]);
    }

    #[test]
    fn only_the_first_rel_counts_and_it_may_hold_several_types() {
        let line = "</x>;rel=\"alternate up\";rel=next";
        // covers 8288-3.3-1, 8288-3.3-2
        assert_eq!(read(&[line]), [one("https://ca.example/x", &["alternate", "up"])]);
    }

    #[test]
    fn a_link_about_another_resource_is_left_out() {
        // covers 8288-3.2-1
        assert_eq!(read(&["</x>;rel=up;anchor=\"/elsewhere\""]), []);
        let own = "</x>;rel=up;anchor=\"https://ca.example/acme/order/1\"";
        assert_eq!(read(&[own]), [one("https://ca.example/x", &["up"])]);
    }

    #[test]
    fn a_malformed_link_does_not_take_the_good_ones_along() {
        let good = [one("https://ca.example/x", &["up"])];
        for line in [
            "garbage, </x>;rel=up",
            "<javascript:x>;rel=next, </x>;rel=up",
            "<a b>;rel=next, </x>;rel=up",
            "</y>, </x>;rel=up",
            ",, ,</x>;rel=up,",
            "</x>;rel=up, <unterminated",
            "</x>;;rel=up",
        ] {
            // covers 8288-B-1
            assert_eq!(read(&[line]), good, "{line}");
        }
    }

    #[test]
    fn the_number_of_links_is_bounded() {
        let line = vec!["</x>;rel=up"; 500].join(",");
        assert_eq!(read(&[&line]).len(), MAX_LINKS);
    }

    #[test]
    fn no_text_makes_it_panic() {
        for line in [
            "<",
            "<>",
            "<>;",
            "<>;rel",
            "<x>;rel=",
            "<x>;rel=\"",
            "<x>;rel=\"\\",
            "\"",
            "<\u{fc}>;rel=\u{fc}",
        ] {
            read(&[line]);
        }
    }

    /// The expected result for a link to `path` on the host of the request.
    fn link(path: &str, rels: &[&str]) -> (String, Vec<String>) {
        one(&alloc::format!("https://ca.example{path}"), rels)
    }

    #[test]
    fn commas_and_semicolons_inside_brackets_and_quotes_do_not_split() {
        let value = "</a,b;c>;title=\"x, </no>; rel=no\";rel=up,</d>;rel=next";
        // covers 8288-3-2
        assert_eq!(read(&[value]), [link("/a,b;c", &["up"]), link("/d", &["next"])]);
        let value = "</a>;title=\"\\\", </no>;rel=no, \\\\\";rel=up,</d>;rel=next";
        assert_eq!(read(&[value]), [link("/a", &["up"]), link("/d", &["next"])]);
    }

    #[test]
    fn malformed_links_are_skipped_without_loss_of_the_others() {
        for bad in [
            "",
            "garbage",
            "garbage \"quoted, </no>;rel=no\" more",
            "<",
            "<>",
            "</a",
            "</a b>;rel=x",
            "</a>",
            "</a>;title=x",
            "</a> rel=x",
            "</a>;=x",
            "</a>;rel=\"x\"y",
            "</a>;rel=x\"y\"",
            "</a>;rel=x;\"y\"",
            "</a>;r\u{e4}l=x",
            "</\u{e4}>;rel=x",
            "<mailto:a@example.com>;rel=x",
            "<javascript:x>;rel=x",
            "<https://>;rel=x",
            ">;rel=x",
            "\\",
            "</%zz>;rel=x",
        ] {
            let value = alloc::format!("</1>;rel=up, {bad}, </2>;rel=next");
            let expected = [link("/1", &["up"]), link("/2", &["next"])];
            // covers 8288-B-1
            assert_eq!(read(&[&value]), expected, "{bad}");
        }
    }

    #[test]
    fn a_quote_without_end_takes_its_own_link_only() {
        for bad in ["</a>;rel=\"x", "</a>;rel=\"x\\", "x \"y", "</a>;rel=x\""] {
            let value = alloc::format!("</1>;rel=up, {bad}, </2>;rel=next");
            let expected = [link("/1", &["up"]), link("/2", &["next"])];
            // covers 8288-B-1
            assert_eq!(read(&[&value]), expected, "{bad}");
        }
    }

    #[test]
    fn any_text_is_read_in_linear_time_without_panic() {
        for piece in [
            "<",
            ">",
            "\"",
            "\\\"",
            ",<",
            ",\"",
            "<a>;",
            "<a>;r=\"",
            "<a>;r=\"\\",
            "</a>;rel=x",
            "\u{e4}",
            ",</a>;r=\"\\\",",
        ] {
            let _ = read(&[&piece.repeat(100_000)]);
        }
        let alphabet = ["<", ">", "\"", "\\", ",", ";", "=", "rel", " ", "/a", "\u{e4}"];
        let mut seed = 7_u32;
        for _ in 0..5000 {
            let mut value = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                value.push_str(alphabet[(seed >> 16) as usize % alphabet.len()]);
            }
            let _ = read(&[&value]);
        }
    }
}
