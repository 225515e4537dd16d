//! What a task is answered with if it comes to no result of its own.

use core::any::Any;

use acme_proto::flow::{Input, Lost, RequestId, SaveId, SignFailed, SignId};

use super::{Arrival, Task};
use crate::solvers::{CallId, Stage};

/// The arrival that a task leads to, without its result.
#[derive(Clone, Copy, Debug)]
pub struct Expected(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Response(RequestId),
    Signature(SignId),
    Saved(SaveId),
    Solved(CallId, Stage),
    Consent,
    Intent,
}

impl Expected {
    /// Returns what a task leads to.
    pub const fn of(task: &Task) -> Self {
        Self(match task {
            Task::Exchange(transmit) => Kind::Response(transmit.id),
            Task::Sign(request) => Kind::Signature(request.id),
            Task::Save(request) => Kind::Saved(request.id),
            Task::Solve(call) => Kind::Solved(call.id, call.stage),
            Task::Consent(_) => Kind::Consent,
            Task::StoreIntent(_) => Kind::Intent,
        })
    }

    /// Returns the arrival of a task that failed.
    pub fn failed(self, why: String) -> Arrival {
        Arrival::Input(match self.0 {
            // Not `NotSent`: a transport that panicked may have sent the request.
            Kind::Response(id) => Input::Lost(id, Lost::NoResponse(why)),
            Kind::Signature(id) => Input::SignFailed(id, SignFailed::Failed(why)),
            Kind::Saved(id) => Input::SaveFailed(id, why),
            Kind::Solved(id, _) => return Arrival::Solved(id, Err(why)),
            // Nobody has agreed.
            Kind::Consent => return Arrival::Consented(false),
            Kind::Intent => return Arrival::IntentStored(Err(why)),
        })
    }

    /// Returns the arrival of a task that panicked: a function of the user is to blame, and everything else goes on.
    pub fn panicked(self, panic: &(dyn Any + Send)) -> Arrival {
        let what = match self.0 {
            Kind::Response(_) => "the transport".to_owned(),
            Kind::Signature(_) => "the signer".to_owned(),
            Kind::Consent => "the question for consent".to_owned(),
            Kind::Saved(_) | Kind::Intent => "the store".to_owned(),
            Kind::Solved(_, stage) => format!("the solver's `{stage}`"),
        };
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.failed(match text {
            Some(text) => format!("{what} panicked: {text}"),
            None => format!("{what} panicked"),
        })
    }
}
