//! The authorizations of the order, with what changed since they were planned.
//!
//! An input changes one authorization, and only that one is viewed and planned again; how many there are of each view is
//! kept as a count, so that the order's own view costs the same for one name and for ten thousand. Responses that wait
//! for a time are in order of that time.

use alloc::vec::Vec;

use super::authorization::{Authorization, Proof};
use super::plan::{AuthorizationView, Phase};
use crate::error::PeerFault;
use crate::sorted::{SortedMap, SortedSet};
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::Challenge;

/// The authorizations in the order's own sequence, by their URLs and by their selected challenges.
#[derive(Debug, Default)]
pub(super) struct Authorizations {
    all: Vec<Authorization>,
    by_url: SortedMap<Url, usize>,
    by_challenge: SortedMap<Url, usize>,
    views: Vec<AuthorizationView>,
    tally: Tally,
    /// To be viewed and planned again.
    changed: SortedSet<usize>,
    /// When responses that wait are sent.
    due: SortedSet<(Timestamp, usize)>,
    /// Those whose wait begins at the next poll.
    delayed: Vec<usize>,
    /// Where the next look at those that the server validates begins.
    looked_at: usize,
    /// About how many octets of memory the challenges of all take.
    weight: usize,
    /// The phase in which they were last planned.
    phase: Phase,
    /// How many offers were made.
    offers: u64,
}

/// How many octets of memory the challenges of an order may take, and how many more for each authorization: of most CAs
/// they take a thousand.
const MOST_OCTETS: usize = 1 << 20;
const MOST_OCTETS_EACH: usize = 4096;

/// How many authorizations there are of each view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally([usize; AuthorizationView::ALL.len()]);

impl Authorizations {
    /// Takes the authorizations of an order that is read for the first time.
    pub(super) fn create(&mut self, urls: &[Url]) {
        self.all.reserve_exact(urls.len());
        self.views.reserve_exact(urls.len());
        for url in urls {
            if !self.by_url.contains_key(url) {
                let index = self.all.len();
                self.by_url.insert(url.clone(), index);
                self.all.push(Authorization::new(url.clone()));
                self.views.push(AuthorizationView::Unread);
                self.tally.add(AuthorizationView::Unread);
                self.changed.insert(index);
            }
        }
    }

    /// Returns whether an order may list these authorizations: one that has moved on may list each more than once, or
    /// none.
    pub(super) fn are(&self, urls: &[Url]) -> bool {
        urls.iter().all(|url| self.by_url.contains_key(url))
            && (urls.is_empty() || urls.len() >= self.all.len())
    }

    /// Forgets the authorizations, for a new order; the numbers of offers go on.
    pub(super) fn clear(&mut self) {
        *self = Self { offers: self.offers, ..Self::default() };
    }

    /// Takes the challenges of an authorization as they were read, unless all together would take too much memory.
    pub(super) fn set_challenges(
        &mut self,
        index: usize,
        mut challenges: Vec<Challenge>,
    ) -> Result<(), PeerFault> {
        challenges.shrink_to_fit();
        self.weigh(index, |authorization| authorization.challenges = challenges)
    }

    /// Takes a challenge as it was read alone, in place of the one with its URL; returns whether it shows a new error.
    pub(super) fn set_challenge(
        &mut self,
        index: usize,
        challenge: &Challenge,
    ) -> Result<bool, PeerFault> {
        let mut is_news = true;
        self.weigh(index, |authorization| {
            let own = |held: &&mut Challenge| held.url() == challenge.url();
            if let Some(held) = authorization.challenges.iter_mut().find(own) {
                // What an earlier validation failed for says nothing of the one that begins.
                is_news = challenge.error().is_none() || held.error() != challenge.error();
                *held = challenge.clone();
            }
        })?;
        Ok(is_news)
    }

