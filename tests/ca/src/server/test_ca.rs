//! The handle of a running CA.

use core::fmt;
use core::net::SocketAddr;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tokio::sync::oneshot;

use super::builder::TestCaBuilder;
use super::record::{ExchangeRecord, ValidationRecord};
use super::shared::Shared;
use crate::authority::{CaConfig, Faults, Quirks, Revocation};

/// A running test CA. Dropping it stops it.
///
/// It runs on a thread of its own, so its owner needs no runtime, and blocking in a test does not
/// block the CA.
pub struct TestCa {
    shared: Arc<Shared>,
    address: SocketAddr,
    directory_url: String,
    root_pem: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestCa {
    /// Starts a CA on a free port of loopback, with default options.
    ///
    /// # Panics
    ///
    /// If the CA cannot start, for example because no port is free; [`TestCaBuilder::start`]
    /// returns the error instead.
    #[must_use]
    pub fn start() -> Self {
        match Self::builder().start() {
            Ok(ca) => ca,
            Err(error) => panic!("the test CA cannot start: {error}"),
        }
    }

    /// Returns a builder with all options.
    pub fn builder() -> TestCaBuilder {
        TestCaBuilder::new()
    }

    pub(crate) fn new(
        shared: Arc<Shared>,
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        thread: JoinHandle<()>,
    ) -> Self {
        let ca = shared.ca();
        let (directory_url, root_pem) = (ca.directory_url(), ca.root_pem());
        drop(ca);
        Self { shared, address, directory_url, root_pem, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns the URL of the directory.
    #[must_use]
    pub fn directory_url(&self) -> &str {
        &self.directory_url
    }

    /// Returns the root certificate of both the HTTPS endpoint and the issued certificates, as PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Returns the root certificate of an alternate chain, as PEM; 0 is the default chain.
    #[must_use]
    pub fn alternate_root_pem(&self, chain: usize) -> Option<String> {
        self.shared.ca().alternate_root_pem(chain)
    }

    /// Returns the address the CA listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the port at which the CA validates http-01, in place of 80.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.shared.http_port.load(Ordering::Relaxed)
    }

    /// Returns the port at which the CA validates tls-alpn-01, in place of 443.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.shared.tls_port.load(Ordering::Relaxed)
    }

    /// Changes the port at which the CA validates http-01.
    pub fn set_http_port(&self, port: u16) {
        self.shared.http_port.store(port, Ordering::Relaxed);
    }

    /// Changes the port at which the CA validates tls-alpn-01.
    pub fn set_tls_port(&self, port: u16) {
        self.shared.tls_port.store(port, Ordering::Relaxed);
    }

    /// Publishes one TXT value in the CA's own resolver. Returns false if there is no room.
    ///
    /// A dot at the end of the name makes no difference, nor does the case of its letters.
    pub fn set_txt(&self, name: &str, value: &str) -> bool {
        self.shared.txt.set(name, value)
    }

    /// Withdraws one TXT value. Returns false if it was not published.
    pub fn clear_txt(&self, name: &str, value: &str) -> bool {
        self.shared.txt.clear(name, value)
    }

    /// Returns all published TXT values by name, in lower case without a dot at the end.
    #[must_use]
    pub fn published_txt(&self) -> BTreeMap<String, Vec<String>> {
        self.shared.txt.all()
    }

    /// Returns the exchanges so far, in the order in which they were processed; management requests
    /// are not among them.
    #[must_use]
    pub fn requests(&self) -> Vec<ExchangeRecord> {
        self.shared.exchanges()
    }

    /// Returns the validations so far, in the order in which they ended.
    #[must_use]
    pub fn validations(&self) -> Vec<ValidationRecord> {
        self.shared.validations()
    }

    /// Forgets the exchanges and validations so far, and the greatest number in flight.
    pub fn clear_log(&self) {
        self.shared.clear_log();
    }

    /// Returns how many TLS connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns the greatest number of requests that were in flight at once.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.shared.max_in_flight()
    }

    /// Returns the number of certificates issued.
    #[must_use]
    pub fn certificates_issued(&self) -> usize {
        self.shared.ca().certificates_issued()
    }

    /// Returns the number of certificates revoked.
    #[must_use]
    pub fn certificates_revoked(&self) -> usize {
        self.shared.ca().certificates_revoked()
    }

    /// Returns the revocations of certificates, by the age of the certificate.
    #[must_use]
    pub fn revocations(&self) -> Vec<Revocation> {
        self.shared.ca().revocations()
    }

    /// Returns all account objects (RFC 8555 Section 7.1.2), oldest first.
    #[must_use]
    pub fn account_objects(&self) -> Vec<Value> {
        self.shared.ca().account_objects()
    }

    /// Returns all order objects (RFC 8555 Section 7.1.3), oldest first.
    #[must_use]
    pub fn order_objects(&self) -> Vec<Value> {
        self.shared.ca().order_objects()
    }

    /// Returns all authorization objects (RFC 8555 Section 7.1.4), oldest first.
    #[must_use]
    pub fn authorization_objects(&self) -> Vec<Value> {
        self.shared.ca().authorization_objects()
    }

    /// Returns the identifiers by which renewal information is asked for (RFC 9773 Section 4.1),
    /// oldest certificate first.
    #[must_use]
    pub fn certificate_ids(&self) -> Vec<String> {
        self.shared.ca().certificate_ids()
    }

    /// Replaces the behaviours of real servers that are switched on.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.shared.ca().set_quirks(quirks);
    }

    /// Replaces the plan of faults.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.ca().set_faults(faults);
    }

    /// Changes the latency of each exchange from now on.
    pub fn set_latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.shared.latency_micros.store(micros, Ordering::Relaxed);
    }

    /// Changes anything in the configuration between two requests.
    pub fn configure(&self, change: impl FnOnce(&mut CaConfig)) {
        change(self.shared.ca().config_mut());
    }

    /// Sets the renewal window of a certificate; see
    /// [`Ca::set_renewal_window`](crate::Ca::set_renewal_window).
    ///
    /// Times are Unix milliseconds; `id` is the certID of RFC 9773 Section 4.1.
    pub fn set_renewal_window(
        &self,
        id: &str,
        start: u64,
        end: u64,
        explanation: Option<&str>,
    ) -> bool {
        self.shared.ca().set_renewal_window(id, start, end, explanation)
    }

    /// Forgets every account, as a CA does that has lost its database.
    pub fn forget_accounts(&self) {
        self.shared.ca().forget_accounts();
    }

    /// Moves the CA's clock forward, which makes objects expire.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.advance_clock(by);
    }

    /// Stops the CA. Exchanges in flight get a second to end, then all connections are closed.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A hook runs on the CA's own thread and may drop the last handle there. A thread
            // cannot join itself.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for TestCa {
    fn drop(&mut self) {
        self.halt();
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa")
            .field("directory_url", &self.directory_url)
            .field("http_port", &self.http_port())
            .field("tls_port", &self.tls_port())
            .finish_non_exhaustive()
    }
}
