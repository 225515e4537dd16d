//! Two orders that share an authorization: what one flow holds, the other waits for, and answers at once when it is free.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, ThreadId};
use std::time::Duration;

use acme_blocking::{AccountKey, BoxError, Cancel, Client, KeyKind, Solver, Transport};
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::Response;
use acme_proto::wire::ChallengeKind;
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, challenge, created, object, order, problem,
};
use acme_tests::world::csr;
use serde_json::json;

/// A server of canned answers, which notes on which threads requests to the second challenge are sent.
struct Server {
    script: Mutex<CannedServer>,
    responding: Mutex<Sender<ThreadId>>,
}

impl Server {
    /// The first order is for `a.example`, the next one for `b.example` too, which is refused by tls-alpn-01.
    fn script() -> CannedServer {
        let (one, both) = (["a.example"], ["a.example", "b.example"]);
        let mut script = CannedServer::obliging(&both);
        script.on("/newOrder", [&one[..], &both].map(|names| created(&order("pending", names))));
        let mut second = authorization("pending", "b.example", 2);
        second["challenges"] = json!([challenge("pending", "tls-alpn-01", 2)]);
        script.on("/authz/2", [object(&second)]);
        script.on("/challenge/2", [problem(403, "unauthorized")]);
        script
    }
}

impl Transport for Server {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        if transmit.request.url().as_str().ends_with("/challenge/2") {
            let responding = self.responding.lock().expect("no panic");
            let _ = responding.send(thread::current().id());
        }
        let answer = self.script.lock().expect("no panic").respond(transmit.request);
        answer.ok_or_else(|| Lost::NoResponse("closed".into()))
    }

    fn product(&self) -> &str {
        "script/0"
    }
}

/// Publishes one kind; its calls begin by a word to the test, and end when the test lets them.
struct Held {
    kind: [ChallengeKind; 1],
    begun: Sender<()>,
    release: Mutex<Receiver<()>>,
}

impl Solver for Held {
    fn kinds(&self) -> &[ChallengeKind] {
        &self.kind
    }

    fn present(&self, _: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.begun.send(())?;
        // Until the test drops its end.
        let _ = self.release.lock().expect("no panic").recv();
        Ok(ChallengeResponse::default())
    }

    fn clean_up(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }
}

fn held(kind: ChallengeKind) -> (Held, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (let_go, release) = mpsc::channel();
    (Held { kind: [kind], begun, release: Mutex::new(release) }, has_begun, let_go)
}

#[test]
fn while_a_call_waits_for_another_flow_no_request_keeps_the_thread() {
    let (responding, responds) = mpsc::channel();
    let (script, responding) = (Mutex::new(Server::script()), Mutex::new(responding));
    let client = Client::builder(format!("{BASE}/directory"))
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .account_url(format!("{BASE}/account/1").parse().expect("a URL"))
        .transport(Server { script, responding })
        .connect()
        .expect("a client");
    let csr_of =
        |names: &[&str]| csr(&names.iter().map(|n| n.parse().expect("a name")).collect::<Vec<_>>());
    let (first, first_begun, let_first_go) = held(ChallengeKind::Http01);
    let (http, _http_begun, _) = held(ChallengeKind::Http01);
    let (alpn, _alpn_begun, _) = held(ChallengeKind::TlsAlpn01);
    let cancel = Cancel::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let issue = client.issue(["a.example"]).csr(csr_of(&["a.example"]));
            issue.solver(&first).cancel_on(&cancel).run().expect_err("it is cancelled");
        });
        first_begun.recv_timeout(Duration::from_secs(60)).expect("it is presented");
        let cancel = &cancel;
        let releasing = scope.spawn(move || {
            let on = responds.recv_timeout(Duration::from_secs(60));
            cancel.cancel();
            drop(let_first_go);
            on.expect("the second order responds")
        });
        // Its challenge for a.example is that of the first, which is still being presented.
        let names = ["a.example", "b.example"];
        let issue = client.issue(names).csr(csr_of(&names)).solver(&http).solver(&alpn);
        issue.run().expect_err("b.example is refused");
        assert_ne!(releasing.join().expect("no panic"), thread::current().id());
    });
}
