//! Threads that are kept for the next job.

use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};

use acme_adapter::locked;

/// Runs jobs, each on a thread that runs nothing else meanwhile.
///
/// There are about as many threads as there were jobs at the same time. A thread without a job waits for one for
/// [`IDLE_LIMIT`], or until this is dropped; threads take jobs in turn, so that few end while jobs come often. The drop
/// waits for no job, so that one that never returns is left behind.
pub(crate) struct Workers<'a>(Arc<Office<'a>>);

/// Does something, or says why no thread could do it. It must not panic.
type Job<'a> = Box<dyn FnOnce(io::Result<()>) + Send + 'a>;
/// Starts a thread that runs [`Office::work`].
type Start<'a> = Box<dyn Fn(Arc<Office<'a>>) -> io::Result<()> + Send + Sync + 'a>;

struct Office<'a> {
    state: Mutex<State<'a>>,
    has_changed: Condvar,
    start: Start<'a>,
    idle_limit: Duration,
}

#[derive(Default)]
struct State<'a> {
    jobs: VecDeque<Job<'a>>,
    /// How many threads wait for a job.
    idle: usize,
    /// Whether a thread was started or woken that has not looked for a job yet.
    ///
    /// There is one at a time: it takes a job, and has the next thread come if there are more. So a thread that is done
    /// takes a job before a new one is up, and many short jobs need few threads.
    is_coming: bool,
    is_closed: bool,
}

impl Workers<'static> {
    /// Creates workers whose jobs borrow nothing.
    pub(crate) fn detached() -> Self {
        Self::new(IDLE_LIMIT, |office| {
            Builder::new().name("acme".into()).spawn(move || office.work()).map(drop)
        })
    }
}

impl<'scope> Workers<'scope> {
    /// Creates workers whose jobs borrow from outside the scope, which ends when the jobs have.
    pub(crate) fn scoped<'env>(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self::new(IDLE_LIMIT, move |office| {
            let builder = Builder::new().name("acme".into());
            builder.spawn_scoped(scope, move || office.work()).map(drop)
        })
    }
}

impl<'a> Workers<'a> {
    fn new(
        idle_limit: Duration,
        start: impl Fn(Arc<Office<'a>>) -> io::Result<()> + Send + Sync + 'a,
    ) -> Self {
        let (state, has_changed, start) = (Mutex::default(), Condvar::new(), Box::new(start));
        Self(Arc::new(Office { state, has_changed, start, idle_limit }))
    }

    /// Has a thread run a job, or tells the job that there is no thread. The job must not panic.
    pub(crate) fn run(&self, job: impl FnOnce(io::Result<()>) + Send + 'a) {
        let mut state = locked(&self.0.state);
        state.jobs.push_back(Box::new(job));
        self.0.call(state);
    }
}

impl Drop for Workers<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).is_closed = true;
        self.0.has_changed.notify_all();
    }
}

impl<'a> Office<'a> {
    /// Has a thread come if there is a job, unless one is coming.
    fn call<'b>(self: &'b Arc<Self>, mut state: MutexGuard<'b, State<'a>>) {
        while !state.is_coming && !state.jobs.is_empty() {
            state.is_coming = true;
            let is_there = state.idle > 0;
            drop(state);
            if is_there {
                return self.has_changed.notify_one();
            }
            let Err(error) = (self.start)(Arc::clone(self)) else { return };
            state = locked(&self.state);
            state.is_coming = false;
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job(Err(error));
                state = locked(&self.state);
            }
        }
    }

    /// Runs jobs until none comes for a time.
    fn work(self: Arc<Self>) {
        let mut state = locked(&self.state);
        let mut is_late = false;
        // Whoever comes looks for a job, also one whose time is over: it may be the one that was woken.
        state.is_coming = false;
        loop {
            if let Some(job) = state.jobs.pop_front() {
                self.call(state);
                job(Ok(()));
                (state, is_late) = (locked(&self.state), false);
            } else if is_late || state.is_closed {
                return;
            } else {
                state.idle += 1;
                let waited = self.has_changed.wait_timeout(state, self.idle_limit);
                let (guard, time) = waited.unwrap_or_else(PoisonError::into_inner);
                (state, is_late) = (guard, time.timed_out());
                state.idle -= 1;
                state.is_coming = false;
            }
        }
    }
}

