//! The processor time of a thread, which other work of the machine does not add to as it does to a clock's.

use std::fs;
use std::time::Duration;

/// Returns the processor time that this thread has taken, as Linux counts it.
///
/// # Panics
/// On other systems.
pub fn of_this_thread() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds come first"))
}
