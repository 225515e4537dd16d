//! Tunable limits: timeouts, retries, parallelism, sizes.

use core::time::Duration;

use crate::resource::Resource;

/// Limits and schedules; [`Policy::default`] suits public CAs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// The most HTTP exchanges that one flow has in flight. Default 100, as many as servers of HTTP/2 usually allow; the
    /// [`rates`](Self::rates) keep it to far fewer at most CAs. Over HTTP/1.1 the adapters open fewer connections, 16
    /// unless their builder's `connections` says otherwise, and this can only lower that number.
    pub max_in_flight: usize,
    /// How many times one request is sent in all while the server refuses its nonces with `badNonce`. Default 24:
    /// test servers refuse half of all nonces, and 24 refusals in a row are then a one in 16 million event.
    pub bad_nonce_tries: u32,
    /// How many times one request is sent in all while responses are lost or are 5xx or 429. Default 4. Where the
    /// server limits requests and names no time, only tries count during which it accepted nothing else.
    pub tries: u32,
    /// The waits between those retries.
    pub backoff: Schedule,
    /// The waits between polls after the first, where the server names none. By default `None`: they follow from how long
    /// the CA took lately, or from how long it has taken ([`manual::waiting`](crate::manual::waiting)), with at most 12
    /// polls in half a minute and 25 in five minutes.
    pub poll: Option<Schedule>,
    /// The longest `Retry-After` that is waited for after a 429 or 5xx, and between two reads of an order. A longer one
    /// fails that request, or the issuance, with an error that has the time
    /// ([`Error::retry_at`](crate::error::Error::retry_at)). On the response to a challenge, or on an authorization, it
    /// delays only the next read of the order, at most by this time and to just before the deadline. Default 10 minutes.
    pub retry_after_cap: Duration,
    /// How long a resource may be unknown to the server that has just named it: replicas lag behind each other. For so
    /// long a 404, or `accountDoesNotExist`, is retried by the [`backoff`](Self::backoff), for each URL from its first
    /// refusal. Default 30 seconds.
    pub replica_lag: Duration,
    /// The time limit of one exchange, doubled for each try of a request that was lost, up to four times as long. Default
    /// 30 seconds.
    pub request_time_limit: Duration,
    /// The time limit of one signature. Default 30 seconds.
    pub sign_time_limit: Duration,
    /// The time limit of a single call with its retries. Default 5 minutes: Boulder answers a failure of its own with
    /// `Retry-After: 60`, and four [`tries`](Self::tries) take three such waits.
    pub call_time_limit: Duration,
    /// The time limit of an issuance that sets none itself. Default 5 minutes.
    pub issuance_time_limit: Duration,
    /// How long an issuance continues after its end or deadline to clean up. Default 150 seconds: a command that
    /// publishes a record may take two minutes, and its clean-up starts only after that.
    pub clean_up_time_limit: Duration,
    /// The age at which the directory is fetched again. Default one day. What it lacks is looked for in a new one earlier.
    pub directory_max_age: Duration,
    /// The most octets of body that a flow accepts. Default 1 MiB. Of a challenge or an authorization, of which many are
    /// read at once, it accepts at most 256 KiB. Over HTTP/1.1, both adapters read no more than 8 MiB of a response.
    pub body_limit: usize,
    /// How many identifiers a new order may have. Default 1000; a larger order also takes a larger
    /// [`body_limit`](Self::body_limit), at about 100 octets for each. More than
    /// [`Certificate::MAX_NAMES`](crate::x509::Certificate::MAX_NAMES) count as that many.
    pub max_identifiers: usize,
    /// How many redirects of one GET are followed. Redirects of a POST are never followed: its JWS is signed for one
    /// URL (RFC 8555 section 6.4). Default 3.
    pub max_redirects: u32,
    /// How many nonces the session keeps. Default 64.
    pub max_nonces: usize,
    /// The age at which a nonce is dropped. Default 5 minutes.
    pub nonce_max_age: Duration,
    /// The most orders that an issuance creates, one after the other. Default 3. It creates another one only if
    /// [a kind of challenge is left](crate::issuance::Issuance::with_solver_kinds).
    pub max_orders: u32,
    /// The most validations of one identifier that an issuance lets fail, over all its orders. Default 4: Let's Encrypt
    /// allows five an hour, and refuses new orders after that. A resumed issuance counts those that its snapshot has.
    pub max_failed_validations: u32,
    /// How many times the flow responds to a challenge that the server leaves `pending` with an error.
    /// Default 2.
    pub challenge_tries: u32,
    /// The request rate of each class of resources.
    pub rates: Rates,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_in_flight: 100,
            bad_nonce_tries: 24,
            tries: 4,
            backoff: Schedule::new(Duration::from_millis(500), 2.0, Duration::from_secs(30)),
            poll: None,
            retry_after_cap: Duration::from_secs(600),
            replica_lag: Duration::from_secs(30),
            request_time_limit: Duration::from_secs(30),
            sign_time_limit: Duration::from_secs(30),
            call_time_limit: Duration::from_secs(300),
            issuance_time_limit: Duration::from_secs(300),
            clean_up_time_limit: Duration::from_secs(150),
            directory_max_age: Duration::from_secs(86_400),
            body_limit: 1 << 20,
            max_identifiers: 1000,
            max_redirects: 3,
            max_nonces: 64,
            nonce_max_age: Duration::from_secs(300),
            max_orders: 3,
            max_failed_validations: 4,
            challenge_tries: 2,
            rates: Rates::default(),
        }
    }
}

