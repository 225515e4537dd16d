use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io;

use acme_adapter::propagation::{PropagationCheck, PropagationStep};

use crate::bytes::Bytes;
use crate::check;

/// Looks for a TXT record at resolvers and name servers that answer anything, late or never.
///
/// # Panics
///
/// If the servers are asked without end, or the check goes on beyond its time.
pub fn propagation(data: &[u8]) {
    let mut input = Bytes::new(data);
    let resolvers = (1..=1 + input.below(3))
        .map(|last| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last as u8), 53)));
    let mut check = PropagationCheck::new(resolvers)
        .start("_acme-challenge.www.example.test", "value")
        .expect("there is a server, and the name is one");
    let (mut elapsed, mut asked, mut open) = (Duration::ZERO, 0, Vec::new());
    for _ in 0..MOST_STEPS {
        match check.poll(elapsed) {
            PropagationStep::Ask(query) => {
                asked += 1;
                assert!(asked < MOST_QUESTIONS, "{asked} questions");
                open.push(query);
            }
            PropagationStep::Wait(at_most) => {
                assert!(at_most > Duration::ZERO, "it waits for no time");
                if open.is_empty() || input.one_in(8) || input.is_over() {
                    elapsed += at_most;
                    continue;
                }
                let query = open.swap_remove(input.below(open.len()));
                let answer = answer(&query.framed(), &mut input);
                if let Ok(answer) = &answer {
                    let _ = query.is_answered_by(answer);
                }
                check.answer(query.id, answer);
            }
            PropagationStep::Done(result) => {
                if let Err(error) = result {
                    check::is_plain(&error);
                }
                return;
            }
        }
    }
    panic!("no end after {elapsed:?}");
}

/// A response of the input's octets, mostly with the head and the question that belong to the query.
fn answer(framed: &[u8], input: &mut Bytes<'_>) -> io::Result<Vec<u8>> {
    let query = framed.get(2..).unwrap_or_default();
    // The head has 12 octets; the question ends with the root, its type and its class.
    let end = query.iter().skip(12).position(|octet| *octet == 0).map_or(query.len(), |at| at + 17);
    let question = query.get(12..end.min(query.len())).unwrap_or_default();
    match input.below(8) {
        0 => Err(io::ErrorKind::TimedOut.into()),
        1 => Ok([query.get(..2).unwrap_or_default(), input.some(255)].concat()),
        _ => {
            let [flags, code] = [0x80 | input.u8() & 0x0f, input.u8()];
            let counts = [0, 1, 0, input.u8() & 3, 0, input.u8() & 3, 0, input.u8() & 3];
            let id = query.get(..2).unwrap_or_default();
            Ok([id, &[flags, code], &counts, question, input.some(255)].concat())
        }
    }
}

const MOST_STEPS: usize = 20_000;
const MOST_QUESTIONS: usize = 5_000;
