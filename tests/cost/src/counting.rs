//! Counts the allocations of each thread: a measure of work that is the same in every run.
//!
//! A program that counts has a [`Counting`] as its global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with counts.
pub struct Counting;

/// What was counted so far in this thread; what another thread allocated or frees is not counted right.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// How many allocations there were.
    pub allocations: u64,
    /// The octets of them all.
    pub octets: u64,
    /// The octets in use now.
    pub in_use: i64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { allocations: 0, octets: 0, in_use: 0 }) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

/// Returns the counts of this thread.
pub fn counts() -> Counts {
    COUNTS.get()
}

/// Runs `work`, and returns the most octets that were in use at once, beyond those in use before.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, i64) {
    let before = counts().in_use;
    PEAK.set(before);
    let result = work();
    (result, PEAK.get() - before)
}

fn add(octets: usize) {
    let before = COUNTS.get();
    let in_use = before.in_use + octets as i64;
    let (allocations, octets) = (before.allocations + 1, before.octets + octets as u64);
    COUNTS.set(Counts { allocations, octets, in_use });
    PEAK.set(PEAK.get().max(in_use));
}

// SAFETY: every call goes to the system's allocator as it is.
#[allow(unsafe_code)] // a global allocator is an unsafe trait
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's own obligations.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let before = COUNTS.get();
        COUNTS.set(Counts { in_use: before.in_use - layout.size() as i64, ..before });
        // SAFETY: the caller's own obligations.
        unsafe { System.dealloc(pointer, layout) }
    }
}
