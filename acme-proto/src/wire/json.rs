//! Decoding of bytes to a JSON value of bounded depth and size, and how much memory a value takes.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::InvalidObject;
use crate::text::snippet;

/// A JSON value whose texts are those of the body, unless they have escapes: what is not kept is not copied.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    Object(Members<'a>),
}

/// The members of an object as they stand in the body: a name may be repeated.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Node<'a>)>;

/// Decodes a body as JSON.
///
/// Arrays and objects nested deeper than [`MAX_DEPTH`] become `null`. `serde_json` rejects the
/// whole body of an object that is nested too deeply, and with it the members that matter.
///
/// A body of more values than its length has room for is refused: three octets of it would take hundreds in memory.
pub(super) fn decode(body: &[u8]) -> Result<(Node<'_>, Oddity), InvalidObject> {
    let Ok(text) = core::str::from_utf8(body) else {
        return Err(InvalidObject::NotUtf8 { snippet: snippet(body) });
    };
    let (text, marked) = text.strip_prefix('\u{feff}').map_or((text, false), |rest| (rest, true));
    let limit = FEW + text.len() / OCTETS_OF_AN_OBJECT;
    let values = FEW + text.len() / OCTETS_OF_A_VALUE;
    let mut room = Room { objects: limit, values, is_exceeded: false, deep: false };
    let mut json = serde_json::Deserializer::from_str(text);
    let node = Nested { depth: 0, room: &mut room }.deserialize(&mut json);
    match node.and_then(|node| json.end().map(|()| node)) {
        Ok(node) => Ok((node, Oddity { marked, deep: room.deep })),
        Err(_) if room.is_exceeded => Err(InvalidObject::TooManyValues { limit }),
        Err(_) => Err(InvalidObject::NotJson { snippet: snippet(body) }),
    }
}

/// What was unusual about a body as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddity {
    /// The body began with a byte order mark.
    pub(super) marked: bool,
    /// Something was nested too deeply and was replaced.
    pub(super) deep: bool,
}

/// What a body may still have.
struct Room {
    objects: usize,
    values: usize,
    /// There were more.
    is_exceeded: bool,
    /// Something was nested too deeply and was replaced.
    deep: bool,
}

impl Room {
    fn take<E: de::Error>(&mut self, of: fn(&mut Self) -> &mut usize) -> Result<(), E> {
        let left = of(self).checked_sub(1);
        self.is_exceeded |= left.is_none();
        *of(self) = left.ok_or_else(|| E::custom("too many values"))?;
        Ok(())
    }
}

/// A value inside of so many arrays and objects.
struct Nested<'r> {
    depth: usize,
    room: &'r mut Room,
}

impl Nested<'_> {
    const fn below(&mut self) -> Nested<'_> {
        Nested { depth: self.depth + 1, room: self.room }
    }
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        self.room.take(|room| &mut room.values)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Node<'de>, A::Error> {
        if self.depth == MAX_DEPTH {
            while access.next_element::<IgnoredAny>()?.is_some() {}
            self.room.deep = true;
            return Ok(Node::Null);
        }
        let mut entries = Vec::new();
        while let Some(entry) = access.next_element_seed(self.below())? {
            entries.push(entry);
        }
        Ok(Node::Array(entries))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Node<'de>, A::Error> {
        if self.depth == MAX_DEPTH {
            while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            self.room.deep = true;
            return Ok(Node::Null);
        }
        self.room.take(|room| &mut room.objects)?;
        let mut members = Members::new();
        while let Some(Name(name)) = access.next_key()? {
            members.push((name, access.next_value_seed(self.below())?));
        }
        // A number comes like this with the feature `arbitrary_precision`, which any crate of a program may turn on.
        if let [(name, Node::Text(digits))] = &*members
            && name == "$serde_json::private::Number"
            && let Ok(number) = digits.parse()
        {
            return Ok(Node::Number(number));
        }
        Ok(Node::Object(members))
    }
}

/// The name of a member.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Node<'a> {
    pub(super) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns a text; it shares that of the body, if there is one.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        if let Self::Text(text) = self { Some(text.clone()) } else { None }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        if let Self::Number(number) = self { number.as_u64() } else { None }
    }
}

impl From<Node<'_>> for Value {
    fn from(node: Node<'_>) -> Self {
        match node {
            Node::Null => Self::Null,
            Node::Bool(value) => Self::Bool(value),
            Node::Number(number) => Self::Number(number),
            Node::Text(text) => Self::String(text.into_owned()),
            Node::Array(entries) => entries.into_iter().map(Self::from).collect(),
            Node::Object(members) => Self::Object(map(members)),
        }
    }
}

impl From<Value> for Node<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(Cow::Owned(text)),
            Value::Array(entries) => Self::Array(entries.into_iter().map(Self::from).collect()),
            Value::Object(map) => Self::Object(members(map)),
        }
    }
}

