//! Which threads requests, signatures and calls of solvers run on.

use core::time::Duration;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use crate::both::on_blocking::adapter::transport;
use crate::both::on_blocking::ca::{builder, certificate_key};
use crate::both::on_blocking::issue::http01;
use acme_blocking::{
    BoxError, Challenge, ChallengeKind, ChallengeResponse, Client, Error, Http01Listener, Policy,
    ProviderKey, Roots, Signer, Solver, Transport, UreqTransport,
};
use acme_proto::error::Error as Acme;
use acme_proto::flow::{Lost, SignFailed, SignRequest, Transmit};
use acme_proto::http::Response;
use acme_proto::jose::{Jwk, Signature};
use acme_proto::policy::Rates;
use acme_testca::TestCa;

/// Notes on which threads requests are sent.
struct OnThreads {
    transport: UreqTransport,
    threads: Arc<Mutex<Vec<ThreadId>>>,
}

impl Transport for OnThreads {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        self.threads.lock().expect("no panic").push(thread::current().id());
        self.transport.exchange(transmit)
    }

    fn product(&self) -> &str {
        "on-threads/0"
    }
}

#[test]
fn the_requests_for_one_name_start_no_threads() {
    let ca = TestCa::start();
    let transport = transport(ca.root_pem());
    let threads: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
    let transport = OnThreads { transport, threads: Arc::clone(&threads) };
    let client = builder(&ca).transport(transport).connect().expect("a client");
    client.register().run().expect("an account");
    let solver = http01(&ca);
    let issued = client.issue(["example.test"]).key(&certificate_key()).solver(&solver).run();
    issued.expect("a certificate");
    let threads = threads.lock().expect("no panic");
    // Requests that go out while the solver works are on threads: on a loaded machine that can be a few.
    let own = threads.iter().filter(|id| **id == thread::current().id()).count();
    assert!(own * 2 > threads.len(), "{own} of {}", threads.len());
}

/// Notes on which threads it is called.
struct SolverOnThreads {
    http: Http01Listener,
    threads: Arc<Mutex<Vec<ThreadId>>>,
}

impl SolverOnThreads {
    fn note(&self) {
        self.threads.lock().expect("no panic").push(thread::current().id());
    }
}

impl Solver for SolverOnThreads {
    fn kinds(&self) -> &[ChallengeKind] {
        self.http.kinds()
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.note();
        self.http.present(challenge)
    }

    fn wait(&self, _: &Challenge) -> Result<(), BoxError> {
        self.note();
        Ok(())
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.note();
        self.http.clean_up(challenge)
    }
}

#[test]
fn a_hundred_names_need_no_more_threads_than_are_busy_at_once() {
    const NAMES: usize = 100;
    const REQUESTS: usize = 8;
    const CALLS: usize = 16;
    let ca = TestCa::start();
    let threads: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
    let transport =
        OnThreads { transport: transport(ca.root_pem()), threads: Arc::clone(&threads) };
    let mut policy = Policy::default();
    (policy.max_in_flight, policy.rates) = (REQUESTS, Rates::unlimited());
    let client = builder(&ca).transport(transport).policy(policy).connect().expect("a client");
    client.register().contact("mailto:me@example.org").run().expect("an account");
    let all = || (0..NAMES).map(|n| format!("n{n}.example.test"));
    let solver = SolverOnThreads { http: http01(&ca), threads: Arc::clone(&threads) };
    client.issue(all()).key(&certificate_key()).solver(&solver).run().expect("a certificate");
    let jobs = threads.lock().expect("no panic");
    let threads: HashSet<&ThreadId> = jobs.iter().collect();
    assert!(jobs.len() > 5 * NAMES, "{}", jobs.len());
    // Waits are not counted as calls, and all of them may start at once.
    assert!(threads.len() <= 1 + REQUESTS + CALLS + NAMES, "{} threads", threads.len());
}

/// Signs one message only when the test lets it, and says that it has.
struct LateOnce {
    key: ProviderKey,
    release: Mutex<Option<Receiver<()>>>,
    has_signed: Sender<()>,
    is_next: Arc<AtomicBool>,
}

impl Signer for LateOnce {
    fn account_key(&self) -> Jwk {
        self.key.public_key().clone()
    }

    fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        let is_late = self.is_next.swap(false, Ordering::SeqCst);
        if is_late && let Some(release) = self.release.lock().expect("no panic").take() {
            release.recv().expect("it is released");
            self.has_signed.send(()).expect("it is received");
        }
        self.key.sign(self.key.public_key().algorithm(), &request.message)
    }
}

/// Has the signature be late that follows the first challenge, and has it come while that is cleaned up.
struct Releases {
    http: Http01Listener,
    release: Sender<()>,
    has_signed: Mutex<Receiver<()>>,
    is_next: Arc<AtomicBool>,
}

impl Solver for Releases {
    fn kinds(&self) -> &[ChallengeKind] {
        self.http.kinds()
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.is_next.store(true, Ordering::SeqCst);
        self.http.present(challenge)
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.release.send(())?;
        self.has_signed.lock().expect("no panic").recv()?;
        // If the flow did not hear of the signature before it ends, nothing is shown, and nothing fails.
        thread::sleep(Duration::from_millis(50));
        self.http.clean_up(challenge)
    }
}

#[test]
fn a_signature_that_comes_after_its_time_limit_is_ignored() {
    let ca = TestCa::start();
    let (release, released) = channel();
    let (signed, has_signed) = channel();
    let is_next = Arc::new(AtomicBool::new(false));
    let signer = LateOnce {
        key: certificate_key(),
        release: Mutex::new(Some(released)),
        has_signed: signed,
        is_next: Arc::clone(&is_next),
    };
    let mut policy = Policy::default();
    policy.sign_time_limit = Duration::from_secs(3);
    let client = Client::builder(ca.directory_url())
        .signer(signer)
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy)
        .connect()
        .expect("a client");
    client.register().contact("mailto:me@example.org").run().expect("an account");
    let solver =
        Releases { http: http01(&ca), release, has_signed: Mutex::new(has_signed), is_next };
    let result = client.issue(["a.test"]).key(&certificate_key()).solver(&solver).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Signer(_)))), "{result:?}");
}
