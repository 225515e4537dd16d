//! A sorted map and a sorted set for what is usually one entry, and may be ten thousand.
//!
//! They take less room than those of the standard library, in memory and in the program: a node of a B-tree has room for
//! eleven entries, and the code of a B-tree takes ten kilobytes for each type of its entries. acme-adapter has them too.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::mem;

/// The most entries of a run; a longer one is cut into two.
const MOST: usize = 64;

/// A sorted map: runs of entries, of which each is a sorted vector.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    /// In order of the keys. No run is empty.
    runs: Vec<Vec<(K, V)>>,
}

/// Where a key is: the run, and its place there.
struct Place {
    run: usize,
    /// `Err` if it is not there, and would have to be inserted before this.
    at: Result<usize, usize>,
}

impl<K, V> SortedMap<K, V> {
    pub const fn new() -> Self {
        Self { runs: Vec::new() }
    }

    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// Returns the entries, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.runs.iter().flatten().map(|(key, value)| (key, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.runs.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub fn first(&self) -> Option<&K> {
        Some(&self.runs.first()?.first()?.0)
    }

    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.take(0, 0))
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.runs.iter_mut().for_each(|run| run.retain(|(key, value)| keep(key, value)));
        self.runs.retain(|run| !run.is_empty());
    }

    /// Removes an entry, and returns the memory of an empty map.
    fn take(&mut self, run: usize, at: usize) -> (K, V) {
        let entry = self.runs[run].remove(at);
        if self.runs[run].is_empty() {
            self.runs.remove(run);
        }
        if self.runs.is_empty() {
            self.runs = Vec::new();
        }
        entry
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Place
    where
        K: Borrow<Q>,
    {
        let run = match self.runs.len() {
            0 | 1 => 0,
            _ => self.runs.partition_point(|run| run[0].0.borrow() <= key).saturating_sub(1),
        };
        let found = |run: &Vec<(K, V)>| run.binary_search_by(|(one, _)| one.borrow().cmp(key));
        Place { run, at: self.runs.get(run).map_or(Err(0), found) }
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let Place { run, at } = self.place(key);
        let at = at.ok()?;
        Some(&self.runs[run][at].1)
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let Place { run, at } = self.place(key);
        let at = at.ok()?;
        Some(&mut self.runs[run][at].1)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).at.is_ok()
    }

    /// Sets the value of a key, and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let Place { mut run, at } = self.place(&key);
        let mut at = match at {
            Ok(at) => return Some(mem::replace(&mut self.runs[run][at].1, value)),
            Err(at) => at,
        };
        if self.runs.is_empty() {
            self.runs.reserve_exact(1);
            self.runs.push(Vec::new());
        }
        if self.runs[run].len() == MOST {
            // What comes in order fills each run before it begins the next.
            let is_last = run + 1 == self.runs.len() && at == MOST;
            let cut = if is_last { MOST } else { MOST / 2 };
            let upper = self.runs[run].split_off(cut);
            self.runs.insert(run + 1, upper);
            if at >= cut {
                (run, at) = (run + 1, at - cut);
            }
        }
        let entries = &mut self.runs[run];
        if entries.is_empty() {
            entries.reserve_exact(1); // most maps have one entry and no more
        }
        entries.insert(at, (key, value));
        None
    }

    /// Returns the value of a key, which is inserted if it is not there.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
        K: Clone,
    {
        if !self.contains_key(&key) {
            self.insert(key.clone(), V::default());
        }
        let Place { run, at: Ok(at) | Err(at) } = self.place(&key);
        &mut self.runs[run][at].1
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let Place { run, at } = self.place(key);
        Some(self.take(run, at.ok()?).1)
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = core::iter::Flatten<alloc::vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.runs.into_iter().flatten()
    }
}

/// A sorted set.
#[derive(Clone, Debug)]
pub struct SortedSet<K>(SortedMap<K, ()>);

