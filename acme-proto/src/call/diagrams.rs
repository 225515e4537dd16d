//! The life of an exchange, drawn from its table of states and events.

use super::exchange::{Event, Stage, next};
use crate::diagrams::{Graph, check, meanings, variants};

const SOURCE: &str = include_str!("exchange.rs");

/// Every state of an exchange, from its start to its end.
pub(super) const STAGES: [Stage; 7] = [
    Stage::Waiting,
    Stage::SigningInner,
    Stage::Signing,
    Stage::Signed,
    Stage::Sent,
    Stage::Settled,
    Stage::Finished,
];

/// Every event.
pub(super) const EVENTS: [Event; 13] = [
    Event::SignInner,
    Event::Sign,
    Event::Signature,
    Event::Send,
    Event::Retry,
    Event::Amend,
    Event::Redirect,
    Event::Reread,
    Event::Settle,
    Event::NextRequest,
    Event::Fallback,
    Event::Resend,
    Event::Finish,
];

#[test]
fn the_life_of_an_exchange_is_drawn_as_it_is() {
    let stages = variants(SOURCE, "Stage", &STAGES);
    let events = variants(SOURCE, "Event", &EVENTS);
    let steps = STAGES.into_iter().flat_map(|stage| {
        let step = move |event| Some((stage, Some(event), next(stage, event)?));
        EVENTS.into_iter().filter_map(step)
    });
    let svg = Graph::new(&stages, &[], &events, steps).svg("The states of an exchange");
    check("call/exchange.svg", include_str!("exchange.svg"), &svg);
    let text = meanings("state", &stages) + "\n" + &meanings("event", &events);
    check("call/exchange.md", include_str!("exchange.md"), &text);
}
