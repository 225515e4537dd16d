//! The choice of a solver for each challenge, and the order of calls: a state machine without I/O.
//!
//! - A challenge goes to the first solver that knows its kind; solvers are tried in the order in
//!   which they were given.
//! - At most [`MAX_CALLS`] calls run at once, and those for one record name follow each other
//!   ([`RecordLocks`]).
//! - `wait` is called for each challenge that a solver presented once no `present` of that solver
//!   is queued or running, so that the wait for DNS to propagate starts once for all of them. These
//!   calls do nothing but wait, so they are not counted.
//! - `clean_up` is not called for a challenge that another issuance of the client has published too
//!   ([`SolverCall::is_shared`]).
//! - A solver that gathers is called once no more challenges of its order are to come ([`Batch`]).
//! - When the result of an issuance is settled, calls of `present` and `wait` are asked to end ([`Stop`]), and so is
//!   every call when nobody waits for it any more.

mod context;
mod record_locks;
mod scheduler;
mod stop;

pub use self::context::{Batch, CallContext};
pub use self::record_locks::{RecordLock, RecordLocks, Wake};
pub use self::scheduler::{CallId, MAX_CALLS, Scheduler, SolverCall, Stage, Verdict};
pub use self::stop::Stop;
