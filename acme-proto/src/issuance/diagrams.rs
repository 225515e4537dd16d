//! The life of an order, and the tables of what is due, drawn from the functions that the issuance runs by.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;

use super::facts::{Cause, Certificate, CsrView, End, Facts, Proofs, Status};
use super::plan::{
    self, AuthorizationView, Gate, Need, OrderStep, OrderView, Phase, PublicationView,
};
use super::publications;
use crate::diagrams::{Graph, Line, check, code, meanings, table, variants};

const PLAN: &str = include_str!("plan.rs");
const FACTS: &str = include_str!("facts.rs");
const PUBLICATIONS: &str = include_str!("publications.rs");

const STEPS: [OrderStep; 7] = [
    OrderStep::Create,
    OrderStep::Read,
    OrderStep::AskForCsr,
    OrderStep::Finalize,
    OrderStep::Download,
    OrderStep::DownloadAlternate,
    OrderStep::Fail,
];

const CAUSES: [Cause; 5] =
    [Cause::Authorizations, Cause::GiveCsr, Cause::Saved, Cause::Expiry, Cause::End];

const STATUSES: [Status; 7] = [
    Status::Missing,
    Status::Unread,
    Status::Pending,
    Status::Ready,
    Status::Processing,
    Status::Valid,
    Status::Invalid,
];

/// A box of the picture: a view, or several that a cause leads to alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    View(OrderView),
    Group(&'static str),
}

/// Where a cause leads to that leads to each of these; a later group may have earlier ones among its own.
const GROUPS: [(&str, &[Place]); 5] = [
    (
        "ready",
        &[
            Place::View(OrderView::NeedsCsr),
            Place::View(OrderView::AwaitsCsr),
            Place::View(OrderView::UnsavedCsr),
            Place::View(OrderView::Ready),
        ],
    ),
    ("valid", &[Place::View(OrderView::WithoutCertificate), Place::View(OrderView::Valid)]),
    ("invalid", &[Place::View(OrderView::Invalid), Place::View(OrderView::InvalidExplained)]),
    (
        "not pending",
        &[
            Place::Group("ready"),
            Place::View(OrderView::Processing),
            Place::Group("valid"),
            Place::Group("invalid"),
        ],
    ),
    ("result", &[Place::View(OrderView::Ending), Place::View(OrderView::Deactivating)]),
];

/// What a cause leads to, with the status before and after.
type Arrow = ((OrderView, Status), Cause, (OrderView, Status));

#[test]
fn the_life_of_an_order_is_drawn_as_it_is() {
    let boxes: Vec<_> = variants(PLAN, "OrderView", &OrderView::ALL)
        .into_iter()
        .map(|(view, line)| (Place::View(view), line))
        .collect();
    let groups = GROUPS.map(|(name, _)| (Place::Group(name), (name.to_string(), String::new())));
    let svg =
        Graph::new(&boxes, &groups, &causes(), drawn(&arrows())).svg("The states of an order");
    check("issuance/order.svg", include_str!("order.svg"), &svg);
    check("issuance/order.md", include_str!("order.md"), &changes(&arrows()));
}

#[test]
fn the_tables_of_what_is_due_are_written_as_they_are() {
    let views = variants(PLAN, "OrderView", &OrderView::ALL);
    let orders = views.iter().map(|(view, (name, doc))| {
        let due = |gate| plan::order(*view, gate);
        let waits = match (due(Gate::Open), due(Gate::Later), due(Gate::InFlight)) {
            (None, ..) | (_, _, Some(_)) => "",
            (_, None, None) => "for the time of the next poll, and for the request in flight",
            (_, Some(_), None) => "for the request in flight",
        };
        [code(name), doc.clone(), named(due(Gate::Open)), waits.to_string()]
    });
    let order = table(["order", "meaning", "due", "waits"], orders);
    check("issuance/due_order.md", include_str!("due_order.md"), &order);

    let views = variants(PLAN, "AuthorizationView", &AuthorizationView::ALL);
    let authorizations = views.iter().map(|(view, (name, doc))| {
        let due = Phase::ALL.map(|phase| (plan::authorization(phase, *view), phase));
        [code(name), doc.clone(), by_step(due)]
    });
    let text = table(["authorization", "meaning", "due"], authorizations);
    let views = variants(PLAN, "PublicationView", &PublicationView::ALL);
    let publications = views.iter().map(|(view, (name, doc))| {
        let due = Need::ALL.map(|need| (plan::publication(*view, need), need));
        [code(name), doc.clone(), by_step(due)]
    });
    let text = text + "\n" + &table(["selected challenge", "meaning", "due"], publications);
    check("issuance/due_others.md", include_str!("due_others.md"), &text);
}

#[test]
fn the_life_of_a_selected_challenge_is_drawn_as_it_is() {
    let views = variants(PLAN, "PublicationView", &PublicationView::ALL);
    let events = variants(PUBLICATIONS, "PublicationEvent", &publications::EVENTS);
    let steps = PublicationView::ALL.into_iter().flat_map(|view| {
        let step = move |event| Some((view, Some(event), publications::next(view, event)?));
        publications::EVENTS.into_iter().filter_map(step)
    });
    let svg = Graph::new(&views, &[], &events, steps).svg("The states of a selected challenge");
    check("issuance/publication.svg", include_str!("publication.svg"), &svg);
    check("issuance/publication.md", include_str!("publication.md"), &meanings("event", &events));
}

