//! Typed access to the members of a JSON object, which reports deviations.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::{Map, Value};

use super::json::{self, MAX_DEPTH, Members, Node};
use super::open_enum::OpenEnum;
use super::{Context, Deviation, DeviationKind, InvalidObject, Parsed};
use crate::text::{printable, snippet};
use crate::time::Timestamp;
use crate::url::Url;

/// Parses a body that must be a JSON object.
pub(super) fn parse<T>(
    body: &[u8],
    context: Context<'_>,
    build: impl FnOnce(Object<'_>, &mut Reader<'_>) -> Result<T, InvalidObject>,
) -> Result<Parsed<T>, InvalidObject> {
    let mut reader = Reader::new(Some(context));
    let object = match reader.decode(body)? {
        Node::Object(members) => Object::root(members),
        _ => return Err(InvalidObject::NotAnObject { snippet: snippet(body) }),
    };
    let value = build(object, &mut reader)?;
    Ok(reader.finish(value))
}

/// The context of a parse, and the deviations found so far.
pub(super) struct Reader<'c> {
    context: Option<Context<'c>>,
    deviations: Vec<Deviation>,
    /// The number of subproblems parsed so far, at all levels together.
    pub(super) subproblems: usize,
}

impl<'c> Reader<'c> {
    /// Creates a reader. Without a context, as for a snapshot, relative references stay unresolved.
    pub(super) const fn new(context: Option<Context<'c>>) -> Self {
        Self { context, deviations: Vec::new(), subproblems: 0 }
    }

    pub(super) fn decode<'a>(&mut self, body: &'a [u8]) -> Result<Node<'a>, InvalidObject> {
        let (node, oddity) = json::decode(body)?;
        if oddity.marked {
            self.report("body", DeviationKind::Malformed);
        }
        if oddity.deep {
            self.report("body", DeviationKind::TooMany { limit: MAX_DEPTH });
        }
        Ok(node)
    }

    pub(super) fn report(&mut self, field: impl Into<String>, kind: DeviationKind) {
        // A hostile body could cause a deviation for each of its entries.
        if self.deviations.len() < MAX_DEVIATIONS {
            self.deviations.push(Deviation::new(field, kind));
        }
    }

    /// Reports that an entry of a list is omitted because of `fault`.
    pub(super) fn skip(&mut self, entry: Path, fault: &InvalidObject) {
        let field = fault.field().map_or_else(|| entry.into(), ToOwned::to_owned);
        self.report(field, DeviationKind::BadSibling);
    }

    pub(super) fn request_url(&self) -> Option<&'c Url> {
        self.context.map(|context| context.url)
    }

    pub(super) fn finish<T>(self, value: T) -> Parsed<T> {
        Parsed { value, deviations: self.deviations }
    }

    /// Parses a URL that requests may be sent to: absolute, and `https` unless the context allows
    /// `http` on this machine.
    pub(super) fn url(&self, value: &Node<'_>) -> Result<Url, DeviationKind> {
        let url = absolute(value.as_str().ok_or(DeviationKind::Malformed)?)?;
        if url.is_https_or_allowed(self.context.is_some_and(|context| context.allow_http)) {
            Ok(url)
        } else {
            Err(DeviationKind::NotHttps)
        }
    }
}

/// Where an object, or an entry of a list, is in the body. It is written out only where something is wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    parent: String,
    name: &'static str,
    index: Option<usize>,
}

impl Path {
    /// Returns the path of a member of what is there.
    fn member(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{self}.{name}") }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, name, index } = self;
        write!(f, "{parent}{}{name}", if parent.is_empty() { "" } else { "." })?;
        index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

/// A JSON object whose members are removed as they are understood. What remains is `extra`.
pub(super) struct Object<'a> {
    members: Members<'a>,
    path: Path,
}

impl<'a> Object<'a> {
    pub(super) fn root(members: Members<'a>) -> Self {
        Self { members, path: Path::default() }
    }

    /// Wraps an entry of a list that must be an object.
    pub(super) fn at(path: Path, value: Node<'a>) -> Result<Self, InvalidObject> {
        match value {
            Node::Object(members) => Ok(Self { members, path }),
            _ => Err(InvalidObject::Malformed { field: path.into() }),
        }
    }

