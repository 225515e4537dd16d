//! Finding the IDs that unit tests inside the crates cite in comments.

use std::fs;
use std::io;
use std::path::Path;

use crate::Catalogue;

/// An ID that stands in the comment above a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited {
    /// The ID as it is written; it may be missing from the catalogue.
    pub id: String,
    /// The name of the test function.
    pub test: String,
    /// The file and the line of the test function.
    pub place: String,
}

/// Reads every Rust file below `dir`, and returns what the `//` comments directly above test functions cite.
///
/// A range is written `8555-7.3.4-1 to -6`.
///
/// # Errors
///
/// The first file or directory that cannot be read.
pub fn cited_in(dir: &Path, catalogue: &Catalogue) -> io::Result<Vec<Cited>> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            found.extend(cited_in(&path, catalogue)?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let source = fs::read_to_string(&path)?;
            found.extend(cited_by(&source, &path.display().to_string(), catalogue));
        }
    }
    Ok(found)
}

fn cited_by(source: &str, file: &str, catalogue: &Catalogue) -> Vec<Cited> {
    let mut found = Vec::new();
    let mut comment = String::new();
    let mut is_test = false;
    for (n, line) in source.lines().enumerate() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("//").filter(|t| !t.starts_with(['/', '!'])) {
            comment.push_str(text);
            comment.push(' ');
            continue;
        }
        if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            continue;
        }
        if let (true, Some(test)) = (is_test, function_name(line)) {
            let place = format!("{file}:{}", n + 1);
            found.extend(ids_in(&comment, catalogue).into_iter().map(|id| Cited {
                id,
                test: test.to_owned(),
                place: place.clone(),
            }));
        }
        comment.clear();
        is_test = false;
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers_only = before.split_whitespace().all(|w| matches!(w, "pub" | "async"));
    qualifiers_only.then(|| after.split(['(', '<']).next().unwrap_or(after).trim())
}

/// Returns the IDs in a comment, ranges written out.
fn ids_in(comment: &str, catalogue: &Catalogue) -> Vec<String> {
    let words: Vec<&str> = comment
        .split(|c: char| c.is_whitespace() || ",;:()".contains(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut ids: Vec<String> = Vec::new();
    for (n, word) in words.iter().enumerate() {
        if catalogue.looks_like_id(word) {
            ids.push((*word).to_owned());
        }
        let after_to = n >= 2 && words[n - 1] == "to" && catalogue.looks_like_id(words[n - 2]);
        if let (true, Some(last)) = (after_to, word.strip_prefix('-')) {
            let (section, first) = words[n - 2].rsplit_once('-').unwrap_or_default();
            if let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) {
                ids.extend((first + 1..=last).map(|number| format!("{section}-{number}")));
            }
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn the_comment_above_a_test_cites_ids_and_ranges() {
        let source = "
            // V-EAB, 8555-7.3.4-1 to -3 (http-01, see Section 7.3).
            // Also 7515-2-1.
            #[test]
            fn signs_the_binding() {
        ";
        let found = cited_by(source, "mac.rs", catalogue());
        let ids: Vec<&str> = found.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["8555-7.3.4-1", "8555-7.3.4-2", "8555-7.3.4-3", "7515-2-1"]);
        assert_eq!(found[0].test, "signs_the_binding");
        assert_eq!(found[0].place, "mac.rs:5");
    }

    #[test]
    fn a_comment_elsewhere_cites_nothing() {
        let source = "
            // 8555-6.2-1
            fn not_a_test() {}
            // 8555-6.2-2

            #[test]
            fn the_blank_line_ends_the_comment() {
                // 8555-6.2-3
            }
            /// 8555-6.2-4
            #[test]
            fn documented() {}
        ";
        assert_eq!(cited_by(source, "x.rs", catalogue()), []);
    }
}
