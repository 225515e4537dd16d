//! What goes wrong in a run, and how often: everything follows from a seed.
//!
//! Each chance is a hash of the seed, the kind of fault, whose it is, and a count of its own. So a fault that is left out
//! moves no other one, as long as the run goes on as before: that is what makes a failing run small.

use std::collections::BTreeSet;
use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident),* $(,)?) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind),*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];
        }
    };
}

kinds! {
    /// A request cannot be sent.
    NotSent,
    /// The server says that it did not process a request.
    NotProcessed,
    /// A request is lost, and its time limit passes.
    RequestLost,
    /// A request is delayed beyond its time limit, and then processed.
    RequestLate,
    /// The CA is busy, and says until when.
    Busy,
    /// What is in front of the CA is busy, and sends a page.
    BusyPage,
    /// The CA limits requests, and says until when.
    Limited,
    /// The CA limits requests, and names no time.
    LimitedWithoutTime,
    /// The CA fails before it does anything.
    ServerError,
    /// The CA refuses a good nonce.
    BadNonce,
    /// A proxy sends a request twice, and passes the second response on.
    SentTwice,
    /// The CA processed the request, and the response is lost.
    ResponseLost,
    /// The CA processed the request, and the response takes too long.
    ResponseLate,
    /// The CA processed the request, and a proxy answers 503.
    BusyAfter,
    /// The CA processed the request, and answers 500.
    ErrorAfter,
    /// A response is cut off.
    Truncated,
    /// A response arrives twice.
    ResponseTwice,
    /// A response is not what it should be.
    Garbled,
    /// The certificate has another key.
    WrongKey,
    /// The certificate has other names.
    WrongNames,
    /// The CA refuses the order for good.
    OrderRefused,
    /// A validation fails.
    ValidationFails,
    /// A validation fails through the CA's own fault.
    ValidationBreaks,
    /// The user cannot publish a challenge.
    NotPublished,
    /// The user cannot clean up.
    NotCleaned,
    /// A snapshot cannot be stored.
    NotStored,
    /// The signer fails.
    NotSigned,
    /// The user cancels.
    Cancelled,
    /// A flow is dropped, and another process goes on from its snapshot.
    Dropped,
    /// The process dies with all its flows, and another one takes over.
    Crash,
    /// The CA restarts, and has forgotten its nonces.
    NoncesForgotten,
    /// The CA restarts from an old copy, and has forgotten its orders.
    OrdersForgotten,
    /// The CA has forgotten its accounts.
    AccountsForgotten,
    /// For a while, the CA limits everybody.
    LimitedForAWhile,
    /// The clock goes forward, as after a suspension.
    ClockStep,
    /// A read comes to a replica that is behind.
    Replica,
}

impl Kind {
    /// Returns whether it passes: one or two of these never cost a certificate.
    pub const fn passes(self) -> bool {
        matches!(
            self,
            Self::NotSent
                | Self::NotProcessed
                | Self::RequestLost
                | Self::Busy
                | Self::BusyPage
                | Self::ServerError
                | Self::BadNonce
                | Self::SentTwice
                | Self::ResponseLost
                | Self::BusyAfter
                | Self::Truncated
                | Self::ResponseTwice
                | Self::NotCleaned
                | Self::NoncesForgotten
                | Self::Replica
        )
    }

    /// Returns how often it happens at most, in tenths of a percent.
    const fn most(self) -> u64 {
        match self {
            Self::BadNonce | Self::Replica => 300,
            Self::Garbled | Self::WrongKey | Self::WrongNames | Self::OrderRefused => 30,
            Self::Cancelled | Self::Dropped | Self::NotSigned | Self::NotStored => 20,
            Self::Crash | Self::OrdersForgotten | Self::AccountsForgotten => 100,
            Self::ValidationFails | Self::NotPublished | Self::NotCleaned => 150,
            _ => 80,
        }
    }
}

/// A fault that happened: its kind, whose it was, and its count there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// The kind.
    pub kind: Kind,
    /// The flow that it struck, or the CA.
    pub whose: usize,
    /// Which chance of this flow it was.
    pub count: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} at {}", self.kind, self.whose, self.count)
    }
}

/// Faults that a run leaves out, to find those that matter.
pub type LeftOut = BTreeSet<Fault>;

/// The chances of one run.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    seed: u64,
    left_out: &'a LeftOut,
    /// What happened, in order.
    pub(super) happened: Vec<Fault>,
    /// No more faults: what is checked at the end needs a network that works.
    pub(super) over: bool,
}

impl<'a> Faults<'a> {
    pub(super) const fn new(seed: u64, left_out: &'a LeftOut) -> Self {
        Self { seed, left_out, happened: Vec::new(), over: false }
    }

    /// Returns whether a fault happens.
    pub(super) fn strikes(&mut self, kind: Kind, whose: usize, count: u64) -> bool {
        let fault = Fault { kind, whose, count };
        let strikes = !self.over
            && mix(self.seed, kind as u64, whose as u64, count) % 1000 < self.rate(kind)
            && !self.left_out.contains(&fault);
        if strikes {
            self.happened.push(fault);
        }
        strikes
    }

    /// Returns how often a kind happens in this run: in half of the runs never.
    fn rate(&self, kind: Kind) -> u64 {
        let (calm, drawn) = (self.draw(900, 0, 0, 8) == 0, self.draw(901, kind as usize, 0, 8));
        let most = kind.most();
        match drawn {
            _ if calm => most / 40,
            0..=3 => 0,
            4 | 5 => most / 10,
            6 => most / 3,
            _ => most,
        }
    }

    /// Returns a number below `bound` that is no fault.
    pub(super) fn draw(&self, what: u64, whose: usize, count: u64, bound: u64) -> u64 {
        mix(self.seed ^ 0xa5a5_0000, what, whose as u64, count) % bound.max(1)
    }
}

/// Mixes numbers as splitmix64 does.
const fn mix(seed: u64, a: u64, b: u64, c: u64) -> u64 {
    const fn step(z: u64) -> u64 {
        let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    step(step(step(step(seed) ^ a) ^ b) ^ c)
}
