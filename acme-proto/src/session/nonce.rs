//! The bounded pool of nonces that a session keeps (RFC 8555 section 6.5).

use alloc::vec::Vec;
use core::time::Duration;

use crate::request::RequestId;
use crate::time::Timestamp;
use crate::token::Nonce;

/// A nonce that nobody has used.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    pub(crate) nonce: Nonce,
    /// When it came.
    pub(crate) since: Timestamp,
    /// The request whose response brought it.
    pub(crate) from: Option<RequestId>,
}

/// Nonces from one server, newest last; each is given out once.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoncePool {
    nonces: Vec<Fresh>,
}

impl NoncePool {
    /// Adds a nonce, in order of age; the oldest makes room, and one that is there already is not doubled.
    pub(crate) fn put(&mut self, fresh: Fresh, capacity: usize) {
        if self.nonces.iter().any(|held| held.nonce == fresh.nonce) {
            return;
        }
        let younger = self.nonces.partition_point(|held| held.since <= fresh.since);
        self.nonces.insert(younger, fresh);
        let over = self.nonces.len().saturating_sub(capacity);
        self.nonces.drain(..over);
    }

    /// Takes the newest nonce that is not too old.
    pub(crate) fn take(&mut self, now: Timestamp, max_age: Duration) -> Option<Fresh> {
        let fresh = self.nonces.pop()?;
        if now.saturating_duration_since(fresh.since) <= max_age {
            return Some(fresh);
        }
        self.nonces.clear();
        None
    }

    /// Returns how many nonces are not too old.
    pub(crate) fn held(&self, now: Timestamp, max_age: Duration) -> usize {
        let is_fresh = |since: Timestamp| now.saturating_duration_since(since) <= max_age;
        self.nonces.iter().filter(|held| is_fresh(held.since)).count()
    }

    /// Returns the newest nonces, the newest last.
    pub(crate) fn newest(&self, most: usize) -> impl Iterator<Item = &Fresh> {
        let first = self.nonces.len().saturating_sub(most);
        self.nonces.iter().skip(first)
    }

    /// Drops what was received before `time`: the server has said that such nonces are stale.
    pub(crate) fn drop_older(&mut self, time: Timestamp) {
        self.nonces.retain(|held| held.since >= time);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    const AGE: Duration = Duration::from_secs(300);

    fn nonce(text: &str) -> Nonce {
        Nonce::parse(text).unwrap()
    }

    fn put(pool: &mut NoncePool, text: &str, since: Timestamp, capacity: usize) {
        pool.put(Fresh { nonce: nonce(text), since, from: None }, capacity);
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn take(pool: &mut NoncePool, now: Timestamp) -> Option<Nonce> {
        pool.take(now, AGE).map(|fresh| fresh.nonce)
    }

    #[test]
    fn the_pool_gives_the_newest_first_and_forgets_the_oldest() {
        let mut pool = NoncePool::default();
        for text in ["a", "b", "c"] {
            put(&mut pool, text, at(0), 2);
        }
        // covers 8555-6.5-9
        assert_eq!(take(&mut pool, at(1)), Some(nonce("c")));
        assert_eq!(take(&mut pool, at(1)), Some(nonce("b")));
        assert_eq!(take(&mut pool, at(1)), None);
    }

    #[test]
    fn a_nonce_that_is_given_back_takes_its_place_by_age() {
        let mut pool = NoncePool::default();
        put(&mut pool, "b", at(400), 8);
        put(&mut pool, "a", at(0), 8);
        assert_eq!(take(&mut pool, at(401)), Some(nonce("b")));
    }

    #[test]
    fn old_nonces_are_not_tried() {
        let mut pool = NoncePool::default();
        put(&mut pool, "a", at(0), 8);
        // covers 8555-7.2-5
        assert_eq!((pool.held(at(300), AGE), pool.held(at(301), AGE)), (1, 0));
        assert_eq!(take(&mut pool, at(301)), None);
    }

    #[test]
    fn a_nonce_is_held_once_however_often_it_comes() {
        let mut pool = NoncePool::default();
        put(&mut pool, "a", at(0), 8);
        put(&mut pool, "a", at(0), 8);
        assert_eq!(take(&mut pool, at(0)), Some(nonce("a")));
        // covers 8555-6.5-2
        assert_eq!(take(&mut pool, at(0)), None);
    }

    #[test]
    fn a_stale_nonce_takes_the_older_ones_along() {
        let mut pool = NoncePool::default();
        put(&mut pool, "a", at(0), 8);
        put(&mut pool, "b", at(9), 8);
        pool.drop_older(at(5));
        assert_eq!(take(&mut pool, at(9)), Some(nonce("b")));
        assert_eq!(take(&mut pool, at(9)), None);
    }
}
