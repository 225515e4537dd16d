//! The challenges that were selected, until each is cleaned up or left published.
//!
//! A challenge is handed to the user only when a stored snapshot lists it. It leaves the snapshot only when it was
//! cleaned up, or is left published on purpose ([`Publishing::Persistent`]): a crash at any point leaves no record
//! that nobody knows of. While the user is publishing it, it is not cleaned up. Which challenges are still needed is
//! for the flow to say; what follows is in [`plan`](super::plan::publication).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use super::plan::PublicationView;
use crate::challenge::Challenge;
use crate::jose::Thumbprint;
use crate::sorted::{SortedMap, SortedSet};
use crate::url::Url;

/// Every selected challenge, by its URL.
#[derive(Debug, Default)]
pub(super) struct Publications {
    all: SortedMap<Url, Box<Publication>>,
    /// The URLs of the challenges of each authorization.
    by_authorization: SortedMap<Url, Vec<Url>>,
    /// To be planned again.
    changed: SortedSet<Url>,
    /// Selected, and waiting for a generation of the snapshot to be stored; in order of generation.
    unsaved: VecDeque<(u64, Url)>,
    /// How many are [held](Publishing::is_held).
    held: usize,
}

#[derive(Debug)]
pub(super) struct Publication {
    challenge: Challenge,
    progress: Publishing,
}

/// How far publishing, and cleaning up, has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Publishing {
    /// Will be handed to the user as soon as this generation of the snapshot is stored.
    Selected {
        generation: u64,
    },
    /// Handed to the user, who has not said what came of it.
    Provisioning,
    /// Published, or not: the user, or an earlier run, is done with it.
    Provisioned,
    CleaningUp,
    CleanUpFailed(String),
    /// It stays published.
    Persistent,
}

/// What takes a selected challenge from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PublicationEvent {
    /// A snapshot that lists it is stored.
    #[cfg_attr(not(test), expect(dead_code, reason = "the generation of the snapshot says so"))]
    Save,
    /// It is handed to the user.
    Provision,
    /// The user says that publishing is over.
    Provisioned,
    /// It is handed out once more: the user did not see it, or an earlier run did.
    Again,
    /// The user is asked to clean it up.
    CleanUp,
    /// The user could not clean it up.
    CleanUpFailed,
    /// It is left published on purpose.
    Keep,
}

/// Every event.
#[cfg(test)]
pub(super) const EVENTS: [PublicationEvent; 7] = [
    PublicationEvent::Save,
    PublicationEvent::Provision,
    PublicationEvent::Provisioned,
    PublicationEvent::Again,
    PublicationEvent::CleanUp,
    PublicationEvent::CleanUpFailed,
    PublicationEvent::Keep,
];

/// Returns the state after an event; `None` where the event cannot happen.
///
/// A challenge that was cleaned up has no state any more.
pub(super) const fn next(
    view: PublicationView,
    event: PublicationEvent,
) -> Option<PublicationView> {
    use {PublicationEvent as E, PublicationView as V};
    Some(match (view, event) {
        (V::Unsaved, E::Save) => V::Selected,
        (V::Selected, E::Provision) => V::Provisioning,
        (V::Provisioning, E::Provisioned) => V::Provisioned,
        (V::Provisioning | V::Provisioned, E::Again) => V::Selected,
        (V::Unsaved | V::Selected | V::Provisioned, E::CleanUp) => V::CleaningUp,
        // The user's word is taken whether it was asked or not, but only for what it was handed.
        (V::Unsaved | V::Selected | V::Provisioning, E::CleanUpFailed) => return None,
        (_, E::CleanUpFailed) => V::CleanUpFailed,
        (V::Unsaved | V::Selected | V::Provisioning | V::Provisioned, E::Keep) => V::Persistent,
        _ => return None,
    })
}

impl Publishing {
    /// Selected, in a snapshot that is stored already: handed out at once.
    pub(super) const STORED: Self = Self::Selected { generation: 0 };
}

impl Publications {
    /// Takes the challenges of a snapshot: an earlier run may have published them.
    pub(super) fn restore(challenges: &[Challenge]) -> Self {
        let mut publications = Self::default();
        for challenge in challenges {
            publications.insert(challenge.clone(), Publishing::Provisioned);
        }
        publications
    }

    /// Adds a challenge that was selected, to be handed out when this generation of the snapshot is stored.
    pub(super) fn select(&mut self, challenge: Challenge, generation: u64) {
        self.unsaved.push_back((generation, challenge.url().clone()));
        self.insert(challenge, Publishing::Selected { generation });
    }

    /// Has the challenges planned that a stored generation of the snapshot lists.
    pub(super) fn saved(&mut self, generation: u64) {
        let stored = self.unsaved.partition_point(|(at, _)| *at <= generation);
        self.changed.extend(self.unsaved.drain(..stored).map(|(_, url)| url));
        if self.unsaved.is_empty() {
            self.unsaved = VecDeque::new();
        }
    }

