//! The life of an exchange, drawn from its table of states and events.

use super::exchange::{EVENTS, STAGES, next};
use crate::diagrams::{Graph, check, meanings, variants};

const SOURCE: &str = include_str!("exchange.rs");

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
