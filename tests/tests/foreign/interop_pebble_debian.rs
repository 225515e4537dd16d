//! What Debian's Pebble 2.4 can do with both adapters.

use acme_tests::interop::Adapter;
use acme_tests::servers::PebbleOptions;
use acme_tests::{expected, for_both_adapters};

use crate::interop_pebble::pebble_matrix;

for_both_adapters! {
    debians_pebble_does_what_the_matrix_says, matrix;
}

expected! {
    Register: Works(""),
    Http01: Works(""),
    Dns01: Works(""),
    DnsAccount01: Lacks("order failed: no usable challenge among dns-01, http-01, tls-alpn-01"),
    DnsPersist01: Lacks("order failed: no usable challenge among dns-01, http-01, tls-alpn-01"),
    TlsAlpn01: Works(""),
    ThreeNames: Works(""),
    Wildcard: Works(""),
    WildcardDnsPersist01: Lacks("order failed: no usable challenge among dns-01"),
    IpHttp01: Works(""),
    IpTlsAlpn01: Works(""),
    SameNames: Works("the authorization was valid already"),
    ExternalAccount: Works("without a binding: external account required"),
    UpdateAccount: Works(""),
    KeyChange: Works(""),
    DeactivateAccount: Works("then newOrder: 403 unauthorized"),
    RevokeByAccount: Works("the second time: already revoked"),
    RevokeByCertificate: Works(""),
    AlternateChain: Works("3 chains, each by name, root, fingerprint and key identifier"),
    RenewalInfo: Lacks("not offered: renewalInfo"),
    Replaces: Lacks("not offered: renewalInfo"),
    Profile: Lacks("no profile shortlived"),
    NotAfter: Works(""),
    Orders: Works("4 orders in 2 pages"),
    DeactivateAuthorization: Works("the order is then deactivated"),
    PreAuthorization: Lacks("not offered: newAuthz"),
    FailingHttp01: Works("the CA's reason: connection"),
    FailingDns01: Works("the CA's reason: unauthorized"),
    FailingTlsAlpn01: Works("the CA's reason: unauthorized"),
    RefusedNonces: Works("three certificates"),
}

fn matrix(adapter: Adapter) {
    pebble_matrix(adapter, &PebbleOptions::default().debian(), EXPECTED);
}
