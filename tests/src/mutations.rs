//! Every way that comes to mind in which a valid response can be changed: members dropped, nulled, replaced, repeated, added,
//! reordered; status, header fields and their case, content types, bodies.

use core::fmt;
use std::collections::BTreeSet;
use std::sync::Arc;

use acme_proto::http::{Headers, Response};
use acme_testca::RequestKind;
use serde_json::{Map, Value, json};

/// Changes a response; `None` if it does not apply to it.
pub type Change = Box<dyn Fn(&Response) -> Option<Response> + Send + Sync>;

/// A change with its name.
struct Mutation {
    name: String,
    /// The member of the body that is changed.
    member: Option<String>,
    change: Change,
}

/// Which responses are changed: a kind, and a number among those of that kind, from 0.
///
/// A number among all would be another response as soon as a flow sends a request more.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// None.
    None,
    /// That one.
    Only(RequestKind, usize),
    /// It, and all later ones of its kind.
    From(RequestKind, usize),
}

impl Which {
    /// Returns whether the next response is one of them, after those of these kinds.
    pub fn is_next(self, kind: RequestKind, before: impl Iterator<Item = RequestKind>) -> bool {
        let number = before.filter(|other| *other == kind).count();
        match self {
            Self::None => false,
            Self::Only(of, only) => of == kind && number == only,
            Self::From(of, first) => of == kind && number >= first,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nothing"),
            Self::Only(kind, number) => write!(f, "{kind} {}", number + 1),
            Self::From(kind, number) => write!(f, "{kind} {} and later", number + 1),
        }
    }
}

/// A change of some responses of an issuance.
pub struct Case {
    /// Says what is changed, and how; no two cases have the same name.
    pub name: String,
    /// What is changed.
    pub which: Which,
    /// The member of the body that is changed.
    pub member: Option<String>,
    /// How.
    pub change: Arc<Change>,
}

/// Returns every case of changing one of these responses, or it and all later ones of its kind.
pub fn cases<'a>(plain: impl IntoIterator<Item = &'a (RequestKind, Response)>) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut before = Vec::new();
    for (kind, response) in plain {
        let number = before.iter().filter(|other| *other == kind).count();
        before.push(*kind);
        for Mutation { name, member, change } in mutations(response) {
            let change = Arc::new(change);
            for which in [Which::Only(*kind, number), Which::From(*kind, number)] {
                let (name, member) = (format!("{which}: {name}"), member.clone());
                cases.push(Case { name, which, member, change: Arc::clone(&change) });
            }
        }
    }
    cases
}

/// Chooses the cases to run: the one that the environment variable `ACME_MUTATION` names, or one in so many, by their
/// names, so that a change of the flow changes nothing in which of the others are run.
///
/// # Panics
/// If there is no case of that name.
pub fn chosen(cases: &[Case], one_in: u64) -> Vec<&Case> {
    let Ok(wanted) = std::env::var("ACME_MUTATION") else {
        return cases.iter().filter(|case| hash(&case.name).is_multiple_of(one_in)).collect();
    };
    let found: Vec<_> = cases.iter().filter(|case| case.name == wanted).collect();
    let names = || cases.iter().map(|case| &*case.name).collect::<Vec<_>>().join("\n");
    assert!(!found.is_empty(), "there is no case {wanted:?} among\n{}", names());
    found
}

/// FNV-1a: the same in every build.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns every change of a response.
fn mutations(response: &Response) -> Vec<Mutation> {
    let mut all = Vec::new();
    if let Ok(body) = serde_json::from_slice::<Value>(response.body()) {
        let mut paths = Vec::new();
        collect(&body, String::new(), &mut paths);
        for path in paths {
            of_value(&path, &mut all);
        }
        of_object(&mut all);
    } else if !response.body().is_empty() {
        of_text(&mut all);
    }
    of_head(response, &mut all);
    all
}

/// Collects the JSON pointers of every value.
fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(member, format!("{path}/{name}"), paths);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                collect(element, format!("{path}/{index}"), paths);
            }
        }
        _ => {}
    }
    if !path.is_empty() {
        paths.push(path);
    }
}

