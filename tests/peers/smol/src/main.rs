//! Keeps a certificate alive on smol, with acme-proto and no adapter: `renew-on-smol NAME [DIRECTORY]`.
//!
//! The network is hyper's HTTP/1.1 over futures-rustls, a connection for each request. [`drive`] is the whole of what a
//! runtime has to bring; [`Lifecycle`] says what is next. The CA validates by http-01, for which port 80 has to be free.

use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use acme_adapter::clock::{self, Clock};
use acme_adapter::http01::Http01Handler;
use acme_adapter::keyring::Keyring;
use acme_adapter::keys::{AccountKey, KeyKind, ProviderKey, default_provider, make_csr};
use acme_adapter::tls::{self, Roots};
use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::flow::{Flow, Input, Lost, Output, Transmit};
use acme_proto::http::{Method, Response};
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::NewOrder;
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::renewal::{Lifecycle, LifecycleStep};
use acme_proto::session::Session;
use acme_proto::wire::ChallengeKind;
use futures_rustls::TlsConnector;
use futures_rustls::rustls::ClientConfig;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::net::{TcpListener, TcpStream};
use smol::{Timer, future};
use smol_hyper::rt::FuturesIo;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    smol::block_on(run())
}

/// What every flow needs.
struct Client {
    session: Session,
    clock: Clock,
    config: Arc<ClientConfig>,
    keyring: Keyring,
}

async fn run() -> Result<(), BoxError> {
    let name = env::args().nth(1).ok_or("usage: renew-on-smol NAME [DIRECTORY]")?;
    let directory = env::args().nth(2);
    let directory =
        directory.unwrap_or_else(|| acme_adapter::directories::LETS_ENCRYPT_STAGING.into());
    let provider = default_provider()?;
    let account_key = AccountKey::load_or_generate("account-key.pem", KeyKind::Es256)?;
    let public_key = account_key.load(&provider)?.public_key().clone();
    let (keyring, ..) = Keyring::open(Some(&account_key), &provider)?;
    let key = ProviderKey::load_or_generate("key.pem", KeyKind::Es256)?;
    let config = tls::client_config(&provider, &Roots::Platform, &[b"http/1.1"])?;
    let session = Session::new(directory.parse()?, clock::seed()).with_account_key(public_key);
    let mut client = Client { session, clock: Clock::start(), config, keyring };

    let challenges = Http01Handler::new();
    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let listener = TcpListener::bind(address).await?;
    smol::spawn(serve(listener, challenges.clone())).detach();

    let life: Option<Lifecycle> = match fs::read("renewal.json") {
        Ok(stored) => serde_json::from_slice(&stored).ok(),
        Err(_) => None,
    };
    // A damaged one is only what is known of the next renewal.
    let mut life = match life {
        Some(life) => life,
        None => Lifecycle::new([directory.parse()?], clock::seed()),
    };
    loop {
        client.step(&mut life, &name, &challenges, &key).await?;
        while let Some(event) = life.poll_event() {
            println!("{event}");
        }
        fs::write("renewal.json", serde_json::to_vec(&life)?)?;
    }
}

impl Client {
    /// Does what is next in the life of the certificate.
    async fn step(
        &mut self,
        life: &mut Lifecycle,
        name: &str,
        challenges: &Http01Handler,
        key: &ProviderKey,
    ) -> Result<(), BoxError> {
        match life.next(clock::wall()) {
            LifecycleStep::Register { directory } => {
                let registered = self.drive(Register::new(), |event, register, _| match event {
                    RegisterEvent::AgreeToTerms(_url) => Ok(register.agree()?),
                    other => Err(format!("unknown event: {other:?}").into()),
                });
                match registered.await? {
                    Ok(_) => life.on_registered(&directory),
                    Err(error) => life.on_failed(&directory, &error, clock::wall()),
                }
            }
            LifecycleStep::Order { directory, replaces } => {
                life.on_ordering(&directory);
                let mut order = NewOrder::new([name.parse()?])?;
                if let Some(certificate) = replaces {
                    order = order.with_replaces(certificate);
                }
                let order = Issuance::for_order(order);
                let issued = self.drive(order, |event, order, session| {
                    answer(event, order, session, challenges, key)
                });
                match issued.await? {
                    Ok(issued) => {
                        fs::write("cert.pem", issued.chain().to_pem())?;
                        life.on_issued(&directory, issued.chain().leaf(), clock::wall());
                    }
                    Err(error) => life.on_failed(&directory, &error, clock::wall()),
                }
            }
            LifecycleStep::FetchInfo { question, .. } => {
                match self.drive(Call::new(question), |never, _, _| match never {}).await? {
                    Ok(entry) => drop(life.on_info(&entry, clock::wall())),
                    Err(error) => drop(life.on_info_failed(&error, clock::wall())),
                }
            }
            // A clock that is set meanwhile is noticed within the hour.
            LifecycleStep::Wait(until) => drop(Timer::after(clock::until(until).min(HOUR)).await),
            other => return Err(format!("unknown step: {other:?}").into()),
        }
        Ok(())
    }