/// Writes which step is due in which cases: "`Read` in `Failing`, `Invalid`".
fn by_step<S: Debug, C: Debug>(due: impl IntoIterator<Item = (Option<S>, C)>) -> String {
    let mut cases: Vec<(String, Vec<String>)> = Vec::new();
    for (step, case) in due {
        let (step, case) = (named(step), code(&format!("{case:?}")));
        match cases.iter_mut().find(|(other, _)| *other == step) {
            Some((_, all)) => all.push(case),
            None if step.is_empty() => {}
            None => cases.push((step, alloc::vec![case])),
        }
    }
    let lines: Vec<_> =
        cases.into_iter().map(|(step, all)| format!("{step} if {}", all.join(", "))).collect();
    lines.join("; ")
}

fn named(step: Option<impl Debug>) -> String {
    step.map_or_else(String::new, |step| code(&format!("{step:?}")))
}

/// Writes what each cause leads to from which views, with what the picture leaves out.
fn changes(arrows: &BTreeSet<Arrow>) -> String {
    let mut targets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for ((from, _), cause, (to, _)) in arrows {
        targets.entry((*cause, *from)).or_default().insert(*to);
    }
    // What changes nothing is left out.
    targets.retain(|(cause, from), to| {
        matches!(cause, Cause::Step(_)) || to.iter().any(|view| view != from)
    });
    let mut sources: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for ((cause, from), to) in targets {
        sources.entry((cause, to)).or_default().insert(from);
    }
    let causes = causes();
    let list = |views: BTreeSet<OrderView>| {
        views.into_iter().map(|view| code(&format!("{view:?}"))).collect::<Vec<_>>().join(", ")
    };
    let rows = sources.into_iter().map(|((cause, to), from)| {
        let (name, doc) = causes.iter().find(|(one, _)| *one == cause).map(|it| &it.1).unwrap();
        [code(name), doc.clone(), list(from), list(to)]
    });
    table(["cause", "meaning", "in", "leads to"], rows)
}

/// Returns the arrows of the picture: without those that lead back to an earlier status, or that lead everywhere.
fn drawn(arrows: &BTreeSet<Arrow>) -> BTreeSet<(Place, Option<Cause>, Place)> {
    let mut targets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for ((from, before), cause, (to, after)) in arrows {
        let is_drawn = match cause {
            Cause::Step(OrderStep::Create | OrderStep::Read | OrderStep::Finalize) => {
                after >= before || *after == Status::Missing
            }
            Cause::Expiry | Cause::End => false,
            _ => true,
        };
        if is_drawn {
            targets.entry((*from, *cause)).or_default().insert(Place::View(*to));
        }
    }
    let mut drawn = BTreeSet::new();
    for ((from, cause), mut to) in targets {
        let from = Place::View(from);
        // What changes nothing is no arrow.
        if to.iter().all(|place| *place == from) && !matches!(cause, Cause::Step(_)) {
            continue;
        }
        for (name, members) in GROUPS {
            if members.iter().all(|place| to.contains(place)) {
                to.retain(|place| !members.contains(place));
                to.insert(Place::Group(name));
                drawn.extend(members.iter().map(|place| (Place::Group(name), None, *place)));
            }
        }
        drawn.extend(to.into_iter().map(|place| (from, Some(cause), place)));
    }
    drawn
}

/// Returns every cause with its name and meaning.
fn causes() -> Vec<(Cause, Line)> {
    let steps = variants(PLAN, "OrderStep", &STEPS);
    let steps = steps.into_iter().map(|(step, line)| (Cause::Step(step), line));
    steps.chain(variants(FACTS, "Cause", &CAUSES)).collect()
}

/// Returns all that decides the view of an order, in every combination that makes a difference.
fn all_facts() -> Vec<Facts> {
    use {Certificate as C, CsrView as V, End as E, Proofs as P};
    let mut all = Vec::new();
    for end in [E::No, E::CleanUps, E::Deactivations] {
        for status in STATUSES {
            for proofs in [P::Open, P::Responded, P::Failing, P::Explained] {
                for csr in [V::Missing, V::Asked, V::Unsaved, V::Here] {
                    for sent in [false, true] {
                        for certificate in [C::Unnamed, C::Named, C::Downloaded] {
                            all.push(Facts { end, status, proofs, csr, sent, certificate });
                        }
                    }
                }
            }
        }
    }
    all.retain(|facts| facts.normal() == *facts);
    all
}

/// Returns what each cause may lead to from the views in which it can happen.
fn arrows() -> BTreeSet<Arrow> {
    let all = all_facts();
    let mut arrows = BTreeSet::new();
    for before in &all {
        let view = OrderView::of(before);
        let due = plan::order(view, Gate::Open);
        // A step that no gate holds back is taken before anything else can happen.
        let is_taken_at_once = plan::order(view, Gate::InFlight).is_some();
        let others = CAUSES.into_iter().filter(|_| !is_taken_at_once);
        for cause in due.map(Cause::Step).into_iter().chain(others) {
            let after = all.iter().filter(|after| before.may_become(**after, cause));
            let from = (view, before.status);
            arrows.extend(after.map(|after| (from, cause, (OrderView::of(after), after.status))));
        }
    }
    arrows
}
