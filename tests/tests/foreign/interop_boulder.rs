//! What Boulder, the server behind Let's Encrypt, can do with both adapters, in two modes.

use acme_tests::expected;
use acme_tests::interop::{Adapter, Sites, run};
use acme_tests::servers::{Boulder, BoulderOptions};

expected! {
    Register: Works(""),
    Http01: Works(""),
    Dns01: Works(""),
    DnsAccount01: Works(""),
    DnsPersist01: Works("a second certificate by the same record"),
    TlsAlpn01: Works(""),
    ThreeNames: Works(""),
    Wildcard: Works(""),
    WildcardDnsPersist01: Works("then its base name by the same record"),
    IpHttp01: Works(ADDRESS),
    IpTlsAlpn01: Works(ADDRESS),
    SameNames: Works("the authorization was valid already"),
    ExternalAccount: Lacks("the binding is ignored"),
    UpdateAccount: Works("contacts are not shown"),
    KeyChange: Works(""),
    DeactivateAccount: Works("then newOrder: 403 unauthorized"),
    RevokeByAccount: Works("the second time: already revoked"),
    RevokeByCertificate: Works(""),
    AlternateChain: Works("2 chains, each by name, root, fingerprint and key identifier"),
    RenewalInfo: Works(""),
    Replaces: Works("the second time it is left out"),
    Profile: Works("six days"),
    NotAfter: Lacks("400 malformed"),
    Orders: Lacks("not offered: orders"),
    DeactivateAuthorization: Works("the order is then invalid"),
    PreAuthorization: Lacks("not offered: newAuthz"),
    FailingHttp01: Works("the CA's reason: connection"),
    FailingDns01: Works("the CA's reason: unauthorized"),
    FailingTlsAlpn01: Works("the CA's reason: connection"),
    RefusedNonces: NotTried("it refuses none"),
}

const ADDRESS: &str = "with the profile shortlived; without it: 400 rejectedIdentifier";

#[test]
fn boulder_does_what_the_matrix_says() {
    let boulder = Boulder::start(&BoulderOptions::default());
    for adapter in [Adapter::Tokio, Adapter::Blocking] {
        matrix(adapter, &boulder);
    }
}

#[test]
fn boulder_in_its_next_mode_does_what_the_matrix_says() {
    // In this mode, each order is `processing` for three seconds. So the adapters wait side by side.
    std::thread::scope(|scope| {
        for adapter in [Adapter::Tokio, Adapter::Blocking] {
            scope
                .spawn(move || matrix(adapter, &Boulder::start(&BoulderOptions::default().next())));
        }
    });
}

fn matrix(adapter: Adapter, boulder: &Boulder) {
    run(adapter, Sites { main: boulder.site(), external: None, odd: None }, EXPECTED);
}