    /// Drives a flow to its end, one exchange at a time.
    ///
    /// The outer result is a fault of this program, the inner one that of the CA or the network.
    async fn drive<F: Flow>(
        &mut self,
        mut flow: F,
        answer: impl Fn(F::Event, &mut F, &Session) -> Result<(), BoxError>,
    ) -> Result<Result<F::Success, Error>, BoxError> {
        loop {
            let input = match flow.poll_output(&mut self.session, self.clock.now()) {
                Output::Transmit(transmit) => {
                    let (id, limit) = (transmit.id, transmit.time_limit);
                    let late = async {
                        Timer::after(limit).await;
                        Err(Lost::TimedOut)
                    };
                    let exchanged = future::or(exchange(&self.config, transmit), late).await;
                    Some(Input::exchanged(id, exchanged))
                }
                Output::Sign(sign) => Some(Input::signed(sign.id, self.keyring.answer(&sign))),
                // Only a durable flow saves.
                Output::Save(save) => Some(Input::saved(save.id, Ok(()))),
                Output::Event(event) => {
                    answer(event, &mut flow, &self.session)?;
                    None
                }
                Output::Notice(notice) => {
                    println!("{notice}");
                    None
                }
                Output::Timeout(time) => {
                    Timer::after(self.clock.wait_until(time)).await;
                    None
                }
                Output::Done(result) => return Ok(result),
            };
            if let Some(input) = input {
                flow.handle_input(&mut self.session, input, self.clock.now())?;
            }
        }
    }
}

/// Does what an issuance asks of its user.
fn answer(
    event: IssuanceEvent,
    order: &mut Issuance,
    session: &Session,
    challenges: &Http01Handler,
    key: &ProviderKey,
) -> Result<(), BoxError> {
    match event {
        IssuanceEvent::Authorize(offer) => {
            order.select(session, &offer.id(), &ChallengeKind::Http01)?;
        }
        IssuanceEvent::Provision(challenge) => {
            challenges.insert(&challenge);
            order.ready(&challenge.id())?;
        }
        IssuanceEvent::CleanUp(challenge) => {
            challenges.remove(&challenge);
            order.cleaned(&challenge.id())?;
        }
        IssuanceEvent::Finalize(names) => order.finalize(make_csr(key, &names)?)?,
        other => return Err(format!("unknown event: {other:?}").into()),
    }
    Ok(())
}

/// Sends a request over a connection of its own, and receives the response.
async fn exchange(config: &Arc<ClientConfig>, transmit: Transmit) -> Result<Response, Lost> {
    let not_sent = |error: &dyn std::error::Error| Lost::NotSent(error.to_string());
    let no_response = |error: &dyn std::error::Error| Lost::NoResponse(error.to_string());
    let (method, url, headers, body) = transmit.request.into_parts();
    let server = tls::server_name(&url)?;
    let tcp = TcpStream::connect((url.host(), url.port())).await.map_err(|e| not_sent(&e))?;
    let stream = TlsConnector::from(Arc::clone(config)).connect(server, tcp).await;
    let stream = stream.map_err(|error| tls::handshake_failed(&error, config))?;
    let opened = hyper::client::conn::http1::handshake(FuturesIo::new(stream)).await;
    let (mut sender, connection) = opened.map_err(|e| not_sent(&e))?;
    smol::spawn(connection).detach();

    let method = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
    };
    let mut request = hyper::Request::builder().method(method).uri(url.path_and_query());
    request = request.header("Host", url.authority());
    for (name, value) in headers.iter() {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|e| not_sent(&e))?;
    let received = sender.send_request(request).await.map_err(|e| no_response(&e))?;
    let mut response = Response::new(received.status().as_u16());
    for (name, value) in received.headers() {
        if let Ok(value) = value.to_str() {
            response = response.with_header(name.as_str(), value);
        }
    }
    let (mut body, mut octets, mut is_whole) = (received.into_body(), Vec::new(), true);
    while let Some(frame) = body.frame().await {
        // A body that breaks off keeps its status and headers, such as its nonce.
        let Ok(frame) = frame else {
            is_whole = false;
            break;
        };
        octets.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if octets.len() > transmit.body_limit {
            octets.truncate(transmit.body_limit);
            is_whole = false;
            break;
        }
    }
    let response = response.with_body(octets);
    Ok(if is_whole { response } else { response.truncated() })
}

/// Answers validations.
async fn serve(listener: TcpListener, challenges: Http01Handler) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // A client that has left, or too many open files: others are still to be answered.
            Timer::after(Duration::from_millis(100)).await;
            continue;
        };
        let challenges = challenges.clone();
        let answered = async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
                let mut chunk = [0; 1024];
                match stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => return,
                    Ok(length) => head.extend_from_slice(&chunk[..length]),
                }
            }
            let _ = stream.write_all(&challenges.answer_request(&head)).await;
            let _ = stream.close().await;
        };
        let late = async {
            Timer::after(Duration::from_secs(10)).await;
        };
        smol::spawn(future::or(answered, late)).detach();
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const MAX_HEAD: usize = 16 * 1024;
