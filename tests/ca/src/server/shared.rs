//! State that the listener, the validations and the handle [`TestCa`](crate::TestCa) share.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;

use super::record::{ExchangePhase, ExchangeRecord, ValidationRecord};
use super::resolver::TxtRecords;
use crate::authority::{Ca, CaRequest, CaResponse, Validation};

/// A function that is called for each exchange; see [`ExchangePhase`].
pub(crate) type Hook = Box<dyn Fn(ExchangePhase, &ExchangeRecord) + Send + Sync>;

/// A function that changes responses.
pub(crate) type Edit = Box<dyn Fn(&CaRequest, &mut CaResponse) + Send + Sync>;

/// The most records that are kept. The oldest are dropped first.
const MOST_RECORDS: usize = 100_000;

/// The most validations at the same time.
const MOST_VALIDATIONS: usize = 128;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) txt: TxtRecords,
    pub(crate) hook: Option<Hook>,
    pub(crate) http_port: AtomicU16,
    pub(crate) tls_port: AtomicU16,
    pub(crate) latency_micros: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) validation_slots: Semaphore,
    max_in_flight: AtomicUsize,
    clock_offset: AtomicU64,
    started: Instant,
    ca: Mutex<Ca>,
    log: Mutex<Log>,
}

/// The options that do not change while the server runs.
pub(crate) struct Options {
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) validation_timeout: Duration,
    pub(crate) validation_delay: Duration,
    pub(crate) edit: Option<Edit>,
}

#[derive(Default)]
struct Log {
    processed: u64,
    exchanges: VecDeque<ExchangeRecord>,
    validations: VecDeque<ValidationRecord>,
}

impl Shared {
    pub(crate) fn new(ca: Ca, options: Options, hook: Option<Hook>) -> Self {
        Self {
            options,
            txt: TxtRecords::default(),
            hook,
            http_port: AtomicU16::new(0),
            tls_port: AtomicU16::new(0),
            latency_micros: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            validation_slots: Semaphore::new(MOST_VALIDATIONS),
            max_in_flight: AtomicUsize::new(0),
            clock_offset: AtomicU64::new(0),
            started: Instant::now(),
            ca: Mutex::new(ca),
            log: Mutex::default(),
        }
    }

    /// Locks the core. A panic of another thread does not make it unusable.
    pub(crate) fn ca(&self) -> MutexGuard<'_, Ca> {
        self.ca.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Processes a request, and returns the response and the validations that it requests.
    pub(crate) fn handle(&self, request: &CaRequest) -> (CaResponse, Vec<Validation>) {
        let now = self.now();
        let mut ca = self.ca();
        let mut response = ca.handle(request, now);
        let validations = ca.take_validations();
        drop(ca);
        if let Some(edit) = &self.options.edit {
            edit(request, &mut response);
        }
        (response, validations)
    }

    /// Returns the CA's time in Unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        system_millis().saturating_add(self.clock_offset.load(Ordering::Relaxed))
    }

    pub(crate) fn advance_clock(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.clock_offset.fetch_add(millis, Ordering::Relaxed);
    }

    /// Returns the milliseconds since the start.
    pub(crate) fn elapsed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_micros.load(Ordering::Relaxed))
    }

    pub(crate) fn enter(&self) {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.max_in_flight.load(Ordering::Relaxed)
    }

    /// Numbers and keeps the record of an exchange, and calls the hook with `Processed`.
    pub(crate) fn processed(&self, record: &mut ExchangeRecord) {
        let mut log = self.log();
        log.processed += 1;
        record.number = log.processed;
        if log.exchanges.len() == MOST_RECORDS {
            log.exchanges.pop_front();
        }
        log.exchanges.push_back(record.clone());
        drop(log);
        self.tell(ExchangePhase::Processed, record);
    }

    pub(crate) fn tell(&self, phase: ExchangePhase, record: &ExchangeRecord) {
        if let Some(hook) = &self.hook {
            hook(phase, record);
        }
    }

    pub(crate) fn record_validation(&self, record: ValidationRecord) {
        let mut log = self.log();
        if log.validations.len() == MOST_RECORDS {
            log.validations.pop_front();
        }
        log.validations.push_back(record);
    }

    pub(crate) fn exchanges(&self) -> Vec<ExchangeRecord> {
        self.log().exchanges.iter().cloned().collect()
    }

    pub(crate) fn validations(&self) -> Vec<ValidationRecord> {
        self.log().validations.iter().cloned().collect()
    }

    pub(crate) fn clear_log(&self) {
        let mut log = self.log();
        log.exchanges.clear();
        log.validations.clear();
        drop(log);
        self.max_in_flight.store(self.in_flight.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the system's time in Unix milliseconds.
pub(crate) fn system_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
