//! The problem document (RFC 9457, RFC 8555 Section 6.7).

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::json;
use super::object::{self, Object, Path, Reader};
use super::{Context, DeviationKind, InvalidObject, Parsed, ProblemType};
use crate::identifier::Identifier;
use crate::text::{printable, snippet};

/// A problem: an error reported by the server (RFC 9457, RFC 8555 Section 6.7).
///
/// `Display` writes one escaped line of bounded length: the `detail`, or else the `title`, or else
/// the type, followed by the subproblems. Serde uses the JSON form of RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Arc<Members>);

/// What a problem consists of. Clones share it, and what has a problem in it drops it by one call.
#[derive(Debug, PartialEq, Eq)]
struct Members {
    kind: ProblemType,
    title: Option<String>,
    detail: Option<String>,
    status: Option<u16>,
    instance: Option<String>,
    identifier: Option<Identifier>,
    algorithms: Vec<String>,
    subproblems: Vec<Problem>,
    extra: Map<String, Value>,
}

impl Problem {
    /// The maximum number of subproblems that are kept, at all levels together.
    pub const MAX_SUBPROBLEMS: usize = 1000;
    /// The maximum nesting of subproblems that is kept.
    pub const MAX_DEPTH: usize = 4;

    /// Parses the body of an error response, whatever its media type.
    ///
    /// Members of the wrong type are treated as absent, and bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the body is not a JSON object, or has none of `type`, `title`, `detail`
    /// and `subproblems`.
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        // An error message in Latin-1 is still worth showing.
        let lossy = String::from_utf8_lossy(body);
        object::parse(lossy.as_bytes(), context, |object, reader| {
            if lossy.as_bytes() != body {
                reader.report("body", DeviationKind::Malformed);
            }
            Self::document(object, reader)
        })
    }

    /// Parses a problem from a JSON value, such as a member in `extra`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn from_value(value: Value, context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        let mut reader = Reader::new(Some(context));
        let problem = match value {
            Value::Object(members) => {
                Self::document(Object::root(json::members(members)), &mut reader)?
            }
            other => {
                let snippet = snippet(format!("{other}").as_bytes());
                return Err(InvalidObject::NotAnObject { snippet });
            }
        };
        Ok(reader.finish(problem))
    }

    /// Returns the type, which identifies the kind of error.
    pub fn kind(&self) -> &ProblemType {
        &self.0.kind
    }

    /// Returns a summary of the type, for humans.
    pub fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// Returns the explanation of this occurrence, for humans, exactly as received.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// Returns the `status` member. It is advisory: the status of the response decides.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the URI of this occurrence, resolved. For `userActionRequired` it is the page to
    /// visit (RFC 8555 Section 7.3.3).
    pub fn instance(&self) -> Option<&str> {
        self.0.instance.as_deref()
    }

    /// Returns the identifier of a subproblem. `None` for a top-level problem.
    pub fn identifier(&self) -> Option<&Identifier> {
        self.0.identifier.as_ref()
    }

    /// Returns the algorithms that the server accepts, for `badSignatureAlgorithm`.
    pub fn algorithms(&self) -> &[String] {
        &self.0.algorithms
    }

    /// Returns the subproblems (RFC 8555 Section 6.7.1).
    pub fn subproblems(&self) -> &[Self] {
        &self.0.subproblems
    }

    /// Returns all other members, including those of the identifier, under `identifier`.
    pub fn extra(&self) -> &Map<String, Value> {
        &self.0.extra
    }

    /// Returns whether the type says nothing specific: `about:blank`, `malformed`, and types
    /// outside of the ACME namespace.
    pub fn is_generic(&self) -> bool {
        self.0.kind == ProblemType::Malformed || self.0.kind.acme_name().is_none()
    }

    /// Returns about how many octets of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        let texts = [&self.0.title, &self.0.detail, &self.0.instance].into_iter().flatten();
        let texts: usize = texts.chain(&self.0.algorithms).map(String::len).sum();
        let identifier =
            self.0.identifier.as_ref().map_or(0, |identifier| identifier.value().len());
        let below: usize = self.0.subproblems.iter().map(Self::weight).sum();
        let own = size_of::<Members>() + self.0.kind.as_str().len() + texts + identifier;
        own + below + json::weight_of_members(&self.0.extra)
    }

    /// Takes a member that is a problem.
    ///
    /// An empty object, which ZeroSSL sends in challenges, is no problem
    /// (<https://github.com/djc/instant-acme/issues/43>).
    pub(super) fn member(
        object: &mut Object<'_>,
        name: &'static str,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let member = object.object(name, reader)?;
        Some(Self::read(member, 0, reader)).filter(|problem| !problem.is_blank())
    }

    /// Parses an object that may not be a problem at all.
    fn document(object: Object<'_>, reader: &mut Reader<'_>) -> Result<Self, InvalidObject> {
        // Any JSON object would parse as `about:blank`, including the error format of a proxy.
        let typed = object.text("type").is_some_and(|text| !text.is_empty());
        let field = object.path("type");
        let problem = Self::read(object, 0, reader);
        if typed || problem.headline().is_some() || !problem.0.subproblems.is_empty() {
            Ok(problem)
        } else {
            Err(InvalidObject::Missing { field })
        }
    }

    fn read(mut object: Object<'_>, depth: usize, reader: &mut Reader<'_>) -> Self {
        let identifier = if depth > 0 {
            identifier(&mut object, reader)
        } else {
            // Only subproblems have an identifier (RFC 8555 Section 6.7.1). It stays in `extra`.
            if object.has("identifier") {
                reader.report(object.path("identifier"), DeviationKind::Unexpected);
            }
            None
        };
        Self(Arc::new(Members {
            kind: kind(&mut object, reader),
            title: object.string("title", reader),
            detail: object.string("detail", reader),
            status: object.optional("status", reader, |value, _| {
                let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
                number.ok_or(DeviationKind::Malformed)
            }),
            instance: object.optional("instance", reader, |value, reader| {
                resolve(&object::text(value)?, reader).ok_or(DeviationKind::Malformed)
            }),
            identifier,
            algorithms: object.strings("algorithms", reader),
            subproblems: subproblems(&mut object, depth, reader),
            extra: object.into_extra(reader),
        }))
    }

    fn is_blank(&self) -> bool {
        self.0.kind == ProblemType::AboutBlank
            && self.headline().is_none()
            && self.0.status.is_none_or(|status| status == 0)
            && self.0.subproblems.is_empty()
            && self.0.extra.is_empty()
    }

    fn headline(&self) -> Option<&str> {
        [self.detail(), self.title()].into_iter().flatten().find(|text| !text.trim().is_empty())
    }

    /// Collects the subproblems of all levels, each before those that it contains.
    fn flatten<'a>(&'a self, all: &mut Vec<&'a Self>) {
        for problem in &self.0.subproblems {
            all.push(problem);
            problem.flatten(all);
        }
    }

    fn write_own(&self, f: &mut fmt::Formatter<'_>, max: usize) -> fmt::Result {
        f.write_str(&printable(self.headline().unwrap_or_else(|| self.0.kind.as_str()), max))?;
        match &self.0.instance {
            Some(instance) if self.0.kind == ProblemType::UserActionRequired => {
                write!(f, " (visit {})", printable(instance, MAX_TEXT))
            }
            _ => Ok(()),
        }
    }

    fn members(&self) -> Map<String, Value> {
        let mut members = self.0.extra.clone();
        if let Some(identifier) = &self.0.identifier {
            let mut whole = match members.remove("identifier") {
                Some(Value::Object(rest)) => rest,
                _ => Map::new(),
            };
            whole.insert("type".into(), identifier.kind().into());
            whole.insert("value".into(), (&*identifier.value()).into());
            members.insert("identifier".into(), Value::Object(whole));
        }
        let mut put = |name: &str, value: Value| {
            members.insert(name.into(), value);
        };
        // An absent type means `about:blank` (RFC 9457 Section 3.1.1).
        if self.0.kind != ProblemType::AboutBlank {
            put("type", self.0.kind.as_str().into());
        }
        if let Some(title) = &self.0.title {
            put("title", title.as_str().into());
        }
        if let Some(detail) = &self.0.detail {
            put("detail", detail.as_str().into());
        }
        if let Some(status) = self.0.status {
            put("status", status.into());
        }
        if let Some(instance) = &self.0.instance {
            put("instance", instance.as_str().into());
        }
        if !self.0.algorithms.is_empty() {
            put("algorithms", json!(self.0.algorithms));
        }
        if !self.0.subproblems.is_empty() {
            let parts = self.0.subproblems.iter().map(|part| Value::Object(part.members()));
            put("subproblems", parts.collect());
        }
        members
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_own(f, MAX_HEADLINE)?;
        let mut parts = Vec::new();
        self.flatten(&mut parts);
        for (index, part) in parts.iter().take(MAX_SHOWN).enumerate() {
            f.write_str(if index == 0 { " [" } else { "; " })?;
            if let Some(identifier) = &part.0.identifier {
                write!(f, "{}: ", printable(&identifier.value(), MAX_TEXT))?;
            }
            part.write_own(f, MAX_TEXT)?;
        }
        if parts.len() > MAX_SHOWN {
            write!(f, "; and {} more", parts.len() - MAX_SHOWN)?;
        }
        if parts.is_empty() { Ok(()) } else { f.write_str("]") }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)?;
        Ok(Self::read(Object::root(json::members(members)), 0, &mut Reader::new(None)))
    }
}

