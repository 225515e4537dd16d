//! The program `acme-testca`: the test CA for clients in other processes.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Write};
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::process::ExitCode;

use acme_testca::{ChallengeKind, Quirks, RequestLimits, RetryAfter, TestCa, TestCaBuilder};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Parser;

/// A strict ACME test CA. It keeps everything in memory, and nobody must trust its root outside
/// of tests.
///
/// It prints one line, `ready DIRECTORY-URL`, when it is ready, and stops on SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address and port to listen on; port 0 is any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    listen: String,

    /// File to write the root certificate to, which is the root of the HTTPS endpoint and of the
    /// issued certificates
    #[arg(long, value_name = "FILE")]
    root_out: Option<PathBuf>,

    /// Port at which http-01 is validated
    #[arg(long, value_name = "N", default_value_t = 80)]
    http_port: u16,

    /// Port at which tls-alpn-01 is validated
    #[arg(long, value_name = "N", default_value_t = 443)]
    tls_port: u16,

    /// DNS server to ask by UDP; without it every name is loopback, and TXT records are set at
    /// /management/set-txt
    #[arg(long, value_name = "ADDR:PORT")]
    dns: Option<SocketAddr>,

    /// Key identifier of an external account; new accounts then need a binding
    #[arg(long, value_name = "KID", requires = "eab_key")]
    eab_kid: Option<String>,

    /// MAC key of the external account, in base64url
    #[arg(long, value_name = "KEY", requires = "eab_kid")]
    eab_key: Option<String>,

    /// URL of terms of service that new accounts must agree to
    #[arg(long, value_name = "URL")]
    terms: Option<String>,

    /// Time that each exchange takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,

    /// Percentage of valid nonces that are refused
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    bad_nonce: u8,

    /// Requests to accept: `lets-encrypt` for the table that it publishes, or RATE/BURST for so many a
    /// second and so many at once, of all kinds together
    #[arg(long, value_name = "LIMITS", value_parser = request_limits)]
    request_limits: Option<RequestLimits>,

    /// Retry-After to send with everything that is not final, in seconds
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u64>,

    /// Number of polls for which an order is processing after finalize
    #[arg(long, value_name = "N", default_value_t = 0)]
    processing_polls: u32,

    /// Number of alternate chains for each certificate
    #[arg(long, value_name = "N", default_value_t = 0)]
    alternate_chains: usize,

    /// Certificate profile to offer, with its lifetime in days; repeatable
    #[arg(long, value_name = "NAME=DAYS", value_parser = profile)]
    profile: Vec<(String, u64)>,

    /// How many times as fast certificates age: with 86400, one of 90 days lives for 90 seconds
    #[arg(long, value_name = "FACTOR", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    time_lapse: u32,

    /// Name for which no order is accepted; repeatable
    #[arg(long, value_name = "NAME")]
    block: Vec<String>,

    /// Challenge type to offer, in place of http-01, dns-01 and tls-alpn-01; repeatable
    #[arg(long, value_name = "TYPE", value_parser = challenge)]
    challenge: Vec<ChallengeKind>,

    /// Behaviour of a real server to switch on; repeatable, and `list` describes them all
    #[arg(long, value_name = "NAME")]
    quirk: Vec<String>,

    /// Seed of nonces, tokens and serial numbers
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Offer HTTP/1.1 only
    #[arg(long)]
    http1: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("acme-testca: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> io::Result<()> {
    if arguments.quirk.iter().any(|name| name == "list") {
        return Quirks::list()
            .try_for_each(|(name, text)| writeln!(io::stdout(), "{name}: {text}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let root_out = arguments.root_out.clone();
    // Before the line `ready`, so that a signal right after it stops the CA cleanly.
    let signal = runtime.block_on(async { stop_signal() })?;
    let ca = builder(arguments)?.start()?;
    if let Some(path) = root_out {
        std::fs::write(&path, ca.root_pem())
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    }
    let mut out = io::stdout();
    writeln!(out, "ready {}", ca.directory_url())?;
    out.flush()?;
    runtime.block_on(signal);
    ca.stop();
    Ok(())
}

fn builder(arguments: Arguments) -> io::Result<TestCaBuilder> {
    let mut builder = TestCa::builder()
        .listen(address(&arguments.listen)?)
        .http_port(arguments.http_port)
        .tls_port(arguments.tls_port)
        .latency(Duration::from_millis(arguments.latency))
        .bad_nonce_percent(arguments.bad_nonce)
        .processing_polls(arguments.processing_polls)
        .alternate_chains(arguments.alternate_chains)
        .time_lapse(arguments.time_lapse)
        .http2(!arguments.http1);
    if let Some(host) = host(&arguments.listen) {
        builder = builder.host(host);
    }
    if let Some(server) = arguments.dns {
        builder = builder.dns(server);
    }
    if let (Some(kid), Some(key)) = (arguments.eab_kid, arguments.eab_key) {
        let key = URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).map_err(|e| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("--eab-key is not base64url: {e}"))
        })?;
        builder = builder.external_account(kid, key).require_external_account(true);
    }
    if let Some(url) = arguments.terms {
        builder = builder.terms_of_service(url).require_terms(true);
    }
    if let Some(seconds) = arguments.retry_after {
        builder = builder
            .retry_after_authorization(RetryAfter::Seconds(seconds))
            .retry_after_order(RetryAfter::Seconds(seconds))
            .retry_after_finalize(RetryAfter::Seconds(seconds));
    }
    for (name, days) in arguments.profile {
        let description = format!("certificates for {days} days");
        builder = builder.profile(name, description, Duration::from_secs(days * 86_400));
    }
    if let Some(limits) = arguments.request_limits {
        builder = builder.request_limits(limits);
    }
    for name in arguments.block {
        builder = builder.block_name(name);
    }
    if !arguments.challenge.is_empty() {
        builder = builder.challenges(arguments.challenge);
    }
    builder = builder.quirks(quirks(&arguments.quirk)?);
    if let Some(seed) = arguments.seed {
        builder = builder.seed(seed);
    }
    Ok(builder)
}

