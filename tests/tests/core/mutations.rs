//! Every response of a valid issuance, changed in every way that comes to mind: the flow gets its certificate, or ends
//! with an error that names the response.

use acme_proto::error::{Error, Report};
use acme_proto::flow::{Flow as _, Input, Output};
use acme_proto::http::{Headers, Response};
use acme_proto::issuance::{IssuanceEvent, Issued};
use acme_proto::session::Session;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, RequestKind};
use acme_tests::world::{World, csr, issuance};
use serde_json::{Map, Value, json};

const NAME: &str = "a.example";

/// More than any order needs that ends.
const MOST_REQUESTS: usize = 300;

/// Changes a response; `None` if it does not apply to it.
type Change = Box<dyn Fn(&Response) -> Option<Response>>;

/// A change with its name.
struct Mutation {
    name: String,
    change: Change,
}

/// Which responses are changed.
#[derive(Clone, Copy, Debug)]
enum Which {
    /// The one with this number.
    Only(usize),
    /// It, and all later ones of its kind.
    From(usize, RequestKind),
}

/// What became of an issuance.
struct Outcome {
    result: Result<Issued, Error>,
    /// The responses that the CA gave, before a change.
    responses: Vec<(RequestKind, Response)>,
    /// Whether something is still published.
    is_published: bool,
}

/// Issues one certificate in a fresh world, and changes responses.
fn issue(which: Which, change: &Change) -> Outcome {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    register(&mut world, &mut session);
    let mut flow = issuance(&[NAME]);
    let mut responses = Vec::new();
    let result = loop {
        assert!(responses.len() < MOST_REQUESTS, "{which:?}: too many requests");
        match flow.poll_output(&mut session, world.now()) {
            Output::Transmit(transmit) => {
                let answer = world.ask(&transmit).expect("no faults");
                let kind = world.transcript.last().expect("an exchange").kind;
                let number = responses.len();
                responses.push((kind, answer.clone()));
                let is_it = match which {
                    Which::Only(only) => only == number,
                    Which::From(first, of) => first <= number && of == kind,
                };
                let changed = is_it.then(|| change(&answer)).flatten();
                let input = Input::Response(transmit.id, changed.unwrap_or(answer));
                flow.handle_input(&mut session, input, world.now()).expect("a known id");
            }
            Output::Sign(request) => {
                let signature = world.sign(&request).expect("a known key");
                let input = Input::Signature(request.id, signature);
                flow.handle_input(&mut session, input, world.now()).expect("a known id");
            }
            Output::Event(IssuanceEvent::Authorize(offer)) => {
                let kinds = [ChallengeKind::Http01];
                match offer.choose(&kinds) {
                    Some(kind) => flow.select(&session, &offer.id(), &kind),
                    None => flow.refuse(&offer.id(), "no solver for these kinds".into()),
                }
                .expect("the offer is open");
            }
            Output::Event(IssuanceEvent::Provision(challenge)) => {
                match world.publish(&challenge) {
                    Ok(()) => flow.ready(&challenge.id()),
                    Err(why) => flow.failed(&challenge.id(), why),
                }
                .expect("it was handed out");
            }
            Output::Event(IssuanceEvent::CleanUp(challenge)) => {
                world.take_back(&challenge);
                flow.cleaned(&challenge.id()).expect("it was handed out");
            }
            Output::Event(IssuanceEvent::Finalize(names)) => {
                flow.finalize(csr(&names)).expect("a CSR that fits");
            }
            Output::Notice(notice) => drop(notice.to_string()),
            Output::Timeout(Some(at)) => {
                let wait = at.saturating_duration_since(world.now()).as_millis() as u64;
                world.pass(wait.max(1));
            }
            Output::Done(result) => break result,
            other => panic!("{which:?}: {other:?}"),
        }
    };
    Outcome { result, responses, is_published: !world.published.is_empty() }
}

