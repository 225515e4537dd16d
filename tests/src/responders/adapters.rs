//! What the adapters have to answer validations with.

use std::future::{Future, pending};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use acme_proto::challenge::Challenge;
use rustls::ServerConnection;

use super::tls::{provider, server_config, users_certificate};

/// Something that answers validations, and how challenges get there.
pub struct Responder {
    /// What it is, for messages.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    present: Solve,
    clean_up: Solve,
}

type Solve = Box<dyn Fn(&Challenge)>;

impl Responder {
    /// Publishes a challenge.
    pub fn present(&self, challenge: &Challenge) {
        (self.present)(challenge);
    }

    /// Takes a challenge back.
    pub fn clean_up(&self, challenge: &Challenge) {
        (self.clean_up)(challenge);
    }

    fn blocking<S: acme_blocking::Solver + 'static>(
        name: &'static str,
        address: SocketAddr,
        solver: S,
    ) -> Self {
        let solver = Arc::new(solver);
        let other = Arc::clone(&solver);
        Self {
            name,
            address,
            present: Box::new(move |c| {
                let _ = solver.present(c).expect("published");
            }),
            clean_up: Box::new(move |c| other.clean_up(c).expect("taken back")),
        }
    }

    fn tokio<S: acme_tokio::Solver + 'static>(
        name: &'static str,
        address: SocketAddr,
        solver: S,
    ) -> Self {
        let solver = Arc::new(solver);
        let other = Arc::clone(&solver);
        Self {
            name,
            address,
            present: Box::new(move |c| {
                let _ = wait_for(solver.present(c)).expect("published");
            }),
            clean_up: Box::new(move |c| wait_for(other.clean_up(c)).expect("taken back")),
        }
    }
}

/// Returns the http-01 listeners of both adapters.
///
/// # Panics
/// If there is no free port.
pub fn http_listeners() -> [Responder; 2] {
    let blocking = acme_blocking::Http01Listener::bind("127.0.0.1:0").expect("a port");
    let tokio = in_runtime(|| async {
        acme_tokio::Http01Listener::bind("127.0.0.1:0").await.expect("a port")
    });
    [
        Responder::blocking("acme-blocking", blocking.local_addr(), blocking),
        Responder::tokio("acme-tokio", tokio.local_addr(), tokio),
    ]
}

/// Returns the tls-alpn-01 listeners of both adapters.
///
/// # Panics
/// If there is no free port.
pub fn tls_listeners() -> [Responder; 2] {
    let blocking = acme_blocking::TlsAlpn01Listener::bind("127.0.0.1:0").expect("a port");
    let tokio = in_runtime(|| async {
        acme_tokio::TlsAlpn01Listener::bind("127.0.0.1:0").await.expect("a port")
    });
    [
        Responder::blocking("acme-blocking", blocking.local_addr(), blocking),
        Responder::tokio("acme-tokio", tokio.local_addr(), tokio),
    ]
}

/// Returns two servers of the user's own, for h2 and http/1.1, with the resolver of either adapter around theirs.
///
/// # Panics
/// If there is no free port.
pub fn tls_servers() -> [Responder; 2] {
    let users = users_certificate();
    let resolver = || acme_blocking::TlsAlpn01Resolver::new(&provider()).around(users.clone());
    let (blocking, tokio) = (resolver(), resolver());
    [
        Responder::blocking("a server with acme-blocking", serve(&blocking), blocking),
        Responder::tokio("a server with acme-tokio", serve(&tokio), tokio),
    ]
}

/// Shakes hands with everyone, one after the other, and closes.
fn serve(resolver: &acme_blocking::TlsAlpn01Resolver) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let config = server_config(Arc::new(resolver.clone()));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut tls = ServerConnection::new(Arc::clone(&config)).expect("a configuration");
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
            tls.send_close_notify();
            let _ = tls.write_tls(&mut stream);
        }
    });
    address
}

/// Makes something in a runtime that goes on running on a thread of its own.
fn in_runtime<T: Send + 'static, F: Future<Output = T>>(
    make: impl FnOnce() -> F + Send + 'static,
) -> T {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            // Nobody listens any more if the test has failed.
            let _ = send.send(make().await);
            pending::<()>().await;
        });
    });
    receive.recv().expect("it was made")
}

fn wait_for<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
