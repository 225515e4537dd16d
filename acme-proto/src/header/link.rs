//! `Link` (RFC 8288 section 3): tolerant of one bad link among good ones.

use alloc::string::String;
use alloc::vec::Vec;

use crate::http::Headers;
use crate::url::Url;

/// The most links that are read from one answer.
const MAX_LINKS: usize = 64;

/// A link of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    target: Url,
    rels: Vec<String>,
}

impl Link {
    /// Returns the target, resolved against the request's URL.
    pub const fn target(&self) -> &Url {
        &self.target
    }

    /// Returns whether the link has this relation type; case does not matter.
    pub fn has_rel(&self, rel: &str) -> bool {
        self.rels.iter().any(|r| r.eq_ignore_ascii_case(rel))
    }
}

/// Returns the links of all `Link` lines; malformed ones, and those about another resource, are left out.
pub fn links(headers: &Headers, base: &Url) -> Vec<Link> {
    let mut links = Vec::new();
    for line in headers.all("link") {
        let mut rest = line;
        while let Some(start) = next_target(rest) {
            let (link, after) = link(&rest[start..], base);
            links.extend(link);
            rest = after;
            if links.len() >= MAX_LINKS {
                links.truncate(MAX_LINKS);
                return links;
            }
        }
    }
    links
}

/// Finds where the next link starts, skipping what is none: up to a `<` that follows a comma.
fn next_target(text: &str) -> Option<usize> {
    let trimmed = text.trim_start_matches([' ', '\t', ',']);
    let start = text.len() - trimmed.len();
    if trimmed.starts_with('<') {
        return Some(start);
    }
    let mut quoted = false;
    let mut comma = false;
    for (at, c) in trimmed.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => comma = true,
            '<' if comma => return Some(start + at),
            ' ' | '\t' => {}
            _ => comma = false,
        }
    }
    None
}

/// Reads one link from its `<` on; returns what follows it.
fn link<'a>(text: &'a str, base: &Url) -> (Option<Link>, &'a str) {
    let Some(end) = text.find('>') else {
        return (None, "");
    };
    let target = base.resolve(text[1..end].trim()).ok();
    let (mut rel, mut anchor) = (None, None);
    let mut rest = &text[end + 1..];
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(after) = rest.strip_prefix(';') else {
            break;
        };
        let (name, value, after) = parameter(after);
        if name.eq_ignore_ascii_case("rel") && rel.is_none() {
            rel = Some(value);
        } else if name.eq_ignore_ascii_case("anchor") && anchor.is_none() {
            anchor = Some(value);
        }
        rest = after;
    }
    let about_this = anchor.is_none_or(|a| base.resolve(&a).is_ok_and(|url| url == *base));
    let rels: Vec<String> = rel
        .unwrap_or_default()
        .split_ascii_whitespace()
        .take(16)
        .map(str::to_ascii_lowercase)
        .collect();
    let link =
        target.filter(|_| about_this && !rels.is_empty()).map(|target| Link { target, rels });
    (link, rest)
}

/// Reads `name`, `name=token` or `name="quoted"`; returns what follows.
fn parameter(text: &str) -> (&str, String, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    let end = text.find(['=', ';', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let name = name.trim_end_matches([' ', '\t']);
    let Some(value) = rest.strip_prefix('=') else {
        return (name, String::new(), rest);
    };
    let value = value.trim_start_matches([' ', '\t']);
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, rest) = unquote(quoted);
        return (name, value, rest);
    }
    let end = value.find([';', ',']).unwrap_or(value.len());
    let (value, rest) = value.split_at(end);
    (name, String::from(value.trim_end_matches([' ', '\t'])), rest)
}

/// Reads a quoted string from behind its opening quote; one that does not end reaches to the end.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

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

    // 8288-3-1, 8288-2.1.1-1
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
            assert_eq!(read(&[line]), next, "{line}");
        }
    }

    // 8288-3-2
    #[test]
    fn several_links_in_one_line_and_several_lines_are_read() {
        let both =
            [one("https://ca.example/a,b", &["alternate"]), one("https://ca.example/c", &["up"])];
        assert_eq!(read(&["<https://ca.example/a,b>;rel=\"alternate\", </c>;rel=\"up\""]), both);
        assert_eq!(read(&["<https://ca.example/a,b>;rel=alternate", "</c>;rel=up"]), both);
    }

    // 8288-3.1-1
    #[test]
    fn a_relative_target_is_resolved() {
        assert_eq!(read(&["<../2>;rel=next"]), [one("https://ca.example/acme/2", &["next"])]);
    }

    // 8288-3.3-1, 8288-3.3-2
    #[test]
    fn only_the_first_rel_counts_and_it_may_hold_several_types() {
        let line = "</x>;rel=\"alternate up\";rel=next";
        assert_eq!(read(&[line]), [one("https://ca.example/x", &["alternate", "up"])]);
    }

    // 8288-3.2-1
    #[test]
    fn a_link_about_another_resource_is_left_out() {
        assert_eq!(read(&["</x>;rel=up;anchor=\"/elsewhere\""]), []);
        let own = "</x>;rel=up;anchor=\"https://ca.example/acme/order/1\"";
        assert_eq!(read(&[own]), [one("https://ca.example/x", &["up"])]);
    }

    // 8288-B-1
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
}
