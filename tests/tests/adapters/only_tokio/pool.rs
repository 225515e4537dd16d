//! Which connection a request takes, and what waits for one.

use core::time::Duration;

use crate::both::on_tokio::adapter::{at_once, transport};
use acme_proto::flow::{Lost, Transmit};
use acme_tests::numbering::{number, numbering};
use acme_tests::tls_server::{Identity, requests};
use acme_tokio::Transport as _;

#[tokio::test]
async fn a_connection_that_becomes_free_goes_to_the_waiting_request_whose_nonce_it_brought() {
    const CONNECTIONS: usize = 4;
    let transport = transport(Identity::default().pem()).http1_connections(CONNECTIONS);
    let mut requests = requests(&numbering(false), 4 * CONNECTIONS);
    let mut some = || requests.split_off(requests.len() - CONNECTIONS);
    let (first, busy) = (some(), some());
    let ids: Vec<_> = first.iter().map(|request| request.id).collect();
    let first = at_once(&transport, first).await;
    // All of these wait for those of `busy`, and none is in the order in which the connections become free.
    let nonces = ids.iter().rev().chain(&ids);
    let late = some().into_iter().chain(some()).zip(nonces);
    let late = late.map(|(request, id)| Transmit { nonce_from: Some(*id), ..request });
    let numbers = at_once(&transport, busy.into_iter().chain(late)).await;
    let expected: Vec<_> = first.iter().rev().chain(&first).cloned().collect();
    assert_eq!(numbers[CONNECTIONS..], expected);
}

#[tokio::test]
async fn a_request_that_waits_for_a_connection_no_longer_does_not_keep_it() {
    let transport = transport(Identity::default().pem()).http1_connections(1);
    let mut requests = requests(&numbering(false), 4);
    let first = transport.exchange(requests.remove(0));
    let hasty = Transmit { time_limit: Duration::from_millis(1), ..requests.remove(0) };
    let (first, hasty) = tokio::join!(first, transport.exchange(hasty));
    assert!(matches!(hasty, Err(Lost::NotSent(_))), "{hasty:?}");
    let first = number(first);
    for request in requests {
        assert_eq!(number(transport.exchange(request).await), first);
    }
}