    /// Returns all members that were not taken.
    pub(super) fn into_members(self) -> Map<String, Value> {
        json::map(self.members)
    }

    /// Returns the members that were not taken; none of them if they would take much memory.
    pub(super) fn into_extra(self, reader: &mut Reader<'_>) -> Map<String, Value> {
        let members = json::map(self.members);
        if json::weight_of_members(&members) > MAX_EXTRA {
            let is_whole = self.path.name.is_empty();
            let path = if is_whole { "body".to_owned() } else { self.path.into() };
            reader.report(path, DeviationKind::TooMany { limit: MAX_EXTRA });
            return Map::new();
        }
        members
    }

    /// Returns a member. If it is repeated, the last one counts.
    fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.members.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Removes a member, and returns it.
    fn take(&mut self, name: &str) -> Option<Node<'a>> {
        self.members.extract_if(.., |(own, _)| own == name).last().map(|(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !value.is_null())
    }

    /// Returns a member that is a string, without taking it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns the path of a member.
    pub(super) fn path(&self, name: &str) -> String {
        self.path.member(name)
    }

    /// Returns the path of a member, or of an entry of the list that it is, to be written out if something is wrong there.
    fn below(&self, name: &'static str, index: Option<usize>) -> Path {
        Path { parent: self.path.to_string(), name, index }
    }

    /// Reports a member as missing, unless it was taken or is present but unusable.
    ///
    /// An unusable member was reported already.
    pub(super) fn expect(&self, name: &str, is_there: bool, reader: &mut Reader<'_>) {
        if !is_there && !self.has(name) {
            reader.report(self.path(name), DeviationKind::Missing);
        }
    }

    /// Takes a member. `null` is treated as absent. An unusable member is reported and stays in
    /// `extra`.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        reader: &mut Reader<'_>,
        read: impl FnOnce(&Node<'a>, &Reader<'_>) -> Result<T, DeviationKind>,
    ) -> Option<T> {
        let value = self.get(name)?;
        if value.is_null() {
            self.take(name);
            return None;
        }
        match read(value, reader) {
            Ok(read) => {
                self.take(name);
                Some(read)
            }
            Err(kind) => {
                reader.report(self.path(name), kind);
                None
            }
        }
    }