/// Makes a change that edits the JSON of the body.
fn body(edit: impl Fn(&mut Value) -> Option<()> + Send + Sync + 'static) -> Change {
    Box::new(move |response| {
        let mut body: Value = serde_json::from_slice(response.body()).ok()?;
        edit(&mut body)?;
        Some(with(response, response.status(), body.to_string().into_bytes(), |_| true))
    })
}

/// Copies a response with another status and body, and those headers that are to stay.
fn with(response: &Response, status: u16, body: Vec<u8>, stays: impl Fn(&str) -> bool) -> Response {
    let headers: &Headers = response.headers();
    let kept = headers.iter().filter(|(name, _)| stays(name));
    kept.fold(Response::new(status).with_body(body), |made, (name, value)| {
        made.with_header(name, value)
    })
}

fn of_value(path: &str, all: &mut Vec<Mutation>) {
    let path = path.to_owned();
    let replacements = [
        Value::Null,
        json!(true),
        json!(7),
        json!(-1.5e300),
        json!(""),
        json!("x"),
        json!("https://other.example/x"),
        json!("\u{0}\r\n\u{1b}[2J"),
        json!([]),
        json!({}),
        json!([null, 1, "x", {}]),
        json!("y".repeat(100_000)),
    ];
    for replacement in replacements {
        let (at, mut name) = (path.clone(), replacement.to_string());
        name.truncate(40);
        let change = body(move |body| {
            *body.pointer_mut(&at)? = replacement.clone();
            Some(())
        });
        all.push(Mutation { name: format!("{path} = {name}"), member: member_of(&path), change });
    }
    let (parent, last) = path.rsplit_once('/').expect("a pointer");
    let (parent, last) = (parent.to_owned(), last.to_owned());
    let removed = body(move |body| {
        match body.pointer_mut(&parent)? {
            Value::Object(members) => drop(members.remove(&last)?),
            Value::Array(elements) => drop(elements.remove(last.parse().ok()?)),
            _ => return None,
        }
        Some(())
    });
    all.push(Mutation {
        name: format!("without {path}"),
        member: member_of(&path),
        change: removed,
    });
    let at = path.clone();
    let extended = body(move |body| {
        match body.pointer_mut(&at)? {
            Value::Object(members) => drop(members.insert("extra".into(), json!({"a": [1]}))),
            Value::Array(elements) => {
                let first = elements.first().cloned().unwrap_or(Value::Null);
                elements.extend([Value::Null, first, json!("x")]);
                elements.reverse();
            }
            Value::String(text) => *text = text.to_ascii_uppercase(),
            _ => return None,
        }
        Some(())
    });
    all.push(Mutation {
        name: format!("{path} extended"),
        member: member_of(&path),
        change: extended,
    });
}

fn of_object(all: &mut Vec<Mutation>) {
    let extra = |body: &mut Value| {
        let members: &mut Map<_, _> = body.as_object_mut()?;
        members.insert("extra".into(), json!({ "deep": [[[[{}]]]] }));
        Some(())
    };
    all.push(Mutation { name: "an extra member".into(), member: None, change: body(extra) });
    let reversed = |response: &Response| {
        let members: Map<String, Value> = serde_json::from_slice(response.body()).ok()?;
        let members = members.iter().rev().map(|(name, value)| format!("{}:{value}", json!(name)));
        let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        Some(with(response, response.status(), text.into_bytes(), |_| true))
    };
    all.push(Mutation { name: "in reverse".into(), member: None, change: Box::new(reversed) });
    let twice = |response: &Response| {
        let text = core::str::from_utf8(response.body()).ok()?;
        let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let text = format!("{{{inner},{inner}}}");
        Some(with(response, response.status(), text.into_bytes(), |_| true))
    };
    all.push(Mutation { name: "each member twice".into(), member: None, change: Box::new(twice) });
    for (name, prefix, suffix) in
        [("a byte order mark", "\u{feff}", ""), ("spaces", " \n", "\n "), ("rubbish", "", "x")]
    {
        let change = move |response: &Response| {
            let body = [prefix.as_bytes(), response.body(), suffix.as_bytes()].concat();
            Some(with(response, response.status(), body, |_| true))
        };
        all.push(Mutation { name: name.into(), member: None, change: Box::new(change) });
    }
}

