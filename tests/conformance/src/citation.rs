//! The comments by which tests cite requirements, read from the sources.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Program;

/// What a citing comment begins with.
const COVERS: &str = "// covers ";

/// One ID of a comment `// covers ID, ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The ID as it is written.
    pub id: String,
    /// The test around the comment, as `PROGRAM::PATH`; none if the comment is in no test.
    pub test: Option<String>,
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
}

/// Returns every citation in the modules of a test program, with those in no test.
///
/// The sources are read as rustfmt leaves them: an item ends where its closing brace has the item's indentation.
///
/// # Errors
///
/// A module's file cannot be read.
pub fn citations(program: &Program) -> io::Result<Vec<Citation>> {
    let mut found = Vec::new();
    let dir = program.source.parent().unwrap_or_else(|| Path::new(""));
    read_module(&program.source, dir, &program.name, &mut found)?;
    Ok(found)
}

/// Reads a file, whose child modules are in `dir`, and then these.
fn read_module(file: &Path, dir: &Path, path: &str, found: &mut Vec<Citation>) -> io::Result<()> {
    let text = fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    let mut scan = Scan { path: path.to_owned(), dir: dir.to_owned(), ..Scan::default() };
    for (n, line) in text.lines().enumerate() {
        if let Some(ids) = line.trim_start().strip_prefix(COVERS) {
            let test = scan.function.as_ref().and_then(|function| function.test.clone());
            found.extend(ids.split(", ").map(|id| Citation {
                id: id.to_owned(),
                test: test.clone(),
                file: file.to_owned(),
                line: n + 1,
            }));
            continue;
        }
        if let Some(name) = generated(line) {
            read_module(&file.with_file_name(name), dir, &scan.path, found)?;
            continue;
        }
        if let Some(name) = scan.line(line) {
            let child = match scan.attribute_path.take() {
                // Within an inline module a path starts at that module's folder, elsewhere beside the file.
                Some(relative) if scan.modules.is_empty() => file.with_file_name(relative),
                Some(relative) => scan.dir.join(relative),
                None => file_of(&scan.dir, &name),
            };
            let child_dir = match child.file_name() {
                Some(file) if file == "mod.rs" => child.parent().map(Path::to_owned),
                _ => Some(child.with_extension("")),
            };
            let child_path = format!("{}::{name}", scan.path);
            read_module(&child, &child_dir.unwrap_or_default(), &child_path, found)?;
        }
    }
    Ok(())
}

/// Returns the file beside this one that `tests/build.rs` makes an included file from: it has the same citations.
fn generated(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("include!(concat!(env!(\"OUT_DIR\"), \"/")?;
    rest.strip_suffix("\"));")
}

/// Returns the file of a module: `name.rs`, or `name/mod.rs`.
fn file_of(dir: &Path, name: &str) -> PathBuf {
    let file = dir.join(name).with_extension("rs");
    if file.is_file() { file } else { dir.join(name).join("mod.rs") }
}

/// Where in a file the scan is.
#[derive(Default)]
struct Scan {
    /// The program and the modules down to this place.
    path: String,
    /// Where the files of the child modules are.
    dir: PathBuf,
    /// The inline modules around, by their indentation.
    modules: Vec<usize>,
    /// The outermost function around.
    function: Option<Function>,
    /// An attribute `test` was read, and the item has not come yet.
    attribute_test: bool,
    /// What an attribute `path` said.
    attribute_path: Option<String>,
}

struct Function {
    indent: usize,
    /// The path, if it is a test.
    test: Option<String>,
    /// Its body has not begun yet.
    in_signature: bool,
}

impl Scan {
    /// Takes the next line; returns the name of a child module in a file of its own.
    fn line(&mut self, line: &str) -> Option<String> {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(function) = &mut self.function {
            let declared = function.in_signature && text.ends_with(';');
            function.in_signature &= !text.ends_with('{');
            if declared || (indent == function.indent && text == "}") {
                self.function = None;
            }
            return None;
        }
        if text.starts_with("#[") {
            self.attribute_test |= text == "#[test]" || text.starts_with("#[tokio::test");
            if let Some(path) = text.strip_prefix("#[path = \"") {
                self.attribute_path = path.strip_suffix("\"]").map(str::to_owned);
            }
            return None;
        }
        if text.is_empty() || text.starts_with("//") {
            return None;
        }
        let test = core::mem::take(&mut self.attribute_test);
        if self.modules.last() == Some(&indent) && text == "}" {
            self.leave_module();
            return None;
        }
        let item = without_qualifiers(text);
        if let Some(rest) = item.strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if !text.ends_with([';', '}']) {
                let test = test.then(|| format!("{}::{name}", self.path));
                let in_signature = !text.ends_with('{');
                self.function = Some(Function { indent, test, in_signature });
            }
        } else if let Some(rest) = item.strip_prefix("mod ") {
            if let Some(name) = rest.strip_suffix(';') {
                return Some(name.to_owned());
            }
            if let Some(name) = rest.strip_suffix(" {") {
                self.path = format!("{}::{name}", self.path);
                self.dir.push(name);
                self.modules.push(indent);
            }
        }
        self.attribute_path = None;
        None
    }

    fn leave_module(&mut self) {
        self.modules.pop();
        self.dir.pop();
        if let Some((around, _)) = self.path.rsplit_once("::") {
            self.path.truncate(around.len());
        }
    }
}

/// Returns an item from its keyword on.
fn without_qualifiers(text: &str) -> &str {
    let mut rest = text;
    loop {
        let word = rest.split([' ', '(']).next().unwrap_or_default();
        rest = match word {
            "pub" if rest.starts_with("pub(") => rest.split_once(") ").map_or("", |(_, rest)| rest),
            "pub" | "const" | "async" | "unsafe" => rest[word.len()..].trim_start(),
            _ => return rest,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = include_str!("citation_example.txt");

    #[test]
    fn a_comment_belongs_to_the_test_around_it() {
        let mut scan = Scan { path: "p".into(), ..Scan::default() };
        let mut seen = Vec::new();
        let mut modules = Vec::new();
        for line in SOURCE.lines() {
            match line.trim_start().strip_prefix(COVERS) {
                Some(ids) => {
                    let test = scan.function.as_ref().and_then(|f| f.test.clone());
                    seen.push((ids, test.unwrap_or_default()));
                }
                None => modules.extend(scan.line(line)),
            }
        }
        let seen: Vec<(&str, &str)> = seen.iter().map(|(ids, test)| (*ids, &**test)).collect();
        assert_eq!(
            seen,
            [
                ("8555-1-1", ""),
                ("8555-1-2, 8555-1-3", "p::inner::first"),
                ("8555-1-4", "p::inner::first"),
                ("8555-1-5", "p::inner::deeper::second"),
                ("8555-1-6", "p::third"),
            ]
        );
        assert_eq!(modules, ["child"]);
    }

    #[test]
    fn qualifiers_are_skipped() {
        assert_eq!(without_qualifiers("pub(in crate::a) const fn x() {"), "fn x() {");
        assert_eq!(without_qualifiers("async fn x() {"), "fn x() {");
        assert_eq!(without_qualifiers("let x = 1;"), "let x = 1;");
    }
}
