//! Drives an issuance by hand: `cargo run --example raw-loop -- example.org`.
//!
//! This loop is what [`Client`] does, for one exchange at a time. Copy it to bring a network, a signer or a runtime of
//! your own; every other flow of `acme-proto` is driven by the same loop with other events.

use std::env;

use acme_tokio::acme_adapter::clock::Clock;
use acme_tokio::acme_adapter::keys::{default_provider, make_csr};
use acme_tokio::acme_proto::flow::{Flow as _, Input, Output, SignatureAlgorithm};
use acme_tokio::acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_tokio::acme_proto::session::Session;
use acme_tokio::{
    AccountKey, BoxError, ChallengeKind, Client, Http01Listener, HyperTransport, KeyKind,
    LETS_ENCRYPT_STAGING, ProviderKey, Roots, Solver as _, Transport as _,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let name = env::args().nth(1).ok_or("usage: raw-loop NAME [DIRECTORY]")?.parse()?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let account_key = AccountKey::load_or_generate("account-key.pem", KeyKind::Es256)?;
    let client = Client::connect(&directory, &account_key).await?;
    let account = client.register().agree_to_terms(|_terms| true).await?;

    let transport = HyperTransport::new(&default_provider()?, &Roots::Platform)?;
    let signer = account_key.load(&default_provider()?)?;
    let key = ProviderKey::load_or_generate("key.pem", KeyKind::Es256)?;
    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let listener = Http01Listener::bind(address).await?;

    let mut session = Session::new(directory.parse()?, 0)
        .with_account_key(signer.public_key().clone())
        .with_account_url(account.url().clone());
    let mut order = Issuance::new([name])?;
    let mut clock = Clock::start();
    let issued = loop {
        let input = match order.poll_output(&mut session, clock.now()) {
            Output::Transmit(transmit) => {
                let id = transmit.id;
                match transport.exchange(transmit).await {
                    Ok(response) => Input::Response(id, response),
                    Err(lost) => Input::Lost(id, lost),
                }
            }
            Output::Sign(request) => {
                let SignatureAlgorithm::Jws(algorithm) = request.algorithm else {
                    return Err("only the binding of an external account needs a MAC".into());
                };
                match signer.sign(algorithm, &request.message) {
                    Ok(signature) => Input::Signature(request.id, signature),
                    Err(failed) => Input::SignFailed(request.id, failed),
                }
            }
            Output::Event(event) => {
                answer(event, &mut order, &session, &listener, &key).await?;
                continue;
            }
            // Only a durable flow saves: a program that resumes after a crash stores the snapshot here.
            Output::Save(save) => Input::Saved(save.id),
            Output::Notice(notice) => {
                println!("{notice}");
                continue;
            }
            Output::Timeout(Some(time)) => {
                tokio::time::sleep(clock.wait_until(time)).await;
                continue;
            }
            Output::Timeout(None) => return Err("an event was not answered".into()),
            Output::Done(result) => break result?,
        };
        order.handle_input(&mut session, input, clock.now())?;
    };
    std::fs::write("cert.pem", issued.chain().to_pem())?;
    Ok(())
}

/// Does what the flow asks of its user.
async fn answer(
    event: IssuanceEvent,
    order: &mut Issuance,
    session: &Session,
    listener: &Http01Listener,
    key: &ProviderKey,
) -> Result<(), BoxError> {
    match event {
        IssuanceEvent::Authorize(offer) => {
            order.select(session, &offer.id(), &ChallengeKind::Http01)?;
        }
        IssuanceEvent::Provision(challenge) => {
            let response = listener.present(&challenge).await?;
            order.ready_with(&challenge.id(), response)?;
        }
        IssuanceEvent::CleanUp(challenge) => {
            listener.clean_up(&challenge).await?;
            order.cleaned(&challenge.id())?;
        }
        IssuanceEvent::Finalize(names) => order.finalize(make_csr(key, &names)?)?,
        other => return Err(format!("unknown event: {other:?}").into()),
    }
    Ok(())
}