    /// Takes an indispensable member. Here `null` is malformed.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        reader: &Reader<'_>,
        read: impl FnOnce(&Node<'a>, &Reader<'_>) -> Result<T, DeviationKind>,
    ) -> Result<T, InvalidObject> {
        let value = self.get(name).ok_or(DeviationKind::Missing);
        match value.and_then(|value| read(value, reader)) {
            Ok(read) => {
                self.take(name);
                Ok(read)
            }
            Err(kind) => Err(InvalidObject::at(self.path(name), &kind)),
        }
    }

    pub(super) fn string(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<String> {
        self.optional(name, reader, |value, _| Ok(text(value)?.into_owned()))
    }

    pub(super) fn boolean(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<bool> {
        self.optional(name, reader, |value, _| value.as_bool().ok_or(DeviationKind::Malformed))
    }

    pub(super) fn timestamp(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<Timestamp> {
        self.optional(name, reader, |value, _| timestamp(value.as_str()))
    }

    /// Takes a URL that requests may be sent to.
    pub(super) fn url(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<Url> {
        self.optional(name, reader, |value, reader| reader.url(value))
    }

    /// Takes the URL of a page for humans, without its fragment. An `http` URL is reported, but
    /// accepted.
    pub(super) fn page(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<Url> {
        let url = self.optional(name, reader, |value, _| {
            let text = text(value)?;
            let page = text.split_once('#').map_or(&*text, |(page, _)| page);
            absolute(page)
        })?;
        if !url.is_https() {
            reader.report(self.path(name), DeviationKind::NotHttps);
        }
        Some(url)
    }

    /// Takes the text of a URL of a page for people, if it consists of printable ASCII without spaces.
    ///
    /// It need not be a valid URL: Pebble, for one, sends a `data:` URI. Text that does not
    /// begin with `https://` is reported.
    pub(super) fn uri_text(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<String> {
        let uri = self.optional(name, reader, |value, _| {
            let text = text(value)?;
            let clean = text.bytes().all(|b| b.is_ascii_graphic());
            let usable = clean && !text.is_empty() && text.len() <= Url::MAX_LEN;
            if usable { Ok(text.into_owned()) } else { Err(DeviationKind::Malformed) }
        })?;
        if !uri.starts_with("https://") {
            reader.report(self.path(name), DeviationKind::NotHttps);
        }
        Some(uri)
    }

    /// Takes an object.
    pub(super) fn object(&mut self, name: &'static str, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(object) = self.take_object(name) else {
            return self.optional(name, reader, |_, _| Err(DeviationKind::Malformed));
        };
        Some(object)
    }

    /// Takes a member that is an object, without a copy of it.
    fn take_object(&mut self, name: &'static str) -> Option<Self> {
        matches!(self.get(name)?, Node::Object(_)).then_some(())?;
        let Some(Node::Object(members)) = self.take(name) else { return None };
        Some(Self { members, path: self.below(name, None) })
    }

    /// Takes a member that is an array, without a copy of it.
    fn take_array(&mut self, name: &str) -> Option<Vec<Node<'a>>> {
        matches!(self.get(name)?, Node::Array(_)).then_some(())?;
        let Some(Node::Array(entries)) = self.take(name) else { return None };
        Some(entries)
    }

    /// Takes an array, and returns at most `limit` of its entries.
    pub(super) fn array(
        &mut self,
        name: &'static str,
        limit: usize,
        reader: &mut Reader<'_>,
    ) -> Option<Entries<'a>> {
        let Some(mut entries) = self.take_array(name) else {
            return self.optional(name, reader, |_, _| Err(DeviationKind::Malformed));
        };
        if entries.len() > limit {
            entries.truncate(limit);
            reader.report(self.path(name), DeviationKind::TooMany { limit });
        }
        Some(Entries::new(self.below(name, None), entries))
    }

    /// Takes an indispensable array. More than `limit` entries are an error.
    pub(super) fn required_array(
        &mut self,
        name: &'static str,
        limit: usize,
        reader: &Reader<'_>,
    ) -> Result<Entries<'a>, InvalidObject> {
        match self.take_array(name) {
            Some(entries) if entries.len() > limit => {
                Err(InvalidObject::at(self.path(name), &DeviationKind::TooMany { limit }))
            }
            Some(entries) => Ok(Entries::new(self.below(name, None), entries)),
            None => self.required(name, reader, |_, _| Err(DeviationKind::Malformed)),
        }
    }

    /// Takes an array that may be absent. An unusable one, or more than `limit` entries, is an
    /// error.
    pub(super) fn strict_array(
        &mut self,
        name: &'static str,
        limit: usize,
        reader: &Reader<'_>,
    ) -> Result<Option<Entries<'a>>, InvalidObject> {
        if self.has(name) {
            return self.required_array(name, limit, reader).map(Some);
        }
        self.take(name); // it may be null
        Ok(None)
    }

    /// Takes an array of strings. Other entries are reported and omitted.
    pub(super) fn strings(&mut self, name: &'static str, reader: &mut Reader<'_>) -> Vec<String> {
        let mut strings = Vec::new();
        for (path, entry) in self.array(name, MAX_STRINGS, reader).into_iter().flatten() {
            match entry {
                Node::Text(text) => strings.push(text.into_owned()),
                _ => reader.report(path, DeviationKind::BadSibling),
            }
        }
        strings
    }

    /// Takes a member that may be absent. An unusable one is an error.
    pub(super) fn strict<T>(
        &mut self,
        name: &str,
        reader: &Reader<'_>,
        read: impl FnOnce(&Node<'a>, &Reader<'_>) -> Result<T, DeviationKind>,
    ) -> Result<Option<T>, InvalidObject> {
        if self.has(name) {
            return self.required(name, reader, read).map(Some);
        }
        self.take(name); // it may be null
        Ok(None)
    }

    /// Takes an object that may be absent. Anything else is an error.
    pub(super) fn strict_object(
        &mut self,
        name: &'static str,
        reader: &Reader<'_>,
    ) -> Result<Option<Self>, InvalidObject> {
        match self.take_object(name) {
            Some(object) => Ok(Some(object)),
            None => self.strict(name, reader, |_, _| Err(DeviationKind::Malformed)),
        }
    }

    /// Takes an indispensable object.
    pub(super) fn required_object(
        &mut self,
        name: &'static str,
        reader: &Reader<'_>,
    ) -> Result<Self, InvalidObject> {
        match self.take_object(name) {
            Some(object) => Ok(object),
            None => self.required(name, reader, |_, _| Err(DeviationKind::Malformed)),
        }
    }

    /// Takes a status that may be absent.
    pub(super) fn optional_status<T: OpenEnum>(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<Option<T>, InvalidObject> {
        let text = self.strict("status", reader, |value, _| text(value))?;
        Ok(text.map(|text| self.known(&text, reader)))
    }

    /// Takes a required status.
    pub(super) fn status<T: OpenEnum>(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<T, InvalidObject> {
        let text = self.required("status", reader, |value, _| text(value))?;
        Ok(self.known(&text, reader))
    }

    /// Converts text to a status. An unknown status is kept and reported.
    fn known<T: OpenEnum>(&self, text: &str, reader: &mut Reader<'_>) -> T {
        let status = T::from(text);
        if let Some(unknown) = status.unknown() {
            // The status keeps the whole text, the report only its beginning.
            let unknown = printable(unknown, MAX_UNKNOWN);
            reader.report(self.path("status"), DeviationKind::UnknownValue(unknown));
        }
        status
    }

    /// Parses this object as an identifier (RFC 8555 Section 9.7.7): type, value, and other
    /// members.
    pub(super) fn identifier(
        mut self,
        reader: &Reader<'_>,
    ) -> Result<(Cow<'a, str>, Cow<'a, str>, Members<'a>), InvalidObject> {
        let kind = self.required("type", reader, |value, _| text(value))?;
        let value = self.required("value", reader, |value, _| text(value))?;
        Ok((kind, value, self.members))
    }

    /// Puts the remaining members of a nested object back under its name, so that they are in
    /// `extra`.
    pub(super) fn put_back(&mut self, name: &'static str, rest: Members<'a>) {
        if !rest.is_empty() {
            self.members.push((name.into(), Node::Object(rest)));
        }
    }

    /// Puts the remaining members of a list's entries back, each at its index.
    pub(super) fn put_back_list(&mut self, name: &'static str, rest: Vec<Members<'a>>) {
        if rest.iter().any(|entry| !entry.is_empty()) {
            let rest = rest.into_iter().map(Node::Object).collect();
            self.members.push((name.into(), Node::Array(rest)));
        }
    }
}

/// The entries of a list, each with its path.
pub(super) struct Entries<'a> {
    list: Path,
    entries: core::iter::Enumerate<alloc::vec::IntoIter<Node<'a>>>,
}

impl<'a> Entries<'a> {
    fn new(list: Path, entries: Vec<Node<'a>>) -> Self {
        Self { list, entries: entries.into_iter().enumerate() }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Path, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (index, entry) = self.entries.next()?;
        Some((Path { index: Some(index), ..self.list.clone() }, entry))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Entries<'_> {}

/// Returns a text; it shares that of the body, if there is one.
pub(super) fn text<'a>(value: &Node<'a>) -> Result<Cow<'a, str>, DeviationKind> {
    value.text().ok_or(DeviationKind::Malformed)
}

/// Parses an RFC 3339 time.
///
/// The zero value of Go's `time.Time` means "not set", and is treated as malformed.
pub(super) fn timestamp(text: Option<&str>) -> Result<Timestamp, DeviationKind> {
    let text = text.ok_or(DeviationKind::Malformed)?;
    match Timestamp::parse_rfc3339(text) {
        Ok(at) if at.unix_seconds() != GO_ZERO => Ok(at),
        _ => Err(DeviationKind::Malformed),
    }
}

fn absolute(text: &str) -> Result<Url, DeviationKind> {
    Url::parse(text).map_err(|_| DeviationKind::NotAbsoluteUrl)
}

/// 0001-01-01T00:00:00Z.
const GO_ZERO: i64 = -62_135_596_800;
const MAX_DEVIATIONS: usize = 64;
const MAX_STRINGS: usize = 1000;
/// How many octets of memory the unknown members of an object may take.
const MAX_EXTRA: usize = 64 * 1024;
const MAX_UNKNOWN: usize = 120;
