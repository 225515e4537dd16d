//! A sorted map for what is usually one entry, and may be ten thousand.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::mem;

/// With more entries than this it is a B-tree.
const FEW: usize = 8;

/// A map that takes no more room than its entries while it has few of them: a node of a B-tree has room for eleven, so that a
/// flow of one name would consist of empty places.
#[derive(Debug)]
pub(crate) enum SmallMap<K, V> {
    /// In order of the keys.
    Few(Vec<(K, V)>),
    Many(BTreeMap<K, V>),
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::Few(few) => position(few, key).ok().map(|at| &few[at].1),
            Self::Many(many) => many.get(key),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self {
            Self::Few(few) => position(few, key).ok().map(|at| &mut few[at].1),
            Self::Many(many) => many.get_mut(key),
        }
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key, and returns the one before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Self::Few(few) = self {
            let at = match position(few, &key) {
                Ok(at) => return Some(mem::replace(&mut few[at].1, value)),
                Err(at) => at,
            };
            if few.len() < FEW {
                few.reserve_exact(1);
                few.insert(at, (key, value));
                return None;
            }
            *self = Self::Many(mem::take(few).into_iter().collect());
        }
        match self {
            Self::Few(_) => None, // it was made a tree above
            Self::Many(many) => many.insert(key, value),
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        match self {
            Self::Few(few) => {
                let (_, value) = few.remove(position(few, key).ok()?);
                if few.is_empty() {
                    *few = Vec::new();
                }
                Some(value)
            }
            Self::Many(many) => many.remove(key),
        }
    }

    /// Returns the entries, in order of the keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match self {
            Self::Few(few) => (few.as_slice(), None),
            Self::Many(many) => (&[][..], Some(many)),
        };
        few.iter().map(|(key, value)| (key, value)).chain(many.into_iter().flatten())
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

fn position<K: Ord, V>(few: &[(K, V)], key: &K) -> Result<usize, usize> {
    few.binary_search_by(|(one, _)| one.cmp(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sequence of insertions and removals of these keys, in step with a B-tree.
    #[test]
    fn it_does_what_a_tree_does_whether_it_has_few_entries_or_many() {
        let (mut small, mut tree) = (SmallMap::default(), BTreeMap::new());
        for step in 0..4000_u32 {
            // A sequence that grows to 16 entries and shrinks again, in no order.
            let key = step.wrapping_mul(2_654_435_761) >> 28;
            if step / 40 % 2 == 0 {
                assert_eq!(small.insert(key, step), tree.insert(key, step));
            } else {
                assert_eq!(small.remove(&key), tree.remove(&key));
            }
            assert!(small.iter().eq(tree.iter()), "step {step}");
            assert_eq!(small.get(&key), tree.get(&key));
            assert_eq!(small.get_mut(&key), tree.get_mut(&key));
            assert_eq!(small.contains_key(&key), tree.contains_key(&key));
        }
        assert!(small.keys().eq(tree.keys()) && small.values().eq(tree.values()));
    }

    #[test]
    fn an_entry_takes_no_more_room_than_it_needs_and_none_takes_none() {
        let mut small = SmallMap::default();
        small.insert(1, 2);
        assert!(matches!(&small, SmallMap::Few(few) if few.capacity() == 1));
        small.remove(&1);
        assert!(matches!(&small, SmallMap::Few(few) if few.capacity() == 0));
    }
}
