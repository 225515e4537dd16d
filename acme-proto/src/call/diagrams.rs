//! The life of an exchange, drawn from its table of states and events.

use alloc::vec::Vec;

use super::exchange::{EVENTS, STAGES, next};
use crate::diagrams::{Graph, check, code, table, variants};

const SOURCE: &str = include_str!("exchange.rs");

#[test]
fn the_life_of_an_exchange_is_drawn_as_it_is() {
    let stages = variants(SOURCE, "Stage", &STAGES);
    let events = variants(SOURCE, "Event", &EVENTS);
    let states: Vec<_> = STAGES.into_iter().zip(stages.iter().map(|it| it.1.clone())).collect();
    let labels: Vec<_> = EVENTS.into_iter().zip(events.iter().map(|it| it.1.clone())).collect();
    let steps = STAGES.into_iter().flat_map(|stage| {
        EVENTS.into_iter().filter_map(move |event| Some((stage, event, next(stage, event)?)))
    });
    let svg = Graph::new(&states, &labels, steps).svg("The states of an exchange");
    check("call/exchange.svg", include_str!("exchange.svg"), &svg);

    let states = states.into_iter().map(|(stage, doc)| [code(stage), doc]);
    let labels = labels.into_iter().map(|(event, doc)| [code(event), doc]);
    let text = table(["state", "meaning"], states) + "\n" + &table(["event", "meaning"], labels);
    check("call/exchange.md", include_str!("exchange.md"), &text);
}
