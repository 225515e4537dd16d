//! The rules of [`Storage`], as a test that any implementation can run.
//!
//! ```
//! use acme_adapter::storage::{MemoryStorage, conformance};
//!
//! conformance::check(&MemoryStorage::new())?;
//! # Ok::<(), conformance::Violation>(())
//! ```
//!
//! [`check`] takes a second or two and needs no empty storage: its keys begin with `conformance-`
//! and are removed again. What it cannot show is durability, and that the end of a process releases
//! its locks.

use core::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Key, LockGuard, Storage, StorageError, Value};

/// A rule that the storage does not keep.
#[derive(Debug, thiserror::Error)]
#[error("{rule}: {details}")]
pub struct Violation {
    rule: Rule,
    details: String,
    source: Option<StorageError>,
}

impl Violation {
    /// Returns the rule.
    pub const fn rule(&self) -> Rule {
        self.rule
    }
}

/// A rule of [`Storage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// A key without a value is no error.
    Missing,
    /// A value comes back as it was put.
    Octets,
    /// A second value replaces the first.
    Replace,
    /// Different keys have values of their own.
    Apart,
    /// A deleted key has no value, and others keep theirs.
    Delete,
    /// The list is complete, in order, and has nothing else.
    List,
    /// Who reads while someone writes gets the old value or the new one.
    Atomic,
    /// Threads that write at once do not disturb each other.
    Concurrent,
    /// Of two that take a lock, one gets it.
    LockExcludes,
    /// Locks of different names do not disturb each other.
    LockApart,
    /// A dropped guard releases its lock.
    LockReleases,
    /// A lock is neither a value nor in a list.
    LockIsNoValue,
    /// Waiting for a lock ends at its limit, or when it is released.
    LockWaits,
    /// What one handle writes and locks, the other one sees.
    Shared,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "a key without a value is no error",
            Self::Octets => "a value comes back as it was put",
            Self::Replace => "a second value replaces the first",
            Self::Apart => "different keys have values of their own",
            Self::Delete => "a deleted key has no value, and others keep theirs",
            Self::List => "a list is complete, in order, and has nothing else",
            Self::Atomic => "a reader gets the old value or the new one",
            Self::Concurrent => "threads that write at once do not disturb each other",
            Self::LockExcludes => "of two that take a lock, one gets it",
            Self::LockApart => "locks of different names do not disturb each other",
            Self::LockReleases => "a dropped guard releases its lock",
            Self::LockIsNoValue => "a lock is neither a value nor in a list",
            Self::LockWaits => "waiting for a lock ends at its limit, or when it is released",
            Self::Shared => "what one handle writes and locks, the other one sees",
        })
    }
}

/// Checks the rules of [`Storage`] that one handle can show.
///
/// # Errors
///
/// [`Violation`] names the first rule that does not hold, and what was found instead.
pub fn check(storage: &dyn Storage) -> Result<(), Violation> {
    let run = Run::new(storage);
    let checked = [
        Run::missing,
        Run::octets,
        Run::replace,
        Run::apart,
        Run::delete,
        Run::list,
        Run::atomic,
        Run::concurrent,
        Run::locks,
        Run::lock_is_no_value,
        Run::lock_waits,
    ]
    .iter()
    .try_for_each(|rule| rule(&run));
    run.tidy();
    checked
}

/// Checks that two handles of one storage see each other's values and locks.
///
/// # Errors
///
/// [`Rule::Shared`], with what was found.
pub fn check_shared(one: &dyn Storage, other: &dyn Storage) -> Result<(), Violation> {
    let run = Run::new(one);
    let checked = run.shared(other);
    run.tidy();
    checked
}

struct Run<'a> {
    storage: &'a dyn Storage,
    root: Key,
}

impl<'a> Run<'a> {
    fn new(storage: &'a dyn Storage) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = Key::new(&format!("conformance-{}-{number}", std::process::id()));
        Self { storage, root }
    }

    fn tidy(&self) {
        for key in self.storage.list(&self.root).unwrap_or_default() {
            let _ = self.storage.delete(&key);
        }
    }

    fn missing(&self) -> Result<(), Violation> {
        let at = At(Rule::Missing);
        let key = self.root.join("missing");
        let found = at.call("get of a missing key", self.storage.get(&key))?;
        at.demand(found.is_none(), || "get of a missing key returned a value".into())?;
        at.call("delete of a missing key", self.storage.delete(&key))?;
        let below = at.call("list of a missing prefix", self.storage.list(&key.join("x")))?;
        at.demand(below.is_empty(), || format!("a missing prefix has {below:?} below it"))
    }

    fn octets(&self) -> Result<(), Violation> {
        let at = At(Rule::Octets);
        let all: Vec<u8> = (0..=255).collect();
        let long: Vec<u8> = all.iter().copied().cycle().take(1 << 20).collect();
        for (n, value) in [&b"line\r\nline\n\n"[..], &[], &all, &long].into_iter().enumerate() {
            let key = self.root.join("octets").join(&n.to_string());
            self.put(at, &key, value)?;
            let same = self.is(&key, value)?;
            at.demand(same, || format!("{} octets came back as others", value.len()))?;
        }
        Ok(())
    }