    /// Returns whether a challenge is selected that the snapshot of generation `saved` does not list.
    pub(super) fn is_any_unsaved(&self, saved: u64) -> bool {
        self.unsaved.back().is_some_and(|(generation, _)| *generation > saved)
    }

    /// Takes the user's word that publishing is over; `None` for a challenge that was not handed out.
    pub(super) fn provisioned(&mut self, url: &Url) -> Option<&Challenge> {
        let progress = &self.all.get(url)?.progress;
        match progress {
            Publishing::Selected { .. } => return None,
            Publishing::Provisioning => {
                self.enter(url, PublicationEvent::Provisioned, Publishing::Provisioned);
            }
            _ => {}
        }
        self.get(url)
    }

    /// Removes a challenge that was cleaned up.
    pub(super) fn remove(&mut self, url: &Url) -> Option<Challenge> {
        let Publication { challenge, progress } = *self.all.remove(url)?;
        self.held -= usize::from(progress.is_held());
        self.changed.remove(url);
        if let Some(urls) = self.by_authorization.get_mut(challenge.authorization()) {
            urls.retain(|one| one != url);
        }
        Some(challenge)
    }

    /// Takes a challenge to another state because of an event.
    pub(super) fn enter(&mut self, url: &Url, event: PublicationEvent, progress: Publishing) {
        let Some(publication) = self.all.get_mut(url) else { return };
        debug_assert!(publication.progress.leads_to(event, &progress), "{event:?}");
        let before = core::mem::replace(&mut publication.progress, progress);
        let after = &publication.progress;
        self.held = self.held + usize::from(after.is_held()) - usize::from(before.is_held());
        self.changed.insert(url.clone());
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Has the challenges of an authorization planned again.
    pub(super) fn touch_authorization(&mut self, authorization: &Url) {
        let urls = self.by_authorization.get(authorization).into_iter().flatten();
        self.changed.extend(urls.cloned());
    }

    /// Has every challenge planned again.
    pub(super) fn touch_all(&mut self) {
        self.changed.extend(self.all.keys().cloned());
    }

    /// Takes the challenges to be planned, in order of their URLs.
    pub(super) fn take_changed(&mut self) -> SortedSet<Url> {
        core::mem::take(&mut self.changed)
    }

    pub(super) fn get(&self, url: &Url) -> Option<&Challenge> {
        self.all.get(url).map(|publication| &publication.challenge)
    }

    /// Returns how far a challenge is, for planning; a selection up to generation `saved` is stored.
    pub(super) fn view(&self, url: &Url, saved: u64) -> Option<PublicationView> {
        self.get_with_view(url, saved).map(|(_, view)| view)
    }

    pub(super) fn get_with_view(
        &self,
        url: &Url,
        saved: u64,
    ) -> Option<(&Challenge, PublicationView)> {
        let Publication { challenge, progress } = &**self.all.get(url)?;
        Some((challenge, progress.view(saved)))
    }

    /// Returns whether a challenge is selected, published, or being cleaned up: it cannot be published again then.
    pub(super) fn is_held(&self, url: &Url) -> bool {
        self.all.get(url).is_some_and(|publication| publication.progress.is_held())
    }

    /// Returns whether any challenge is held.
    pub(super) const fn any_held(&self) -> bool {
        self.held > 0
    }

    /// Returns whether a held challenge of an authorization has the key authorization of an earlier account key. Its
    /// record is wrong now (RFC 8555 Section 7.3.5), and the new one would have the same id.
    pub(super) fn has_outdated(&self, authorization: &Url, thumbprint: &Thumbprint) -> bool {
        let mut own = self.of(authorization);
        own.any(|publication| {
            publication.progress.is_held() && publication.challenge.is_outdated(thumbprint)
        })
    }

    /// Returns the challenges of an authorization that the user, in this run or an earlier one, is done with
    /// publishing: published, or not.
    pub(super) fn provisioned_of<'a>(
        &'a self,
        authorization: &Url,
    ) -> impl Iterator<Item = &'a Challenge> {
        let published = |one: &&Publication| one.progress == Publishing::Provisioned;
        self.of(authorization).filter(published).map(|one| &one.challenge)
    }

    /// Returns the challenges that a snapshot lists: all that may be published and are not meant to last.
    pub(super) fn listed(&self) -> Vec<Challenge> {
        let listed = self.all.values().filter(|one| one.progress != Publishing::Persistent);
        listed.map(|one| one.challenge.clone()).collect()
    }

    /// Returns what could not be cleaned up, each with the reason.
    pub(super) fn not_cleaned(&self) -> Vec<(Challenge, String)> {
        let reason = |progress: &Publishing| match progress {
            Publishing::Persistent => None,
            Publishing::CleanUpFailed(reason) => Some(reason.clone()),
            _ => Some(String::from("not answered in time")),
        };
        let left = self.all.values();
        left.filter_map(|one| Some((one.challenge.clone(), reason(&one.progress)?))).collect()
    }

    fn insert(&mut self, challenge: Challenge, progress: Publishing) {
        let url = challenge.url().clone();
        self.remove(&url);
        match self.by_authorization.get_mut(challenge.authorization()) {
            Some(urls) => urls.push(url.clone()),
            None => {
                let urls = Vec::from([url.clone()]);
                self.by_authorization.insert(challenge.authorization().clone(), urls);
            }
        }
        self.held += usize::from(progress.is_held());
        self.changed.insert(url.clone());
        self.all.insert(url, Box::new(Publication { challenge, progress }));
    }

    fn of<'a>(&'a self, authorization: &Url) -> impl Iterator<Item = &'a Publication> {
        let urls = self.by_authorization.get(authorization).into_iter().flatten();
        urls.filter_map(|url| self.all.get(url).map(Box::as_ref))
    }
}

