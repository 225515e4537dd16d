//! Fetching what exchanges lack: the directory, the account's URL, nonces.

use super::exchange::{Exchange, ExchangeId, Outcome, Settled, Work};
use super::exchanges::Exchanges;
use super::supply::Supply;
use crate::error::Error;
use crate::op::{
    Auth, GetDirectory, Hooks, LocateAccount, NewNonce, Operation, Read, Spec, Target,
};
use crate::policy::ResourceClass;
use crate::request::RequestId;
use crate::session::{Fresh, Session};
use crate::sorted::SortedSet;

/// How many exchanges keep a paced flow going: with fewer under way, it fetches another nonce.
const ENOUGH_UNDER_WAY: usize = 4;

/// Returns the request that fetches a supply.
fn spec(supply: Supply, session: &Session) -> Spec {
    match supply {
        Supply::Directory => GetDirectory.spec(),
        Supply::Account => LocateAccount::default().spec(),
        Supply::Nonce => NewNonce.spec().auth(Auth::None(session.nonce_method())),
    }
}

impl Exchange {
    pub(super) const fn is_nonce(&self) -> bool {
        matches!(self.work, Work::Supply(Supply::Nonce))
    }

    /// Returns whether "no such account" is about the account that the session believes to have.
    pub(super) const fn asks_for_account(&self) -> bool {
        self.uses_account_url() || matches!(self.work, Work::Supply(Supply::Account))
    }

    pub(super) const fn fetches_directory(&self) -> bool {
        matches!(self.spec.target, Target::Directory)
    }
}

impl Exchanges {
    /// Starts to fetch what exchanges lack; returns whether anything was started.
    pub(super) fn fetch_lacking(&mut self, has_place: bool, session: &Session) -> bool {
        // What could not be sent anyway is no reason to fetch.
        let lacking =
            self.queue.lacking.each_ref().map(|set| if has_place { set.len() } else { 0 });
        let running = self.supplies.running;
        let mut started = false;
        // One response serves all that lack it; a nonce serves one.
        for supply in [Supply::Directory, Supply::Account] {
            if lacking[supply as usize] > 0 && running[supply as usize] == 0 {
                self.start_supply(supply, session);
                started = true;
            }
        }
        let nonces =
            lacking[Supply::Nonce as usize].saturating_sub(running[Supply::Nonce as usize]);
        let awaited = self.supplies.awaits_nonces && self.expects_nonces();
        if session.directory().is_some() && !awaited {
            let wanted = if !session.is_paced(ResourceClass::NewNonce) {
                // What has no place now is not fetched later: by then, responses bring nonces.
                nonces + core::mem::take(&mut self.supplies.prefetch)
            } else if self.queue.active() + self.queue.timed.len() >= ENOUGH_UNDER_WAY {
                // Each response brings a nonce, and slots for requests are few.
                0
            } else {
                nonces.min(1)
            };
            let places = if wanted > 0 { self.places_for_nonces(session) } else { 0 };
            for _ in 0..wanted.min(places) {
                self.start_supply(Supply::Nonce, session);
                started = true;
            }
        }
        started
    }

    /// Returns how many more nonces could be used at once.
    ///
    /// Each response brings one for the next request, so that a nonce beyond the places that are free would only take the
    /// place of a request.
    fn places_for_nonces(&self, session: &Session) -> usize {
        let active = self.queue.iter_active().filter_map(|id| self.all.get(id));
        let active = active.filter(|exchange| exchange.is_nonce()).count();
        // Those that still wait for their slot take a place, too.
        let coming = self.supplies.running[Supply::Nonce as usize].saturating_sub(active);
        let most = session.policy().max_in_flight.max(1);
        most.saturating_sub(self.queue.active() + coming)
    }

    fn start_supply(&mut self, supply: Supply, session: &Session) {
        self.supplies.running[supply as usize] += 1;
        self.insert(Exchange::new(Work::Supply(supply), spec(supply, session)));
    }

    /// Stores what was fetched. If the fetch failed, every exchange that waits for it fails, unless it can do without.
    pub(super) fn supplied(
        &mut self,
        supply: Supply,
        from: Option<RequestId>,
        outcome: Outcome,
        session: &mut Session,
    ) {
        self.supplies.running[supply as usize] -= 1;
        let (supplied, waits): (_, fn(&Exchange) -> bool) = match supply {
            Supply::Directory => {
                let read = self.read_supply(GetDirectory, outcome, session);
                // An old directory is better than none.
                let serves = read.is_err() && session.directory().is_some();
                (if serves { Ok(()) } else { read.map(|it| session.set_directory(it)) }, |_| true)
            }
            Supply::Account => {
                // "No such account" came as an error before: the lookup creates none.
                let read = self.read_supply(LocateAccount::default(), outcome, session);
                let found = read.and_then(|it| it.map_or(Ok(()), |it| it.adopt(session)));
                if found.is_ok() {
                    session.account_given(self.now);
                }
                (found, Exchange::uses_account_url)
            }
            Supply::Nonce => match self.read_supply(NewNonce, outcome, session) {
                Ok(nonce) => {
                    let fresh = Fresh { nonce, since: self.now, from };
                    return self.supplies.nonces.push(fresh);
                }
                // Another response may still bring the nonce that is lacking.
                Err(_) if self.expects_nonces() => return self.supplies.awaits_nonces = true,
                Err(error) => (Err(error), |exchange| exchange.nonce.is_none()),
            },
        };
        if let Err(error) = supplied {
            self.fail_waiting(&error, waits);
        }
    }

    fn read_supply<S: Operation>(
        &mut self,
        mut operation: S,
        outcome: Outcome,
        session: &Session,
    ) -> Result<S::Response, Error> {
        let (url, response) = outcome?;
        let read = self.read_response(&url, &response, session, |it| operation.read(it))?;
        match read {
            Read::Response(response) => Ok(response),
            Read::NextRequest => unreachable!("what the engine fetches takes one request"),
        }
    }

    /// Returns whether a request is out whose response should bring a nonce.
    fn expects_nonces(&self) -> bool {
        let active = self.queue.iter_active().filter_map(|id| self.all.get(id));
        active.into_iter().any(|exchange| exchange.is_nonce() || exchange.spec.is_signed())
    }

    /// Fails every exchange that waits for what could not be supplied.
    fn fail_waiting(&mut self, error: &Error, waits: fn(&Exchange) -> bool) {
        let waits = |id: &ExchangeId| self.all.get(id).is_some_and(|exchange| waits(exchange));
        let failed: SortedSet<_> = self.queue.waiting().into_iter().filter(waits).collect();
        self.queue.retain(|id| !failed.contains(id));
        for id in failed {
            let Some(exchange) = self.all.remove(&id) else { continue };
            match exchange.work {
                // Nobody waits for it any more.
                Work::Supply(supply) => self.supplies.running[supply as usize] -= 1,
                Work::Operation => {
                    let settled = exchange.settle(id, Err(error.clone()));
                    self.queue.settled.push_back(Settled { unsupplied: true, ..settled });
                }
            }
        }
    }
}
