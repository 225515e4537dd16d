//! The table of disabled checks: changes to the core, each of which a test of the cited requirement
//! must notice.

use std::collections::BTreeSet;
use std::fmt;

/// A change of one place in the source that removes a required behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The name in reports.
    pub name: String,
    /// The file, from the root of the workspace.
    pub file: String,
    /// The requirements that it breaks.
    pub ids: Vec<String>,
    /// The behaviour that it removes.
    pub why: String,
    /// The replaced text, which occurs once in the file.
    pub from: String,
    /// The new text.
    pub to: String,
}

impl Mutant {
    /// Replaces the text in a source.
    ///
    /// # Errors
    ///
    /// The number of occurrences of the text, if it is not one.
    pub fn apply(&self, source: &str) -> Result<String, usize> {
        match source.matches(&self.from).count() {
            1 => Ok(source.replacen(&self.from, &self.to, 1)),
            count => Err(count),
        }
    }
}

/// An error of the table of mutants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTable {
    line: usize,
    expected: &'static str,
}

impl fmt::Display for InvalidTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}", self.line, self.expected)
    }
}

impl std::error::Error for InvalidTable {}

/// Parses the table of mutants.
///
/// An entry is `== NAME`, `file: PATH`, `ids: ID ID`, `why: TEXT`, then `<<<`, the lines to find,
/// `>>>` and the lines that replace them, until the next `==`. White space at the end of an entry,
/// and lines before the first one, do not count.
///
/// # Errors
///
/// The first line that does not continue its entry, or a name that comes twice.
pub fn parse_mutants(text: &str) -> Result<Vec<Mutant>, InvalidTable> {
    let mut lines = text.lines().enumerate().peekable();
    let mut mutants = Vec::new();
    let mut names = BTreeSet::new();
    while lines.next_if(|(_, line)| !line.starts_with("== ")).is_some() {}
    while let Some((at, line)) = lines.next() {
        let name = line.trim_start_matches("== ").to_owned();
        if !names.insert(name.clone()) {
            return Err(InvalidTable { line: at + 1, expected: "a name that is new" });
        }
        let mut field = |prefix: &'static str| match lines.next() {
            Some((_, line)) if line.starts_with(prefix) => {
                Ok(line[prefix.len()..].trim().to_owned())
            }
            other => {
                let line = other.map_or(at + 2, |(n, _)| n + 1);
                Err(InvalidTable { line, expected: prefix })
            }
        };
        let file = field("file:")?;
        let ids = field("ids:")?.split_whitespace().map(str::to_owned).collect();
        let why = field("why:")?;
        field("<<<")?;
        let mut from = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| *line != ">>>") {
            from.push(line);
        }
        if lines.next().is_none() || from.is_empty() {
            return Err(InvalidTable { line: at + 1, expected: ">>> after the lines to find" });
        }
        let mut to = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.starts_with("== ")) {
            to.push(line);
        }
        let to = to.join("\n").trim_end().to_owned();
        mutants.push(Mutant { name, file, ids, why, from: from.join("\n"), to });
    }
    Ok(mutants)
}

/// Chooses `count` of the items in random order. The choice depends on the seed alone.
pub fn choose<T>(mut items: Vec<T>, seed: u64, count: usize) -> Vec<T> {
    let mut state = seed;
    let mut chosen = Vec::new();
    while chosen.len() < count && !items.is_empty() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let index = (mixed ^ (mixed >> 31)) % items.len() as u64;
        chosen.push(items.swap_remove(index as usize));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
A comment.

== first
file: a/b.rs
ids: 8555-6.2-3 8555-6.2-4
why: no check
<<<
    if bad {
        return;
>>>
    if false {
        return;

== second
file: c.rs
ids: 8555-5-1
why: gone
<<<
check();
>>>
";

    #[test]
    fn the_table_is_parsed() {
        let mutants = parse_mutants(TABLE).expect("the table is well formed");
        assert_eq!(mutants.len(), 2);
        assert_eq!(mutants[0].name, "first");
        assert_eq!(mutants[0].ids, ["8555-6.2-3", "8555-6.2-4"]);
        assert_eq!(mutants[0].from, "    if bad {\n        return;");
        assert_eq!(mutants[0].to, "    if false {\n        return;");
        assert_eq!((mutants[1].from.as_str(), mutants[1].to.as_str()), ("check();", ""));
    }

    #[test]
    fn a_malformed_table_names_its_line() {
        let without_ids = TABLE.replace("ids: 8555-5-1\n", "");
        let error = parse_mutants(&without_ids).expect_err("the IDs are missing");
        assert_eq!(error.to_string(), "line 16: expected ids:");
        let twice = TABLE.replace("== second", "== first");
        assert!(parse_mutants(&twice).is_err());
        assert!(parse_mutants("== a\nfile: x\nids: y\nwhy: z\n<<<\nx\n").is_err());
    }

    #[test]
    fn a_text_that_does_not_occur_once_is_not_replaced() {
        let mutant = &parse_mutants(TABLE).expect("the table is well formed")[1];
        assert_eq!(mutant.apply("a(); check(); b();"), Ok("a();  b();".to_owned()));
        assert_eq!(mutant.apply("a();"), Err(0));
        assert_eq!(mutant.apply("check(); check();"), Err(2));
    }

    #[test]
    fn the_seed_decides_the_choice() {
        let all: Vec<u32> = (0..60).collect();
        let first = choose(all.clone(), 7, 30);
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 30);
        assert_eq!(choose(all.clone(), 7, 30), first);
        assert_ne!(choose(all.clone(), 8, 30), first);
        assert_eq!(choose(all, 7, 99).len(), 60);
    }
}
