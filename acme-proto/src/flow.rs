//! The contract between a flow and its driver: outputs, inputs, and the one rule for
//! driving a flow (see [`Flow`]).

use core::convert::Infallible;

use crate::call::{self, Call, Drive};
use crate::error::Misuse;
use crate::op::Operation;
use crate::session::Session;
use crate::time::Timestamp;

pub use crate::output::{Output, SaveRequest};
pub use crate::request::{
    FlowId, Input, KeyRole, Lost, RequestId, SaveId, SignFailed, SignId, SignRequest,
    SignatureAlgorithm, Transmit,
};

/// Work that takes one or more exchanges with a server.
///
/// **The one rule**: after creating a flow, and after every input or command, call
/// [`poll_output`](Self::poll_output) until it gives [`Output::Timeout`] or [`Output::Done`], and act on
/// every output on the way. When the time of a `Timeout` has come, poll again.
///
/// The trait is sealed: [`Call`], [`Register`](crate::register::Register),
/// [`Rollover`](crate::rollover::Rollover) and [`Issuance`](crate::issuance::Issuance) implement it.
#[expect(private_bounds, reason = "seals the trait, so that outputs can be added")]
pub trait Flow: Drive<<Self as Flow>::Event, <Self as Flow>::Success> {
    /// A decision or an action that the flow needs from its user; [`Infallible`] if it needs none.
    type Event;
    /// The result of success.
    type Success;

    /// Returns the next thing to do; `Timeout(t)` always has `t > now`.
    fn poll_output(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Output<Self::Event, Self::Success> {
        call::poll(self, session, now)
    }

    /// Takes the result of an output.
    ///
    /// A second input for the same id is ignored.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for an id that this flow never handed out and [`Misuse::WrongSession`] for a
    /// session other than that of the first poll: both are bugs in the driver.
    fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse> {
        call::handle_input(self, session, input, now)
    }
}

impl<O: Operation> Flow for Call<O> {
    type Event = Infallible;
    type Success = O::Response;
}