fn kind(object: &mut Object<'_>, reader: &mut Reader<'_>) -> ProblemType {
    object
        .optional("type", reader, |value, reader| {
            let text = object::text(value)?;
            // A reference that cannot be resolved is kept unchanged, because it still identifies
            // the problem.
            Ok(ProblemType::from(resolve(&text, reader).unwrap_or_else(|| text.into_owned())))
        })
        .filter(|kind| !kind.as_str().is_empty())
        .unwrap_or(ProblemType::AboutBlank)
}

/// Resolves a relative reference against the URL of the request (RFC 9457 Section 3.1). An absolute
/// URI stays unchanged.
///
/// Without a request URL, as for a snapshot, nothing is resolved: the stored text was resolved
/// before it was stored, if possible.
fn resolve(reference: &str, reader: &Reader<'_>) -> Option<String> {
    if has_scheme(reference) {
        return Some(reference.into());
    }
    let base = reader.request_url().filter(|_| !reference.is_empty())?;
    base.resolve_text(reference)
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Takes the identifier of a subproblem. A malformed one is reported and omitted.
fn identifier(object: &mut Object<'_>, reader: &mut Reader<'_>) -> Option<Identifier> {
    let (identifier, rest) = object.optional("identifier", reader, |value, reader| {
        let (kind, value, rest) = Object::at(Path::default(), value.clone())
            .and_then(|members| members.identifier(reader))
            .map_err(|_| DeviationKind::Malformed)?;
        Ok((Identifier::from_wire(&kind, &value), rest))
    })?;
    object.put_back("identifier", rest);
    Some(identifier)
}

/// Takes the subproblems. Malformed entries and those nested too deeply are reported and omitted.
fn subproblems(object: &mut Object<'_>, depth: usize, reader: &mut Reader<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let path = object.path("subproblems");
    let Some(entries) = object.array("subproblems", Problem::MAX_SUBPROBLEMS, reader) else {
        return problems;
    };
    if depth == Problem::MAX_DEPTH && entries.len() > 0 {
        reader.report(path, DeviationKind::TooMany { limit: Problem::MAX_DEPTH });
        return problems;
    }
    for (entry_path, entry) in entries {
        let Ok(entry) = Object::at(entry_path.clone(), entry) else {
            reader.report(entry_path, DeviationKind::BadSibling);
            continue;
        };
        // Counted over all levels: a limit for each list would allow its fourth power in total.
        if reader.subproblems == Problem::MAX_SUBPROBLEMS {
            reader.report(path, DeviationKind::TooMany { limit: Problem::MAX_SUBPROBLEMS });
            break;
        }
        reader.subproblems += 1;
        problems.push(Problem::read(entry, depth + 1, reader));
    }
    problems
}

const MAX_HEADLINE: usize = 1000;
const MAX_TEXT: usize = 300;
const MAX_SHOWN: usize = 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