/// Returns the members as a map. If one is repeated, the last one counts.
pub(super) fn map(members: Members<'_>) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.into_owned(), value.into())).collect()
}

pub(super) fn members<'a>(map: Map<String, Value>) -> Members<'a> {
    map.into_iter().map(|(name, value)| (Cow::Owned(name), value.into())).collect()
}

/// Returns about how many octets of memory a value takes beside its own place.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(entries) => {
            entries.iter().map(|entry| size_of::<Value>() + weight(entry)).sum()
        }
        Value::Object(members) => weight_of_members(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// As [`weight`], of an object.
pub(super) fn weight_of_members(members: &Map<String, Value>) -> usize {
    let own = if members.is_empty() { 0 } else { OBJECT };
    let each = members.iter().map(|(name, value)| OF_A_MEMBER + name.len() + weight(value));
    own + each.sum::<usize>()
}

/// So many values, and so many objects, are no matter.
const FEW: usize = 3000;
/// How long an object is at least, on average over a long body. That of an identifier with its authorization has a hundred
/// or more.
const OCTETS_OF_AN_OBJECT: usize = 80;
/// How long a value is at least, on average over a long body.
const OCTETS_OF_A_VALUE: usize = 12;
/// What the smallest object takes: the first node of a tree has room for eleven members.
const OBJECT: usize = 11 * (size_of::<String>() + size_of::<Value>());
const OF_A_MEMBER: usize = size_of::<String>() + size_of::<Value>();

/// The maximum nesting of arrays and objects. ACME objects need far less.
pub(super) const MAX_DEPTH: usize = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_nested_too_deeply_becomes_null() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let body = format!(r#"{{"a":1,"b":{deep},"c":"]]"}}"#);
        let (node, oddity) = decode(body.as_bytes()).unwrap();
        let value = Value::from(node);
        assert_eq!((&value["a"], &value["c"]), (&json!(1), &json!("]]")));
        // covers fld-gen-6
        assert!(oddity.deep);
    }

    #[test]
    fn a_body_of_more_values_than_its_length_has_room_for_is_refused() {
        for entry in ["{},", "[],", "0,", "\"\",", "{\"\":0},"] {
            let body = format!("{{\"a\":[{}0]}}", entry.repeat(100_000));
            let refused = decode(body.as_bytes());
            assert!(matches!(refused, Err(InvalidObject::TooManyValues { .. })), "{entry}");
            let body = format!("{{\"a\":[{}0]}}", entry.repeat(400));
            assert!(decode(body.as_bytes()).is_ok(), "{entry}");
        }
        let entry = r#"{"type":"dns","value":"www.a.example"},"https://a.example/acme/authorization/1234567","#;
        let order = format!("{{\"a\":[{}0]}}", entry.repeat(50_000));
        assert!(decode(order.as_bytes()).is_ok());
    }

    #[test]
    fn the_depth_limit_itself_is_allowed() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (depth, deep) in [(MAX_DEPTH, false), (MAX_DEPTH + 1, true)] {
            let text = nested(depth);
            assert_eq!(decode(text.as_bytes()).unwrap().1, Oddity { marked: false, deep });
        }
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!(r#"{{"a":"\"{}","b":"\\"}}"#, "[".repeat(100));
        assert_eq!(decode(text.as_bytes()).unwrap().1, Oddity::default());
    }

    #[test]
    fn unbalanced_brackets_are_refused_without_panic() {
        let open = "[".repeat(1000);
        let shut = "]}".repeat(1000);
        for text in [open.as_str(), shut.as_str(), "{\"a\":[", "\"\\", "\"", "{\"a\":1}}", ""] {
            let fault = decode(text.as_bytes()).unwrap_err();
            // covers fld-gen-6
            assert!(matches!(fault, InvalidObject::NotJson { .. }), "{text}");
        }
    }

    #[test]
    fn of_a_repeated_member_the_last_one_counts() {
        let (node, _) = decode(br#"{"a":1,"b":[true,null,-1.5],"a":{"a":"\u0041"}}"#).unwrap();
        assert_eq!(Value::from(node), json!({ "a": { "a": "A" }, "b": [true, null, -1.5] }));
    }

    // https://docs.rs/serde_json/1/serde_json/struct.Number.html: the feature `arbitrary_precision` changes how numbers
    // are handed to whoever reads them.
    #[test]
    fn a_number_of_any_precision_is_one() {
        let (node, _) = decode(br#"[{"$serde_json::private::Number":"7"}]"#).unwrap();
        assert_eq!(Value::from(node), json!([7]));
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let (node, oddity) = decode("\u{feff}{}".as_bytes()).unwrap();
        assert_eq!(node, Node::Object(Members::new()));
        assert!(oddity.marked);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        assert!(matches!(decode(b"{\"a\":\"\xff\"}"), Err(InvalidObject::NotUtf8 { .. })));
    }
}
