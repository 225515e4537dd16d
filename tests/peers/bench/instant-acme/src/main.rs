//! Issues one certificate with instant-acme: its example `provision`, without the command line, the log and the terminal.

use std::{env, fs};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, OrderStatus,
    RetryPolicy,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (account, _credentials) = Account::builder_with_root(env::var("ACME_ROOT")?)?
        .create(
            &NewAccount {
                contact: &[],
                terms_of_service_agreed: true,
                only_return_existing: false,
            },
            env::var("ACME_DIRECTORY")?,
            None,
        )
        .await?;
    let identifiers: Vec<_> = env::args().skip(1).map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let mut authorizations = order.authorizations();
    while let Some(result) = authorizations.next().await {
        let mut authorization = result?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization.challenge(ChallengeType::Http01).ok_or("no http-01")?;
        challenge.set_ready().await?;
    }
    let status = order.poll_ready(&RetryPolicy::default()).await?;
    if status != OrderStatus::Ready {
        return Err(format!("the order is {status:?}").into());
    }
    let _private_key = order.finalize().await?;
    let chain = order.poll_certificate(&RetryPolicy::default()).await?;
    fs::write(env::var("CHAIN")?, chain)?;
    Ok(())
}