impl Publishing {
    const fn view(&self, saved: u64) -> PublicationView {
        match self {
            Self::Selected { generation } if *generation > saved => PublicationView::Unsaved,
            Self::Selected { .. } => PublicationView::Selected,
            Self::Provisioning => PublicationView::Provisioning,
            Self::Provisioned => PublicationView::Provisioned,
            Self::CleaningUp => PublicationView::CleaningUp,
            Self::CleanUpFailed(_) => PublicationView::CleanUpFailed,
            Self::Persistent => PublicationView::Persistent,
        }
    }

    fn leads_to(&self, event: PublicationEvent, after: &Self) -> bool {
        next(self.view(u64::MAX), event) == Some(after.view(u64::MAX))
    }

    /// Whether something is still to be done about it.
    const fn is_held(&self) -> bool {
        !matches!(self, Self::CleanUpFailed(_) | Self::Persistent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{challenge, url};
    use super::*;
    use {PublicationEvent as E, PublicationView as V};

    const C1: &str = "https://ca.test/c/1";
    const C2: &str = "https://ca.test/c/2";
    const Z1: &str = "https://ca.test/z/1";

    fn selected() -> Publications {
        let mut publications = Publications::default();
        publications.select(challenge(Z1, C1), 1);
        publications.select(challenge(Z1, C2), 2);
        assert!(publications.is_any_unsaved(1) && !publications.is_any_unsaved(2));
        publications.take_changed();
        publications
    }

    #[test]
    fn a_selection_waits_for_its_generation() {
        let mut publications = selected();
        assert_eq!(publications.view(&url(C2), 1), Some(V::Unsaved));
        publications.saved(1);
        assert!(publications.take_changed().into_iter().eq([url(C1)]));
        assert_eq!(publications.view(&url(C1), 1), Some(V::Selected));
        publications.saved(2);
        assert!(publications.take_changed().into_iter().eq([url(C2)]));
    }

    #[test]
    fn the_users_word_counts_only_for_what_was_handed_out() {
        let mut publications = selected();
        assert_eq!(publications.provisioned(&url(C1)), None);
        publications.enter(&url(C1), E::Provision, Publishing::Provisioning);
        assert!(publications.provisioned(&url(C1)).is_some());
        assert_eq!(publications.view(&url(C1), 2), Some(V::Provisioned));
        assert_eq!(publications.provisioned(&url(Z1)), None);
    }

    #[test]
    fn what_is_removed_is_neither_held_nor_listed() {
        let mut publications = selected();
        publications.enter(&url(C1), E::CleanUp, Publishing::CleaningUp);
        assert!(publications.remove(&url(C1)).is_some());
        assert!(publications.remove(&url(C1)).is_none());
        assert!(publications.any_held());
        assert_eq!(publications.listed(), [challenge(Z1, C2)]);
        publications.enter(&url(C2), E::CleanUp, Publishing::CleaningUp);
        publications.enter(&url(C2), E::CleanUpFailed, Publishing::CleanUpFailed("no".into()));
        assert!(!publications.any_held());
        assert_eq!(publications.not_cleaned(), [(challenge(Z1, C2), "no".into())]);
    }

    #[test]
    fn what_stays_is_neither_listed_nor_left_behind() {
        let mut publications = selected();
        publications.remove(&url(C1));
        publications.enter(&url(C2), E::Keep, Publishing::Persistent);
        assert_eq!(publications.not_cleaned(), []);
        assert_eq!(publications.listed(), []);
    }

    #[test]
    fn a_change_of_an_authorization_touches_its_own_challenges_only() {
        let mut publications = Publications::default();
        for n in 0..1000 {
            let [z, c] = ["z", "c"].map(|kind| alloc::format!("https://ca.test/{kind}/{n}"));
            publications.select(challenge(&z, &c), 0);
        }
        publications.take_changed();
        publications.touch_authorization(&url("https://ca.test/z/7"));
        assert!(publications.take_changed().into_iter().eq([url("https://ca.test/c/7")]));
    }

    #[test]
    fn only_a_record_for_another_key_is_outdated() {
        let mut publications = selected();
        let own = *challenge(Z1, C1).thumbprint();
        let other = Thumbprint::from_bytes([9; 32]);
        assert!(!publications.has_outdated(&url(Z1), &own));
        assert!(publications.has_outdated(&url(Z1), &other));
        publications.remove(&url(C1));
        publications.remove(&url(C2));
        assert!(!publications.has_outdated(&url(Z1), &other));
    }
}