    fn replace(&self) -> Result<(), Violation> {
        let at = At(Rule::Replace);
        let key = self.root.join("replace");
        for value in [&b"long"[..], b"s", b"", b"longer"] {
            self.put(at, &key, value)?;
            let same = self.is(&key, value)?;
            at.demand(same, || "the former value is there, or a part of it".into())?;
        }
        Ok(())
    }

    fn apart(&self) -> Result<(), Violation> {
        let at = At(Rule::Apart);
        let (long, longer) = ("n".repeat(300), "n".repeat(301));
        let names = [
            "a",
            "A",
            "a.b",
            "a/b",
            "a:b",
            "a_b",
            "a-b",
            ".a",
            "..",
            "*.a",
            "_wildcard_.a",
            "",
            " a",
            "con",
            "é",
            "a%2fb",
            long.as_str(),
            longer.as_str(),
        ];
        let keys: Vec<Key> = names.iter().map(|name| self.root.join("apart").join(name)).collect();
        for (key, name) in keys.iter().zip(names) {
            self.put(at, key, name.as_bytes())?;
        }
        for (key, name) in keys.iter().zip(names) {
            let same = self.is(key, name.as_bytes())?;
            at.demand(same, || format!("{key} has lost its value to another key"))?;
        }
        Ok(())
    }

    fn delete(&self) -> Result<(), Violation> {
        let at = At(Rule::Delete);
        let folder = self.root.join("delete");
        let (one, other) = (folder.join("one"), folder.join("one.json"));
        self.put(at, &one, b"1")?;
        self.put(at, &other, b"2")?;
        at.call("delete", self.storage.delete(&one))?;
        let gone = self.get(at, &one)?.is_none();
        at.demand(gone, || "the value is still there".into())?;
        let kept = self.is(&other, b"2")?;
        at.demand(kept, || format!("with {one}, {other} was removed"))?;
        at.call("a second delete", self.storage.delete(&one))?;
        self.put(at, &one, b"3")?;
        let back = self.is(&one, b"3")?;
        at.demand(back, || "a key cannot be put again after it was deleted".into())
    }

    fn list(&self) -> Result<(), Violation> {
        let at = At(Rule::List);
        let folder = self.root.join("list");
        let inside = ["b", "a", "*.example.org", "c"].map(|name| folder.join(name));
        let mut expected: Vec<Key> = inside.to_vec();
        expected.push(folder.join("deep").join("deeper").join("deepest"));
        let outside = [self.root.join("list-beside"), self.root.join("lis").join("a")];
        for key in expected.iter().chain(&outside) {
            self.put(at, key, b"x")?;
        }
        let removed = folder.join("removed");
        self.put(at, &removed, b"x")?;
        at.call("delete", self.storage.delete(&removed))?;
        expected.sort();
        let found = at.call("list", self.storage.list(&folder))?;
        at.demand(found == expected, || format!("{found:?} instead of {expected:?}"))?;
        let found = at.call("list", self.storage.list(&folder.join("deep")))?;
        at.demand(found.len() == 1, || format!("{found:?} instead of one key"))
    }

    fn atomic(&self) -> Result<(), Violation> {
        let at = At(Rule::Atomic);
        let key = self.root.join("atomic");
        let values = [vec![b'a'; 200_000], vec![b'b'; 100_000]];
        self.put(at, &key, &values[0])?;
        thread::scope(|scope| {
            let writer =
                scope.spawn(|| (0..ROUNDS).try_for_each(|n| self.put(at, &key, &values[n % 2])));
            let mut read = Ok(());
            while read.is_ok() && !writer.is_finished() {
                read = self.get(at, &key).and_then(|found| {
                    let whole = |found: Value| values.iter().any(|value| *value == **found);
                    at.demand(found.is_some_and(whole), || "a reader got neither".into())
                });
            }
            let written = writer.join();
            at.demand(written.is_ok(), || "the writer panicked".into())?;
            read.and(written.unwrap_or(Ok(())))
        })
    }