/// Switches on what `--quirk` names.
fn quirks(names: &[String]) -> io::Result<Quirks> {
    let mut quirks = Quirks::default();
    for name in names {
        if !quirks.switch_on(name) {
            let why = format!("--quirk {name}: there is none of that name; try --quirk list");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
    }
    Ok(quirks)
}

fn address(listen: &str) -> io::Result<SocketAddr> {
    let unusable = |why: String| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("--listen {listen}: {why}"))
    };
    listen
        .to_socket_addrs()
        .map_err(|e| unusable(e.to_string()))?
        .next()
        .ok_or_else(|| unusable("no address".to_owned()))
}

/// Returns the host of `--listen` if it is a name: then it is what the CA's URLs show.
fn host(listen: &str) -> Option<&str> {
    let named = listen.parse::<SocketAddr>().is_err();
    listen.rsplit_once(':').map(|(host, _)| host).filter(|_| named)
}

fn challenge(name: &str) -> Result<ChallengeKind, String> {
    ChallengeKind::named(name).ok_or_else(|| "there is no such challenge type here".to_owned())
}

fn request_limits(text: &str) -> Result<RequestLimits, String> {
    if text == "lets-encrypt" {
        return Ok(RequestLimits::lets_encrypt());
    }
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0);
    text.split_once('/')
        .and_then(|(rate, burst)| Some(RequestLimits::together(number(rate)?, number(burst)?)))
        .ok_or_else(|| "it must be lets-encrypt, or RATE/BURST with numbers from 1".to_owned())
}

fn profile(text: &str) -> Result<(String, u64), String> {
    let (name, days) = text.split_once('=').ok_or("it must be NAME=DAYS")?;
    let days = days.parse().ok().filter(|days| (1..=3650).contains(days));
    Ok((name.to_owned(), days.ok_or("DAYS must be a number from 1 to 3650")?))
}

/// Catches the signals to stop from now on, and returns a future that ends with the first one.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