/// Changes a body.
type Edit = fn(&[u8]) -> Vec<u8>;

fn of_text(all: &mut Vec<Mutation>) {
    let half = |text: &[u8]| text[..text.len() / 2].to_vec();
    let twice = |text: &[u8]| [text, text].concat();
    let crlf = |text: &[u8]| String::from_utf8_lossy(text).replace('\n', "\r\n").into_bytes();
    let key = |text: &[u8]| {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        [text, key.as_bytes()].concat()
    };
    let edits: [(&str, Edit); 5] = [
        ("the first half", half),
        ("twice", twice),
        ("CRLF", crlf),
        ("a private key", key),
        ("nothing", |_| Vec::new()),
    ];
    for (name, edit) in edits {
        let change = move |response: &Response| {
            Some(with(response, response.status(), edit(response.body()), |_| true))
        };
        all.push(Mutation { name: name.into(), member: None, change: Box::new(change) });
    }
}

fn of_head(response: &Response, all: &mut Vec<Mutation>) {
    for status in [200, 201, 202, 204, 299, 302, 400, 403, 404, 418, 500, 503, 599] {
        if status != response.status() {
            let change = move |response: &Response| {
                Some(with(response, status, response.body().to_vec(), |_| true))
            };
            all.push(Mutation {
                name: format!("status {status}"),
                member: None,
                change: Box::new(change),
            });
        }
    }
    let names: BTreeSet<_> = response.headers().iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let gone = name.clone();
        let without = move |response: &Response| {
            let status = response.status();
            Some(with(response, status, response.body().to_vec(), |name| name != gone))
        };
        all.push(Mutation {
            name: format!("without {name}"),
            member: None,
            change: Box::new(without),
        });
        of_header(&name, all);
    }
}

/// Adds a field, in its new form, to a response without it.
type Put = Box<dyn Fn(Response, &str) -> Response + Send + Sync>;

/// Changes a header field: its value, the case of its name, how often it is there.
fn of_header(name: &str, all: &mut Vec<Mutation>) {
    let mut add = |what: String, put: Put| {
        let header = name.to_owned();
        let change = move |response: &Response| {
            let (status, body) = (response.status(), response.body().to_vec());
            let value = response.headers().first(&header).unwrap_or_default().to_owned();
            let others = with(response, status, body, |name| !name.eq_ignore_ascii_case(&header));
            Some(put(others, &value))
        };
        all.push(Mutation { name: what, member: None, change: Box::new(change) });
    };
    let values = ["", "x", "text/html", "https://other.example/x", "\u{7f}\u{1}", "99999999999999"];
    let types = ["APPLICATION/JSON", "application/json;charset=UTF-8", "text/plain"];
    let is_type = name.eq_ignore_ascii_case("content-type");
    for value in values.into_iter().chain(types.into_iter().filter(|_| is_type)) {
        let field = name.to_owned();
        let put = move |others: Response, _: &str| others.with_header(&field, value);
        add(format!("{name}: {value:?}"), Box::new(put));
    }
    let capitals = name.to_ascii_uppercase();
    let put = move |others: Response, value: &str| others.with_header(&capitals, value);
    add(format!("{name} in capitals"), Box::new(put));
    let field = name.to_owned();
    let put = move |others: Response, value: &str| {
        others.with_header(&field, value).with_header(&field, value)
    };
    add(format!("{name} twice"), Box::new(put));
}

/// Returns the innermost name of a JSON pointer.
fn member_of(path: &str) -> Option<String> {
    let is_index = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
    path.split('/').rfind(|part| !is_index(part)).map(str::to_owned)
}
