//! What Pebble can do with both adapters.

use acme_tests::interop::{Adapter, Expect, Feature, Sites, run};
use acme_tests::servers::{Pebble, PebbleOptions};
use acme_tests::{expected, for_both_adapters};

for_both_adapters! {
    pebble_does_what_the_matrix_says, matrix;
}

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
    RenewalInfo: Works(""),
    Replaces: Works("the second time it is left out"),
    Profile: Works("six days"),
    NotAfter: Works(""),
    Orders: Works("4 orders in 2 pages"),
    DeactivateAuthorization: Works("the order is then invalid"),
    PreAuthorization: Lacks("not offered: newAuthz"),
    FailingHttp01: Works("the CA's reason: connection"),
    FailingDns01: Works("the CA's reason: unauthorized"),
    FailingTlsAlpn01: Works("the CA's reason: unauthorized"),
    RefusedNonces: Works("three certificates"),
}

/// The key identifier and MAC key of the external account.
const EXTERNAL: (&str, &str) = ("kid-1", "UGViYmxlJ3MgTUFDIGtleSBvZiAzMiBieXRlcyEhISE");

fn matrix(adapter: Adapter) {
    pebble_matrix(adapter, &PebbleOptions::default(), EXPECTED);
}

/// Tries every feature with three Pebbles that have these options and their own.
pub(crate) fn pebble_matrix(
    adapter: Adapter,
    options: &PebbleOptions,
    expected: &[(Feature, Expect)],
) {
    let options = || options.clone();
    let main = Pebble::start(options().alternate_roots(2));
    let external = Pebble::start(options().external_account(EXTERNAL.0, EXTERNAL.1));
    let odd = Pebble::start(options().nonce_reject(50).authz_reuse(100));
    let [main, external, odd] = [main.site(), external.site(), odd.site()];
    run(adapter, Sites { main: &main, external: Some(&external), odd: Some(&odd) }, expected);
}
