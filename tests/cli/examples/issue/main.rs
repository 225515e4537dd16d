//! Obtains a certificate: `cargo run --release --example issue -- example.test`, or keeps those of a file alive:
//! `… -- daemon acme.toml`.
//!
//! `--help` lists the options. What is not about ACME (arguments, files, progress) is in `acme_cli`; the
//! same program for `acme-blocking` is `issue-blocking`.

mod daemon;

use std::process::ExitCode;
use std::sync::Arc;

use acme_cli::{BoxError, Job, Program};
use acme_tokio::{
    ChallengeKind, Client, ClientBuilder, Dns01, Dns01Solver, DynSolver, Http01Listener, Issued,
    Snapshot, TlsAlpn01Listener,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

fn main() -> ExitCode {
    match Program::from_args() {
        Ok(Program::Job(job)) => {
            let runtime = Builder::new_current_thread().enable_all().build();
            job.end(runtime.map_err(BoxError::from).and_then(|runtime| runtime.block_on(run(&job))))
        }
        Ok(Program::Daemon(daemon)) => {
            let runtime = Runtime::new().expect("an operating system that can start threads");
            daemon.run(&daemon::OnTokio::new(&runtime))
        }
        Err(code) => code,
    }
}

async fn run(job: &Job) -> Result<Option<Issued>, BoxError> {
    let client = connect(job).await;
    // What is stored stays in use while its time has not come, also if the CA cannot be asked about that.
    if let Some(mut schedule) = job.schedule() {
        match &client {
            Ok(client) => drop(client.check_renewal(&mut schedule).await?),
            Err(error) if job.not_asked(&mut schedule, &**error) => {}
            Err(_) => return client.map(|_| None),
        }
        if !job.is_due(schedule)? {
            if let Ok(client) = &client {
                job.remember(client.memory());
            }
            return Ok(None);
        }
    }
    let client = client?;
    // A port that is in use is found before the CA hears of anything.
    let solvers = solvers(job).await?;
    register(&client, job).await?;
    let issued = match issue(&client, job, &solvers, job.unfinished()).await {
        // What an earlier run left had failed before this one began: there is a new order then.
        Err(error) if job.starts_anew(&*error) => issue(&client, job, &solvers, None).await,
        result => result,
    }?;
    job.remember(client.memory());
    Ok(Some(issued))
}

/// Connects with the account in the account file, or without one.
async fn connect(job: &Job) -> Result<Client, BoxError> {
    let client = Client::builder(job.directory())
        .key(job.account_key())
        .user_agent(concat!("issue/", env!("CARGO_PKG_VERSION")))
        .roots(job.roots())
        .policy(job.policy())
        .observe(job.observer())
        .notices(job.notices());
    let client = job.account_url().into_iter().fold(client, ClientBuilder::account_url);
    // What an earlier run knew of the CA spares requests.
    let client = job.memory().into_iter().fold(client, ClientBuilder::memory);
    Ok(client.connect().await?)
}

/// Registers an account, unless there is one.
async fn register(client: &Client, job: &Job) -> Result<(), BoxError> {
    if job.account_url().is_some() {
        return Ok(());
    }
    // The key is on disk before the CA hears of it.
    job.save_account()?;
    let mut register = client.register().agree_to_terms(|terms| job.agrees_to(terms));
    if job.agrees_to_any_terms() {
        register = register.terms_of_service_agreed();
    }
    for contact in job.contacts() {
        register = register.contact(contact);
    }
    if let Some((kid, mac_key)) = job.external_account() {
        register = register.external_account(kid, mac_key.as_str());
    }
    let account = register.time_limit(job.time_left()).await?;
    job.registered(account.url())?;
    Ok(())
}

/// Goes on with an unfinished order, or makes a new one, and sees it through.
async fn issue(
    client: &Client,
    job: &Job,
    solvers: &[Box<dyn DynSolver + '_>],
    unfinished: Option<Snapshot>,
) -> Result<Issued, BoxError> {
    let mut issue = match unfinished {
        Some(snapshot) => client.resume(snapshot),
        None => client.issue(job.names().iter().cloned()),
    };
    for solver in solvers {
        issue = issue.solver(&**solver);
    }
    issue = match job.csr() {
        Some(csr) => issue.csr(csr),
        // The key is on disk by now: no crash leaves a certificate without it.
        None => issue.key(&job.certificate_key()?),
    };
    if let Some(profile) = job.profile() {
        issue = issue.profile(profile);
    }
    if let Some(replaced) = job.replaced() {
        issue = issue.replaces(&replaced);
    }

    // Every step is on disk before it is taken, and Ctrl-C takes back what was published.
    let issue = issue.time_limit(job.time_left()).durable(job.order_file());
    let interrupted = Arc::new(Notify::new());
    let ctrl_c = Arc::clone(&interrupted);
    job.on_interrupt(move || ctrl_c.notify_one());
    Ok(issue.cancel_on(interrupted.notified()).await?)
}

/// Makes what publishes the challenges, for each kind that is needed.
async fn solvers(job: &Job) -> Result<Vec<Box<dyn DynSolver + '_>>, BoxError> {
    job.warn_of_loopback();
    let mut solvers: Vec<Box<dyn DynSolver + '_>> = Vec::new();
    let mut hook = job.hook();
    let hooked = hook.as_ref().map(|hook| hook.challenge_kinds().to_vec()).unwrap_or_default();
    for kind in job.challenges() {
        if hooked.contains(&kind) {
            // One for all of its kinds, which has their runs follow each other.
            solvers.extend(hook.take().map(|hook| -> Box<dyn DynSolver + '_> { Box::new(hook) }));
            continue;
        }
        solvers.push(match (&kind, job.by_hand(), job.dns_update()) {
            (ChallengeKind::Http01, ..) => {
                let listener = Http01Listener::bind(job.http_address()).await?;
                job.listening(&kind, listener.local_addr());
                Box::new(listener)
            }
            (ChallengeKind::TlsAlpn01, ..) => {
                let listener = TlsAlpn01Listener::bind(job.tls_address()).await?;
                job.listening(&kind, listener.local_addr());
                Box::new(listener)
            }
            (_, Some(person), _) => Box::new(person),
            (_, None, Some(update)) => Box::new(update),
            (_, None, None) => Box::new(Dns01Solver::new(TestZone(job))),
        });
    }
    Ok(solvers)
}

/// The resolver of the embedded test CA, in the place of your DNS provider.
struct TestZone<'a>(&'a Job);

impl Dns01 for TestZone<'_> {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        Ok(self.0.set_txt(name, value)?)
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.remove_txt(name, value);
        Ok(())
    }
}