/// How long a thread waits for its next job: longer than polls of an order usually lie apart.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::{Barrier, mpsc};
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(120);

    fn with_limit(idle_limit: Duration) -> Workers<'static> {
        Workers::new(idle_limit, |office| Builder::new().spawn(move || office.work()).map(drop))
    }

    #[test]
    fn jobs_that_wait_for_each_other_all_run() {
        for count in [1, 2, 50] {
            let workers = Workers::detached();
            let (send, receive) = mpsc::channel();
            let all = Arc::new(Barrier::new(count));
            for _ in 0..count {
                let (all, send) = (Arc::clone(&all), send.clone());
                workers.run(move |thread| {
                    all.wait();
                    send.send(thread.is_ok()).expect("it is received");
                });
            }
            for _ in 0..count {
                assert_eq!(receive.recv_timeout(LONG), Ok(true));
            }
        }
    }

    #[test]
    fn a_thread_is_kept_for_the_next_job() {
        let workers = with_limit(LONG);
        let mut threads = HashSet::new();
        for _ in 0..100 {
            let (send, receive) = mpsc::channel();
            workers.run(move |_| send.send(thread::current().id()).expect("it is received"));
            threads.insert(receive.recv_timeout(LONG).expect("the job runs"));
            while locked(&workers.0.state).idle == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(threads.len(), 1);
    }

    #[test]
    fn a_job_runs_though_another_never_returns() {
        let workers = Workers::detached();
        let (_end, hang) = mpsc::channel::<()>();
        workers.run(move |_| assert!(hang.recv().is_err()));
        let (send, receive) = mpsc::channel();
        for n in 0..10 {
            let send = send.clone();
            workers.run(move |_| send.send(n).expect("it is received"));
            assert_eq!(receive.recv_timeout(LONG), Ok(n));
        }
        // The drop returns though the first job still runs.
        drop(workers);
    }

    #[test]
    fn the_drop_ends_idle_threads_after_what_was_given_to_them() {
        let count = Mutex::new(0);
        // The scope waits for every thread.
        thread::scope(|scope| {
            let workers = Workers::new(Duration::MAX, |office| {
                Builder::new().spawn_scoped(scope, move || office.work()).map(drop)
            });
            for _ in 0..100 {
                workers.run(|_| *locked(&count) += 1);
            }
        });
        assert_eq!(*locked(&count), 100);
    }

    #[test]
    fn a_thread_without_a_job_ends() {
        let workers = with_limit(Duration::from_millis(1));
        let (send, receive) = mpsc::channel::<()>();
        workers.run(move |_| drop(send));
        receive.recv_timeout(LONG).expect_err("nothing is sent");
        while Arc::strong_count(&workers.0) > 1 {
            thread::yield_now();
        }
        // And another one is started.
        let (send, receive) = mpsc::channel();
        workers.run(move |thread| send.send(thread.is_ok()).expect("it is received"));
        assert_eq!(receive.recv_timeout(LONG), Ok(true));
    }

    #[test]
    fn each_job_learns_that_there_is_no_thread() {
        let workers = Workers::new(LONG, |_| Err(io::ErrorKind::OutOfMemory.into()));
        let (send, receive) = mpsc::channel();
        for _ in 0..3 {
            let send = send.clone();
            workers.run(move |thread| send.send(thread.is_err()).expect("it is received"));
        }
        assert_eq!(receive.try_iter().collect::<Vec<_>>(), [true; 3]);
    }
}
