//! A kind of challenge that the crates do not know, brought by a solver of the user's, through both adapters.

use std::sync::{Arc, Mutex};

use acme_proto::challenge::{Challenge, ChallengeResponse, ChallengeRules};
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::Response;
use acme_proto::wire::ChallengeKind;
use acme_tests::canned_server::CannedServer;
use acme_tests::made_up_kind::{PAYLOAD, RULES, kind, script, solve};
use acme_tests::world::csr;

const NAME: &str = "a.example";
const DIRECTORY: &str = "https://ca.test/directory";
const ACCOUNT: &str = "https://ca.test/account/1";

/// A solver that brings the rules of its kind; `complete` is whether its response has the member that it has to have.
struct MadeUp {
    kinds: [ChallengeKind; 1],
    complete: bool,
}

impl MadeUp {
    fn new(complete: bool) -> Self {
        Self { kinds: [kind()], complete }
    }

    fn response(&self, challenge: &Challenge) -> ChallengeResponse {
        if self.complete { solve(challenge) } else { ChallengeResponse::default() }
    }
}

impl acme_tokio::Solver for MadeUp {
    fn kinds(&self) -> &[ChallengeKind] {
        &self.kinds
    }

    fn rules(&self, _: &ChallengeKind) -> Option<ChallengeRules> {
        Some(RULES)
    }

    async fn present(
        &self,
        challenge: &Challenge,
    ) -> Result<ChallengeResponse, acme_tokio::BoxError> {
        Ok(self.response(challenge))
    }

    async fn clean_up(&self, _: &Challenge) -> Result<(), acme_tokio::BoxError> {
        Ok(())
    }
}

impl acme_blocking::Solver for MadeUp {
    fn kinds(&self) -> &[ChallengeKind] {
        &self.kinds
    }

    fn rules(&self, _: &ChallengeKind) -> Option<ChallengeRules> {
        Some(RULES)
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, acme_blocking::BoxError> {
        Ok(self.response(challenge))
    }

    fn clean_up(&self, _: &Challenge) -> Result<(), acme_blocking::BoxError> {
        Ok(())
    }
}

/// A server of canned answers as a transport.
#[derive(Clone)]
struct Server(Arc<Mutex<CannedServer>>);

impl Server {
    fn start() -> Self {
        Self(Arc::new(Mutex::new(script(NAME))))
    }

    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        let mut script = self.0.lock().expect("no panic");
        script.respond(transmit.request).ok_or_else(|| Lost::NoResponse("closed".into()))
    }

    /// Returns the payloads of the requests to the challenge.
    fn payloads(&self) -> Vec<String> {
        let script = self.0.lock().expect("no panic");
        script.at("/challenge/1").iter().map(|asked| asked.payload()).collect()
    }
}

impl acme_tokio::Transport for Server {
    async fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        self.exchange(transmit)
    }

    fn product(&self) -> &str {
        "script/0"
    }
}

impl acme_blocking::Transport for Server {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        self.exchange(transmit)
    }

    fn product(&self) -> &str {
        "script/0"
    }
}

fn issue_tokio(server: &Server, solver: MadeUp) -> Result<(), String> {
    use acme_tokio::{AccountKey, Client, KeyKind};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = Client::builder(DIRECTORY)
            .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
            .account_url(ACCOUNT.parse().expect("a URL"))
            .transport(server.clone())
            .connect()
            .await
            .expect("a client");
        let issue = client.issue([NAME]).csr(csr(&[NAME.parse().expect("a name")]));
        issue.solver(solver).await.map(drop).map_err(|error| error.to_string())
    })
}

fn issue_blocking(server: &Server, solver: MadeUp) -> Result<(), String> {
    use acme_blocking::{AccountKey, Client, KeyKind};
    let client = Client::builder(DIRECTORY)
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .account_url(ACCOUNT.parse().expect("a URL"))
        .transport(server.clone())
        .connect()
        .expect("a client");
    let issue = client.issue([NAME]).csr(csr(&[NAME.parse().expect("a name")]));
    issue.solver(solver).run().map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_solver_brings_its_kind_and_the_response() {
    for issue in [issue_tokio, issue_blocking] {
        let server = Server::start();
        issue(&server, MadeUp::new(true)).expect("a certificate");
        assert_eq!(server.payloads(), [PAYLOAD]);
    }
}

#[test]
fn a_solver_whose_response_lacks_a_member_fails_its_kind() {
    for issue in [issue_tokio, issue_blocking] {
        let server = Server::start();
        let error = issue(&server, MadeUp::new(false)).expect_err("no other kind");
        assert!(error.contains("no valid member csr"), "{error}");
        assert_eq!(server.payloads(), Vec::<String>::new());
    }
}
