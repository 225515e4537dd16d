//! Which connection a request takes.

use super::adapter::{Transport as _, at_once, transport};
use acme_proto::flow::Transmit;
use acme_tests::numbering::{number, numbering};
use acme_tests::tls_server::{Identity, requests};

#[tokio::test]
async fn the_connection_that_was_used_last_is_used_first_unless_another_gave_the_nonce() {
    let transport = transport(Identity::default().pem());
    let mut requests = requests(&numbering(false), 7);
    let ids = [requests[0].id, requests[1].id];
    let numbers = at_once(&transport, requests.drain(..2)).await;
    assert_ne!(numbers[0], numbers[1]);
    let mut last = number(transport.exchange(requests.remove(0)).await);
    for _ in 0..2 {
        let again = number(transport.exchange(requests.remove(0)).await);
        assert_eq!(again, last);
        last = again;
    }
    let other = usize::from(numbers[0] == last);
    let nonce_from = Some(ids[other]);
    let retry = Transmit { nonce_from, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(retry).await), numbers[other]);
    // That one has been used last now, and no connection remembers the older response.
    let next = Transmit { nonce_from, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(next).await), numbers[other]);
}