    fn concurrent(&self) -> Result<(), Violation> {
        let at = At(Rule::Concurrent);
        let keys: Vec<Key> =
            (0..8).map(|n| self.root.join("threads").join(&format!("{n}")).join("v")).collect();
        thread::scope(|scope| {
            let threads: Vec<_> = keys
                .iter()
                .map(|key| {
                    scope.spawn(move || {
                        (0..8_u8).try_for_each(|n| {
                            let value = [key.as_str().as_bytes(), &[n]].concat();
                            self.put(at, key, &value)?;
                            let same = self.is(key, &value)?;
                            at.demand(same, || format!("{key} has another thread's value"))
                        })
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => at.demand(false, || "a thread panicked".into()),
            })
        })?;
        let listed = at.call("list", self.storage.list(&self.root.join("threads")))?;
        at.demand(listed == keys, || format!("only {listed:?} are there"))
    }

    fn locks(&self) -> Result<(), Violation> {
        let (one, other) = (self.root.join("lock"), self.root.join("lock").join("below"));
        let at = At(Rule::LockExcludes);
        let held = self.locked(at, &one)?;
        let second = at.call("try_lock", self.storage.try_lock(&one))?;
        at.demand(second.is_none(), || "a held lock was given again".into())?;
        let elsewhere = thread::scope(|scope| {
            scope.spawn(|| self.storage.try_lock(&one).map(|lock| lock.is_none())).join()
        });
        at.demand(matches!(elsewhere, Ok(Ok(true))), || "another thread got a held lock".into())?;
        let apart = At(Rule::LockApart);
        let beside = self.locked(apart, &other)?;
        let another = self.locked(apart, &self.root.join("Lock"))?;
        drop((beside, another));
        let second = at.call("try_lock", self.storage.try_lock(&one))?;
        at.demand(second.is_none(), || "the end of another lock released it".into())?;
        drop(held);
        let again = self.locked(At(Rule::LockReleases), &one)?;
        drop(again);
        Ok(())
    }

    fn lock_is_no_value(&self) -> Result<(), Violation> {
        let at = At(Rule::LockIsNoValue);
        let folder = self.root.join("locked");
        let key = folder.join("key");
        let held = self.locked(at, &key)?;
        let found = self.get(at, &key)?;
        at.demand(found.is_none(), || "a lock made a value".into())?;
        let listed = at.call("list", self.storage.list(&self.root.join("locked")))?;
        at.demand(listed.is_empty(), || format!("a lock made {listed:?}"))?;
        self.put(at, &key, b"x")?;
        let same = self.is(&key, b"x")?;
        at.demand(same, || "a locked key takes no value".into())?;
        let listed = at.call("list", self.storage.list(&folder))?;
        at.demand(listed == [key], || format!("with a lock held, the list is {listed:?}"))?;
        drop(held);
        Ok(())
    }

    fn lock_waits(&self) -> Result<(), Violation> {
        let at = At(Rule::LockWaits);
        let key = self.root.join("wait");
        let held = self.locked(at, &key)?;
        let start = Instant::now();
        let refused = self.storage.lock(&key, SHORT);
        let took = start.elapsed();
        let locked = matches!(refused, Err(StorageError::Locked { .. }));
        at.demand(locked, || "a held lock is not refused with StorageError::Locked".into())?;
        at.demand(took >= SHORT, || format!("it was refused after {took:?} instead of {SHORT:?}"))?;
        let waited = thread::scope(|scope| {
            let waiter = scope.spawn(|| self.storage.lock(&key, LONG).map(drop));
            thread::sleep(SHORT);
            drop(held);
            waiter.join()
        });
        at.demand(matches!(waited, Ok(Ok(()))), || "a waiter did not get a released lock".into())
    }

    fn shared(&self, other: &dyn Storage) -> Result<(), Violation> {
        let at = At(Rule::Shared);
        let key = self.root.join("shared");
        for value in [b"1", b"2"] {
            self.put(at, &key, value)?;
            let found = at.call("get", other.get(&key))?;
            let same = found.is_some_and(|found| found.as_slice() == value);
            at.demand(same, || "the other handle does not have the value".into())?;
        }
        let held = self.locked(at, &key)?;
        let second = at.call("try_lock", other.try_lock(&key))?;
        at.demand(second.is_none(), || "both handles have the lock".into())?;
        drop(held);
        let second = at.call("try_lock", other.try_lock(&key))?;
        at.demand(second.is_some(), || "a lock that was released stays".into())?;
        at.call("delete", other.delete(&key))?;
        let found = self.get(at, &key)?;
        at.demand(found.is_none(), || "a deleted value is still there".into())
    }

    fn put(&self, at: At, key: &Key, value: &[u8]) -> Result<(), Violation> {
        at.call("put", self.storage.put(key, value))
    }

    fn get(&self, at: At, key: &Key) -> Result<Option<Value>, Violation> {
        at.call("get", self.storage.get(key))
    }

    fn is(&self, key: &Key, value: &[u8]) -> Result<bool, Violation> {
        Ok(self.get(At(Rule::Octets), key)?.is_some_and(|found| found.as_slice() == value))
    }

    fn locked(&self, at: At, key: &Key) -> Result<LockGuard, Violation> {
        let lock = at.call("try_lock", self.storage.try_lock(key))?;
        lock.ok_or_else(|| at.violation(format!("the lock {key} is free and was not given"), None))
    }
}

/// The rule that is checked.
#[derive(Clone, Copy)]
struct At(Rule);

impl At {
    fn demand(self, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds { Ok(()) } else { Err(self.violation(otherwise(), None)) }
    }

    fn call<T>(self, what: &str, result: Result<T, StorageError>) -> Result<T, Violation> {
        result.map_err(|error| self.violation(format!("{what} failed"), Some(error)))
    }

    fn violation(self, details: String, source: Option<StorageError>) -> Violation {
        Violation { rule: self.0, details, source }
    }
}

const ROUNDS: usize = 60;
const SHORT: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_secs(30);
