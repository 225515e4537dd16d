//! What goes wrong between a flow and the CA.

/// A small generator: splitmix64, so that a seed always gives the same run.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Creates a generator.
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    /// Returns a number below `bound`; 0 if that is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if bound == 0 { 0 } else { (z ^ (z >> 31)) % bound }
    }

    const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How often what goes wrong, in percent of all exchanges.
#[derive(Clone, Copy, Debug)]
pub struct FaultPlan {
    /// The request never arrives, and the time limit passes.
    pub lost_requests: u64,
    /// The CA has processed the request, but the answer never arrives.
    pub lost_answers: u64,
    /// The CA has processed the request, but something before it answers 503.
    pub unavailable: u64,
    /// The shortest and the longest time of one way, in milliseconds.
    pub latency: (u64, u64),
}

impl FaultPlan {
    /// Nothing goes wrong, and everything takes a millisecond.
    pub const fn none() -> Self {
        Self { lost_requests: 0, lost_answers: 0, unavailable: 0, latency: (1, 1) }
    }

    /// Everything goes wrong now and then.
    pub const fn rough() -> Self {
        Self { lost_requests: 2, lost_answers: 3, unavailable: 2, latency: (1, 400) }
    }

    pub(super) const fn latency(&self, rng: &mut Rng) -> u64 {
        let (shortest, longest) = self.latency;
        shortest + rng.below(longest.saturating_sub(shortest) + 1)
    }

    pub(super) const fn loses_request(&self, rng: &mut Rng) -> bool {
        rng.percent(self.lost_requests)
    }

    pub(super) const fn loses_answer(&self, rng: &mut Rng) -> bool {
        rng.percent(self.lost_answers)
    }

    pub(super) const fn unavailable(&self, rng: &mut Rng) -> bool {
        rng.percent(self.unavailable)
    }
}