/// Registers without a change.
fn register(world: &mut World, session: &mut Session) {
    let registered = world.registered();
    *session = registered;
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
fn body(edit: impl Fn(&mut Value) -> Option<()> + 'static) -> Change {
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
        all.push(Mutation { name: format!("{path} = {name}"), change });
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
    all.push(Mutation { name: format!("without {path}"), change: removed });
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
    all.push(Mutation { name: format!("{path} extended"), change: extended });
}

fn of_object(all: &mut Vec<Mutation>) {
    let extra = |body: &mut Value| {
        let members: &mut Map<_, _> = body.as_object_mut()?;
        members.insert("extra".into(), json!({ "deep": [[[[{}]]]] }));
        Some(())
    };
    all.push(Mutation { name: "an extra member".into(), change: body(extra) });
    let twice = |response: &Response| {
        let text = core::str::from_utf8(response.body()).ok()?;
        let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let text = format!("{{{inner},{inner}}}");
        Some(with(response, response.status(), text.into_bytes(), |_| true))
    };
    all.push(Mutation { name: "each member twice".into(), change: Box::new(twice) });
    for (name, prefix, suffix) in
        [("a byte order mark", "\u{feff}", ""), ("spaces", " \n", "\n "), ("rubbish", "", "x")]
    {
        let change = move |response: &Response| {
            let body = [prefix.as_bytes(), response.body(), suffix.as_bytes()].concat();
            Some(with(response, response.status(), body, |_| true))
        };
        all.push(Mutation { name: name.into(), change: Box::new(change) });
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
        all.push(Mutation { name: name.into(), change: Box::new(change) });
    }
}

fn of_head(response: &Response, all: &mut Vec<Mutation>) {
    for status in [200, 201, 202, 204, 299, 302, 400, 403, 404, 418, 500, 503, 599] {
        if status != response.status() {
            let change = move |response: &Response| {
                Some(with(response, status, response.body().to_vec(), |_| true))
            };
            all.push(Mutation { name: format!("status {status}"), change: Box::new(change) });
        }
    }
    let names: Vec<String> = response.headers().iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let gone = name.clone();
        let without = move |response: &Response| {
            let status = response.status();
            Some(with(response, status, response.body().to_vec(), |name| name != gone))
        };
        all.push(Mutation { name: format!("without {name}"), change: Box::new(without) });
        for value in
            ["", "x", "text/html", "https://other.example/x", "\u{7f}\u{1}", "99999999999999"]
        {
            let header = name.clone();
            let change = move |response: &Response| {
                let (status, body) = (response.status(), response.body().to_vec());
                Some(
                    with(response, status, body, |name| name != header).with_header(&header, value),
                )
            };
            let name = format!("{name}: {value:?}");
            all.push(Mutation { name, change: Box::new(change) });
        }
    }
}

/// Returns what is wrong with an error that a person has to act on.
fn fault_of(error: &Error) -> Option<String> {
    let text = Report::new(error).to_string();
    let is_ours = matches!(error, Error::Internal | Error::Misuse(_));
    let names_it = text.to_ascii_lowercase().contains("https://");
    let is_plain = text.chars().all(|c| !c.is_control()) && text.len() < 5_000;
    (is_ours || !names_it || !is_plain).then(|| text.chars().take(600).collect())
}

#[test]
fn a_changed_response_ends_in_a_certificate_or_in_an_error_that_names_it() {
    let plain = issue(Which::Only(usize::MAX), &(Box::new(|_: &Response| None) as Change));
    assert!(plain.result.is_ok());
    let (mut runs, mut certificates, mut faults) = (0, 0, Vec::new());
    for (number, (kind, response)) in plain.responses.iter().enumerate() {
        for Mutation { name, change } in mutations(response) {
            for which in [Which::Only(number), Which::From(number, *kind)] {
                let name = format!("{which:?} ({kind}): {name}");
                let outcome = issue(which, &change);
                runs += 1;
                match &outcome.result {
                    Ok(issued) => {
                        certificates += 1;
                        assert_eq!(issued.chain().leaf().dns_names(), [NAME], "{name}");
                    }
                    Err(error) => {
                        faults.extend(fault_of(error).map(|fault| format!("{name}: {fault}")));
                    }
                }
                if outcome.is_published {
                    faults.push(format!("{name}: a challenge is left"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    println!("{runs} changed issuances, {certificates} certificates");
    assert!(runs > 1_500, "{runs}");
    // Most changes are to members that the next step does not need.
    assert!(certificates * 3 > runs, "{certificates} of {runs}");
}