    fn weigh(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Authorization),
    ) -> Result<(), PeerFault> {
        let authorization = self.edit(index);
        let before = authorization.weight();
        change(authorization);
        let after = authorization.weight();
        self.weight = self.weight.saturating_sub(before) + after;
        let most = MOST_OCTETS + self.all.len() * MOST_OCTETS_EACH;
        if self.weight > most { Err(PeerFault::TooLarge { most }) } else { Ok(()) }
    }

    /// Returns an authorization to be changed, and has it planned again.
    pub(super) fn edit(&mut self, index: usize) -> &mut Authorization {
        self.changed.insert(index);
        &mut self.all[index]
    }

    /// Sets how far the proof of an authorization is.
    pub(super) fn set_proof(&mut self, index: usize, proof: Proof) {
        self.changed.insert(index);
        let before = core::mem::replace(&mut self.all[index].proof, proof);
        if let Proof::Ready(_, at) = before {
            self.due.remove(&(at, index));
            if self.due.is_empty() {
                self.due = SortedSet::new(); // an empty tree keeps its memory
            }
        }
        if let Some(url) = before.challenge()
            && self.by_challenge.get(url) == Some(&index)
        {
            self.by_challenge.remove(url);
        }
        let after = &self.all[index].proof;
        if let Some(url) = after.challenge() {
            self.by_challenge.insert(url.clone(), index);
        }
        match after {
            Proof::Ready(_, at) => {
                self.due.insert((*at, index));
            }
            Proof::Delayed(..) => self.delayed.push(index),
            _ => {}
        }
    }

    /// Starts the waits that commands asked for, and has those planned whose wait is over.
    pub(super) fn pass(&mut self, now: Timestamp) {
        for index in core::mem::take(&mut self.delayed) {
            if let Proof::Delayed(url, delay) = &self.all[index].proof {
                let ready = Proof::Ready(url.clone(), now.saturating_add(*delay));
                self.set_proof(index, ready);
            }
        }
        while let Some((at, index)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, index));
            self.changed.insert(index);
        }
    }

    /// Has some authorizations read again that the server validates, in turn.
    pub(super) fn look_closer(&mut self, most: usize) {
        let count = self.all.len();
        let mut left = most;
        for index in (0..count).map(|step| (self.looked_at + step) % count) {
            if left == 0 {
                self.looked_at = index;
                return;
            }
            let authorization = &mut self.all[index];
            if authorization.has_responded() && authorization.is_pending() {
                authorization.stale = true;
                self.changed.insert(index);
                left -= 1;
            }
        }
    }

    /// Returns when the next response that waits is sent.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn touch(&mut self, index: usize) {
        self.changed.insert(index);
    }

    /// Has every authorization viewed and planned again.
    pub(super) fn touch_all(&mut self) {
        self.changed = (0..self.all.len()).collect();
    }

    /// Takes the authorizations to be planned, in the order's own sequence.
    pub(super) fn take_changed(&mut self) -> SortedSet<usize> {
        core::mem::take(&mut self.changed)
    }

    pub(super) fn set_view(&mut self, index: usize, view: AuthorizationView) {
        let before = core::mem::replace(&mut self.views[index], view);
        self.tally.remove(before);
        self.tally.add(view);
    }

    pub(super) fn view(&self, index: usize) -> AuthorizationView {
        self.views[index]
    }

    /// Takes the phase, and returns whether it is another one than before.
    pub(super) fn enter(&mut self, phase: Phase) -> bool {
        core::mem::replace(&mut self.phase, phase) != phase
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Counts an offer, and returns its number.
    pub(super) const fn number_offer(&mut self) -> u64 {
        self.offers += 1;
        self.offers
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, index: usize) -> &Authorization {
        &self.all[index]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Authorization> {
        self.all.iter()
    }

    /// Returns whether one has never been read, or a kind of challenge is being chosen for it.
    ///
    /// One that waits for the record of an earlier attempt to be cleaned up does not count: another challenge may
    /// share the record.
    pub(super) fn is_any_unselected(&self) -> bool {
        use AuthorizationView as V;
        let unread = |at: usize| self.all[at].status.is_none();
        self.views.iter().enumerate().any(|(at, view)| match view {
            V::Unread | V::Reading => unread(at),
            V::Open | V::Offered => true,
            _ => false,
        })
    }

    pub(super) fn find(&self, url: &Url) -> Option<usize> {
        self.by_url.get(url).copied()
    }

    /// Returns the authorization that a challenge is selected for.
    pub(super) fn by_challenge(&self, challenge: &Url) -> Option<usize> {
        self.by_challenge.get(challenge).copied()
    }
}

impl Tally {
    pub(super) const fn of(&self, view: AuthorizationView) -> usize {
        self.0[view as usize]
    }

    pub(super) const fn any(&self, view: AuthorizationView) -> bool {
        self.of(view) > 0
    }

    /// Returns whether there are no others than these.
    pub(super) fn only(&self, views: &[AuthorizationView]) -> bool {
        let own: usize = views.iter().map(|view| self.of(*view)).sum();
        own == self.0.iter().sum::<usize>()
    }

    const fn add(&mut self, view: AuthorizationView) {
        self.0[view as usize] += 1;
    }

    const fn remove(&mut self, view: AuthorizationView) {
        self.0[view as usize] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::super::testing::url;
    use super::*;
    use AuthorizationView as V;

    fn thousand() -> Authorizations {
        let urls: Vec<Url> =
            (0..1000).map(|n| url(&alloc::format!("https://ca.test/z/{n}"))).collect();
        let mut authorizations = Authorizations::default();
        authorizations.create(&urls);
        authorizations
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn a_change_of_one_has_one_planned_again() {
        let mut authorizations = thousand();
        assert_eq!(authorizations.take_changed().len(), 1000);
        authorizations.edit(7).stale = true;
        authorizations.set_proof(9, Proof::Offered(1));
        assert!(authorizations.take_changed().into_iter().eq([7, 9]));
        assert!(authorizations.take_changed().is_empty());
    }

    #[test]
    fn counts_follow_the_views() {
        let mut authorizations = thousand();
        assert!(authorizations.tally().only(&[V::Unread]));
        authorizations.set_view(3, V::Valid);
        authorizations.set_view(4, V::Valid);
        authorizations.set_view(4, V::Failed);
        let tally = authorizations.tally();
        assert_eq!((tally.of(V::Unread), tally.of(V::Valid)), (998, 1));
        assert!(tally.any(V::Failed) && !tally.any(V::Open));
        assert!(tally.only(&[V::Unread, V::Valid, V::Failed]));
    }

    #[test]
    fn a_challenge_leads_to_its_authorization_while_it_is_selected() {
        let mut authorizations = thousand();
        let challenge = url("https://ca.test/c/5");
        authorizations.set_proof(5, Proof::Provisioning(challenge.clone()));
        assert_eq!(authorizations.by_challenge(&challenge), Some(5));
        authorizations.set_proof(5, Proof::Responded(challenge.clone()));
        assert_eq!(authorizations.by_challenge(&challenge), Some(5));
        authorizations.set_proof(5, Proof::None);
        assert_eq!(authorizations.by_challenge(&challenge), None);
    }

    #[test]
    fn a_delay_counts_from_the_next_poll_and_wakes_only_its_own() {
        let mut authorizations = thousand();
        authorizations.take_changed();
        let challenge = url("https://ca.test/c/5");
        authorizations.set_proof(5, Proof::Delayed(challenge.clone(), Duration::from_secs(10)));
        authorizations.pass(at(100));
        assert_eq!(authorizations.get(5).proof, Proof::Ready(challenge, at(110)));
        assert_eq!(authorizations.next_due(), Some(at(110)));
        authorizations.take_changed();
        authorizations.pass(at(109));
        assert!(authorizations.take_changed().is_empty());
        authorizations.pass(at(110));
        assert!(authorizations.take_changed().into_iter().eq([5]));
        assert_eq!(authorizations.next_due(), None);
    }

    #[test]
    fn a_wait_that_is_given_up_wakes_nobody() {
        let mut authorizations = thousand();
        authorizations.set_proof(5, Proof::Ready(url("https://ca.test/c/5"), at(110)));
        authorizations.set_proof(5, Proof::Failed);
        assert_eq!(authorizations.next_due(), None);
    }

    #[test]
    fn an_order_may_list_its_authorizations_again_or_none_but_no_others() {
        let authorizations = thousand();
        let own: Vec<Url> = authorizations.iter().map(|one| one.url.clone()).collect();
        assert!(authorizations.are(&own) && authorizations.are(&[]));
        assert!(!authorizations.are(&own[1..]));
        assert!(!authorizations.are(&[&own[1..], &[url("https://ca.test/z/x")]].concat()));
    }
}
