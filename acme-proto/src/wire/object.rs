//! Typed access to the members of a JSON object, which reports deviations.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::json::{self, MAX_DEPTH};
use super::open_enum::OpenEnum;
use super::{Context, Deviation, DeviationKind, InvalidObject, Parsed};
use crate::text::{printable, snippet};
use crate::time::Timestamp;
use crate::url::Url;

/// Parses a body that must be a JSON object.
pub(super) fn parse<T>(
    body: &[u8],
    context: Context<'_>,
    build: impl FnOnce(Object, &mut Reader<'_>) -> Result<T, InvalidObject>,
) -> Result<Parsed<T>, InvalidObject> {
    let mut reader = Reader::new(Some(context));
    let object = match reader.decode(body)? {
        Value::Object(members) => Object::root(members),
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

    pub(super) fn decode(&mut self, body: &[u8]) -> Result<Value, InvalidObject> {
        let (value, oddity) = json::decode(body)?;
        if oddity.marked {
            self.report("body", DeviationKind::Malformed);
        }
        if oddity.deep {
            self.report("body", DeviationKind::TooMany { limit: MAX_DEPTH });
        }
        Ok(value)
    }

    pub(super) fn report(&mut self, field: impl Into<String>, kind: DeviationKind) {
        // A hostile body could cause a deviation for each of its entries.
        if self.deviations.len() < MAX_DEVIATIONS {
            self.deviations.push(Deviation::new(field, kind));
        }
    }

    /// Reports that an entry of a list is omitted because of `fault`.
    pub(super) fn skip(&mut self, entry: &str, fault: &InvalidObject) {
        self.report(fault.field().unwrap_or(entry), DeviationKind::BadSibling);
    }

    pub(super) fn request_url(&self) -> Option<&'c Url> {
        self.context.map(|context| context.url)
    }

    pub(super) fn finish<T>(self, value: T) -> Parsed<T> {
        Parsed { value, deviations: self.deviations }
    }

    /// Parses a URL that requests may be sent to: absolute, and `https` unless the context allows
    /// `http` on this machine.
    pub(super) fn url(&self, value: &Value) -> Result<Url, DeviationKind> {
        let url = absolute(value.as_str().ok_or(DeviationKind::Malformed)?)?;
        if url.is_https_or_allowed(self.context.is_some_and(|context| context.allow_http)) {
            Ok(url)
        } else {
            Err(DeviationKind::NotHttps)
        }
    }
}

/// A JSON object whose members are removed as they are understood. What remains is `extra`.
pub(super) struct Object {
    members: Map<String, Value>,
    path: String,
}

impl Object {
    pub(super) const fn root(members: Map<String, Value>) -> Self {
        Self { members, path: String::new() }
    }

    /// Wraps an entry of a list, or a member, that must be an object.
    pub(super) fn at(path: String, value: Value) -> Result<Self, InvalidObject> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ => Err(InvalidObject::Malformed { field: path }),
        }
    }

    /// Returns the members that were not taken; none of them if they would take much memory.
    pub(super) fn into_extra(self, reader: &mut Reader<'_>) -> Map<String, Value> {
        if json::weight_of_members(&self.members) > MAX_EXTRA {
            let path = if self.path.is_empty() { "body".to_owned() } else { self.path };
            reader.report(path, DeviationKind::TooMany { limit: MAX_EXTRA });
            return Map::new();
        }
        if self.members.is_empty() {
            return Map::new(); // a tree whose members were all taken keeps its memory
        }
        self.members
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.members.iter()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Returns a member that is a string, without taking it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// Returns the path of a member.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
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
        read: impl FnOnce(&Value, &Reader<'_>) -> Result<T, DeviationKind>,
    ) -> Option<T> {
        let value = self.members.get(name)?;
        if value.is_null() {
            self.members.remove(name);
            return None;
        }
        match read(value, reader) {
            Ok(read) => {
                self.members.remove(name);
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
        read: impl FnOnce(&Value, &Reader<'_>) -> Result<T, DeviationKind>,
    ) -> Result<T, InvalidObject> {
        let result = match self.members.get(name) {
            Some(value) => read(value, reader),
            None => Err(DeviationKind::Missing),
        };
        match result {
            Ok(read) => {
                self.members.remove(name);
                Ok(read)
            }
            Err(kind) => Err(InvalidObject::at(self.path(name), &kind)),
        }
    }

    pub(super) fn string(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<String> {
        self.optional(name, reader, |value, _| text(value))
    }

    pub(super) fn boolean(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<bool> {
        self.optional(name, reader, |value, _| value.as_bool().ok_or(DeviationKind::Malformed))
    }

    pub(super) fn timestamp(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<Timestamp> {
        self.optional(name, reader, |value, _| timestamp(value))
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
            let page = text.split_once('#').map_or(text.as_str(), |(page, _)| page);
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
            if usable { Ok(text) } else { Err(DeviationKind::Malformed) }
        })?;
        if !uri.starts_with("https://") {
            reader.report(self.path(name), DeviationKind::NotHttps);
        }
        Some(uri)
    }

    /// Takes an object.
    pub(super) fn object(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(members) = self.take_object(name) else {
            return self.optional(name, reader, |_, _| Err(DeviationKind::Malformed));
        };
        Some(Self { members, path: self.path(name) })
    }

    /// Takes a member that is an object, without a copy of it.
    pub(super) fn take_object(&mut self, name: &str) -> Option<Map<String, Value>> {
        let members = self.members.get_mut(name)?.as_object_mut().map(core::mem::take)?;
        self.members.remove(name);
        Some(members)
    }

    /// Takes a member that is an array, without a copy of it.
    fn take_array(&mut self, name: &str) -> Option<Vec<Value>> {
        let entries = self.members.get_mut(name)?.as_array_mut().map(core::mem::take)?;
        self.members.remove(name);
        Some(entries)
    }

    /// Takes an array, and returns at most `limit` of its entries, each with its path.
    pub(super) fn array(
        &mut self,
        name: &str,
        limit: usize,
        reader: &mut Reader<'_>,
    ) -> Option<Vec<(String, Value)>> {
        let Some(mut entries) = self.take_array(name) else {
            return self.optional(name, reader, |_, _| Err(DeviationKind::Malformed));
        };
        let path = self.path(name);
        if entries.len() > limit {
            entries.truncate(limit);
            reader.report(path.as_str(), DeviationKind::TooMany { limit });
        }
        Some(numbered(&path, entries))
    }

    /// Takes an indispensable array. More than `limit` entries are an error.
    pub(super) fn required_array(
        &mut self,
        name: &str,
        limit: usize,
        reader: &Reader<'_>,
    ) -> Result<Vec<(String, Value)>, InvalidObject> {
        let path = self.path(name);
        match self.take_array(name) {
            Some(entries) if entries.len() > limit => {
                Err(InvalidObject::at(path, &DeviationKind::TooMany { limit }))
            }
            Some(entries) => Ok(numbered(&path, entries)),
            None => self.required(name, reader, |_, _| Err(DeviationKind::Malformed)),
        }
    }

    /// Takes an array that may be absent. An unusable one, or more than `limit` entries, is an
    /// error.
    pub(super) fn strict_array(
        &mut self,
        name: &str,
        limit: usize,
        reader: &Reader<'_>,
    ) -> Result<Option<Vec<(String, Value)>>, InvalidObject> {
        if self.has(name) {
            return self.required_array(name, limit, reader).map(Some);
        }
        self.members.remove(name); // it may be null
        Ok(None)
    }

    /// Takes an array of strings. Other entries are reported and omitted.
    pub(super) fn strings(&mut self, name: &str, reader: &mut Reader<'_>) -> Vec<String> {
        let mut strings = Vec::new();
        for (path, entry) in self.array(name, MAX_STRINGS, reader).unwrap_or_default() {
            match entry {
                Value::String(text) => strings.push(text),
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
        read: impl FnOnce(&Value, &Reader<'_>) -> Result<T, DeviationKind>,
    ) -> Result<Option<T>, InvalidObject> {
        if self.has(name) {
            return self.required(name, reader, read).map(Some);
        }
        self.members.remove(name); // it may be null
        Ok(None)
    }

    /// Takes an object that may be absent. Anything else is an error.
    pub(super) fn strict_object(
        &mut self,
        name: &str,
        reader: &Reader<'_>,
    ) -> Result<Option<Self>, InvalidObject> {
        match self.take_object(name) {
            Some(members) => Ok(Some(Self { members, path: self.path(name) })),
            None => self.strict(name, reader, |_, _| Err(DeviationKind::Malformed)),
        }
    }

    /// Takes a status that may be absent.
    pub(super) fn optional_status<T: OpenEnum>(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<Option<T>, InvalidObject> {
        let text = self.strict("status", reader, |value, _| text(value))?;
        Ok(text.map(|text| self.known(text, reader)))
    }

    /// Takes a required status.
    pub(super) fn status<T: OpenEnum>(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<T, InvalidObject> {
        let text = self.required("status", reader, |value, _| text(value))?;
        Ok(self.known(text, reader))
    }

    /// Converts text to a status. An unknown status is kept and reported.
    fn known<T: OpenEnum>(&self, text: String, reader: &mut Reader<'_>) -> T {
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
    ) -> Result<(String, String, Map<String, Value>), InvalidObject> {
        let kind = self.required("type", reader, |value, _| text(value))?;
        let value = self.required("value", reader, |value, _| text(value))?;
        Ok((kind, value, self.members))
    }

    /// Puts the remaining members of a nested object back under its name, so that they are in
    /// `extra`.
    pub(super) fn put_back(&mut self, name: &str, rest: Map<String, Value>) {
        if !rest.is_empty() {
            self.members.insert(name.to_owned(), Value::Object(rest));
        }
    }

    /// Puts the remaining members of a list's entries back, each at its index.
    pub(super) fn put_back_list(&mut self, name: &str, rest: Vec<Map<String, Value>>) {
        if rest.iter().any(|entry| !entry.is_empty()) {
            self.members.insert(name.to_owned(), rest.into_iter().map(Value::Object).collect());
        }
    }
}

pub(super) fn text(value: &Value) -> Result<String, DeviationKind> {
    value.as_str().map(ToOwned::to_owned).ok_or(DeviationKind::Malformed)
}

/// Parses an RFC 3339 time.
///
/// The zero value of Go's `time.Time` means "not set", and is treated as malformed.
pub(super) fn timestamp(value: &Value) -> Result<Timestamp, DeviationKind> {
    let text = value.as_str().ok_or(DeviationKind::Malformed)?;
    match Timestamp::parse_rfc3339(text) {
        Ok(at) if at.unix_seconds() != GO_ZERO => Ok(at),
        _ => Err(DeviationKind::Malformed),
    }
}

fn absolute(text: &str) -> Result<Url, DeviationKind> {
    Url::parse(text).map_err(|_| DeviationKind::NotAbsoluteUrl)
}

fn numbered(path: &str, entries: Vec<Value>) -> Vec<(String, Value)> {
    let number = |(index, entry)| (format!("{path}[{index}]"), entry);
    entries.into_iter().enumerate().map(number).collect()
}

/// 0001-01-01T00:00:00Z.
const GO_ZERO: i64 = -62_135_596_800;
const MAX_DEVIATIONS: usize = 64;
const MAX_STRINGS: usize = 1000;
/// How many octets of memory the unknown members of an object may take.
const MAX_EXTRA: usize = 64 * 1024;
const MAX_UNKNOWN: usize = 120;
