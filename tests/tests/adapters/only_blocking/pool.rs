//! Which connection a request takes.

use crate::both::on_blocking::adapter::{at_once, transport};
use acme_blocking::Transport as _;
use acme_proto::flow::Transmit;
use acme_tests::numbering::{number, numbering};
use acme_tests::tls_server::{Identity, requests};

#[test]
fn what_a_connection_brought_is_forgotten_with_it() {
    let transport = transport(Identity::default().pem());
    let mut requests = requests(&numbering(true), 5);
    let first = requests.remove(0);
    let of_the_first = Some(first.id);
    assert_eq!(number(transport.exchange(first)), "0");
    // Two at the same time: one of them takes the place of the connection that has ended.
    let both = at_once(&transport, requests.drain(..2));
    assert_ne!(both[0], both[1]);
    // No connection brought the first response, so it is the one that was used last, twice.
    let last = number(transport.exchange(requests.remove(0)));
    let retry = Transmit { nonce_from: of_the_first, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(retry)), last);
}