impl<K> SortedSet<K> {
    pub const fn new() -> Self {
        Self(SortedMap::new())
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    pub fn first(&self) -> Option<&K> {
        self.0.first()
    }

    pub fn pop_first(&mut self) -> Option<K> {
        self.0.pop_first().map(|(key, ())| key)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.0.retain(|key, ()| keep(key));
    }
}

impl<K: Ord> SortedSet<K> {
    /// Inserts a key, and returns whether it was not there.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    /// Removes a key, and returns whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Moves all keys of the other set here.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(mem::take(other));
    }
}

impl<K> Default for SortedSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord> Extend<K> for SortedSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl<K: Ord> FromIterator<K> for SortedSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::new();
        set.extend(keys);
        set
    }
}

impl<K> IntoIterator for SortedSet<K> {
    type Item = K;
    type IntoIter = core::iter::Map<<SortedMap<K, ()> as IntoIterator>::IntoIter, fn((K, ())) -> K>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(key, ())| key)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// A sequence of insertions and removals that grows to a thousand entries and shrinks again, in no order, in step with
    /// a B-tree.
    #[test]
    fn it_does_what_a_tree_does_whether_it_has_few_entries_or_many() {
        let (mut sorted, mut tree) = (SortedMap::default(), BTreeMap::new());
        for step in 0..12_000_u32 {
            let key = step.wrapping_mul(2_654_435_761) >> 22;
            if step / 3000 % 2 == 0 {
                assert_eq!(sorted.insert(key, step), tree.insert(key, step));
            } else {
                assert_eq!(sorted.remove(&key), tree.remove(&key));
            }
            assert_eq!(sorted.get(&key), tree.get(&key));
            assert_eq!(sorted.get_mut(&key), tree.get_mut(&key));
            assert_eq!(sorted.contains_key(&key), tree.contains_key(&key));
            assert_eq!(sorted.first(), tree.first_key_value().map(|(key, _)| key));
            if step % 50 == 0 {
                assert_eq!((sorted.len(), sorted.is_empty()), (tree.len(), tree.is_empty()));
                assert!(sorted.iter().eq(tree.iter()), "step {step}");
            }
        }
        assert!(tree.is_empty() && sorted.is_empty());
    }

    #[test]
    fn what_comes_in_order_leaves_in_order() {
        let mut sorted: SortedMap<u32, u32> = SortedMap::new();
        (0..1000).for_each(|key| *sorted.or_default(key) += key);
        sorted.iter_mut().for_each(|(_, value)| *value += 1);
        assert!(sorted.values().copied().eq(1..1001));
        sorted.retain(|key, _| key % 3 == 0);
        assert_eq!(sorted.pop_first(), Some((0, 1)));
        assert!(sorted.into_iter().eq((3..1000).step_by(3).map(|key| (key, key + 1))));
    }

    #[test]
    fn a_set_has_each_key_once() {
        let keys = || (0..500_u32).map(|n| n * n % 97);
        let mut set: SortedSet<u32> = keys().collect();
        let mut other: SortedSet<u32> = (0..10).collect();
        set.append(&mut other);
        let tree: BTreeSet<u32> = keys().chain(0..10).collect();
        assert!(other.is_empty() && set.iter().eq(&tree) && set.len() == tree.len());
        set.retain(|key| key % 2 == 1);
        assert!(!set.contains(&2) && !set.remove(&2) && set.remove(&1) && set.insert(1));
        assert_eq!(set.first(), Some(&1));
        assert_eq!(set.pop_first(), Some(1));
        assert!(set.into_iter().eq(tree.into_iter().filter(|key| key % 2 == 1 && *key != 1)));
    }

    #[test]
    fn a_single_entry_takes_no_more_room_than_it_needs_and_none_takes_none() {
        let mut sorted = SortedMap::new();
        sorted.insert(1, 2);
        assert_eq!((sorted.runs.capacity(), sorted.runs[0].capacity()), (1, 1));
        sorted.remove(&1);
        assert_eq!(sorted.runs.capacity(), 0);
    }
}