impl Policy {
    /// Returns the most octets of body that are accepted of a resource.
    pub(crate) fn body_limit_of(&self, resource: Resource) -> usize {
        match resource {
            Resource::Authorization | Resource::Challenge => self.body_limit.min(256 * 1024),
            _ => self.body_limit,
        }
    }
}

/// A geometric schedule of waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    first: Duration,
    factor: f32,
    longest: Duration,
}

impl Schedule {
    /// Creates a schedule whose n-th wait is `first * factor^n`, at most `longest`.
    ///
    /// A factor below 1, or one that is not a number, counts as 1.
    pub const fn new(first: Duration, factor: f32, longest: Duration) -> Self {
        let factor = if factor >= 1.0 { factor } else { 1.0 };
        Self { first, factor, longest }
    }

    /// Returns the n-th wait, counted from 0.
    pub fn wait(&self, n: u32) -> Duration {
        let longest = self.longest.as_secs_f64();
        let mut wait = self.first.as_secs_f64();
        for _ in 0..n.min(64) {
            wait *= f64::from(self.factor);
            if wait >= longest {
                return self.longest;
            }
        }
        Duration::try_from_secs_f64(wait).unwrap_or(self.longest).min(self.longest)
    }
}

/// The classes of resources that CAs limit separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ResourceClass {
    /// The directory.
    Directory,
    /// newNonce.
    NewNonce,
    /// newAccount.
    NewAccount,
    /// newOrder.
    NewOrder,
    /// revokeCert.
    RevokeCert,
    /// renewalInfo.
    RenewalInfo,
    /// Everything else.
    Other,
}

impl ResourceClass {
    /// Returns the class of the requests for a resource.
    pub(crate) const fn of(resource: Resource) -> Self {
        match resource {
            Resource::Directory => Self::Directory,
            Resource::NewNonce => Self::NewNonce,
            Resource::NewAccount => Self::NewAccount,
            Resource::NewOrder => Self::NewOrder,
            Resource::RevokeCert => Self::RevokeCert,
            Resource::RenewalInfo => Self::RenewalInfo,
            _ => Self::Other,
        }
    }

    pub(crate) const COUNT: usize = 7;

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// A rate: a number of requests a second on average, and a number at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second; 0 means no limit.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

/// The rate of each class; the default is just below what Let's Encrypt allows one IP address.
///
/// The CA sees no more, though requests arrive late: one counts from its response on, and at most `burst` of a class are
/// sent and not answered. Two seconds after the last of its class was sent, an unanswered request counts as arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    rates: [Rate; ResourceClass::COUNT],
    /// All classes take their slots from one bucket.
    together: bool,
}

impl Rates {
    /// No limits at all, for test servers.
    pub const fn unlimited() -> Self {
        Self::new(Rate { per_second: 0, burst: 0 }, false)
    }

    /// One rate for the requests of all classes together, as most CAs have it.
    pub const fn together(rate: Rate) -> Self {
        Self::new(rate, true)
    }

    const fn new(rate: Rate, together: bool) -> Self {
        Self { rates: [rate; ResourceClass::COUNT], together }
    }

    /// Sets the rate of one class; each class then counts by itself, also after [`together`](Self::together).
    pub const fn with_rate(mut self, class: ResourceClass, rate: Rate) -> Self {
        self.together = false;
        self.rates[class.index()] = rate;
        self
    }

    /// Returns the rate of one class.
    pub const fn rate(&self, class: ResourceClass) -> Rate {
        self.rates[class.index()]
    }

    /// Returns which bucket a class takes its slots from.
    pub(crate) const fn bucket(&self, class: ResourceClass) -> usize {
        if self.together { 0 } else { class.index() }
    }
}

impl Default for Rates {
    fn default() -> Self {
        const fn rate(per_second: u32, burst: u32) -> Rate {
            Rate { per_second, burst }
        }
        Self::unlimited()
            .with_rate(ResourceClass::Directory, rate(20, 20))
            .with_rate(ResourceClass::NewNonce, rate(20, 10))
            .with_rate(ResourceClass::NewAccount, rate(5, 10))
            .with_rate(ResourceClass::NewOrder, rate(100, 100))
            .with_rate(ResourceClass::RevokeCert, rate(10, 50))
            .with_rate(ResourceClass::RenewalInfo, rate(100, 50))
            .with_rate(ResourceClass::Other, rate(240, 120))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_grows_to_its_longest_wait() {
        let s = Schedule::new(Duration::from_secs(1), 2.0, Duration::from_secs(5));
        let waits: alloc::vec::Vec<u64> = (0..5).map(|n| s.wait(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        assert_eq!(s.wait(u32::MAX), Duration::from_secs(5));
    }

    #[test]
    fn a_factor_that_is_no_number_counts_as_one() {
        let s = Schedule::new(Duration::from_secs(1), f32::NAN, Duration::from_secs(5));
        assert_eq!(s.wait(9), Duration::from_secs(1));
    }
}
