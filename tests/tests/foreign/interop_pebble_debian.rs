//! What Debian's Pebble 2.4 can do with both adapters.

use acme_tests::for_both_adapters;
use acme_tests::interop::Expect::{self, Lacks, Works};
use acme_tests::interop::{Adapter, Feature, Sites, run};
use acme_tests::servers::{Pebble, PebbleOptions};

for_both_adapters! {
    debians_pebble_does_what_the_matrix_says, matrix;
}

const EXPECTED: [(Feature, Expect); 30] = [
    (Feature::Register, Works("")),
    (Feature::Http01, Works("")),
    (Feature::Dns01, Works("")),
    (
        Feature::DnsAccount01,
        Lacks("order failed: no usable challenge among dns-01, http-01, tls-alpn-01"),
    ),
    (
        Feature::DnsPersist01,
        Lacks("order failed: no usable challenge among dns-01, http-01, tls-alpn-01"),
    ),
    (Feature::TlsAlpn01, Works("")),
    (Feature::ThreeNames, Works("")),
    (Feature::Wildcard, Works("")),
    (Feature::WildcardDnsPersist01, Lacks("order failed: no usable challenge among dns-01")),
    (Feature::IpHttp01, Works("")),
    (Feature::IpTlsAlpn01, Works("")),
    (Feature::SameNames, Works("the authorization was valid already")),
    (Feature::ExternalAccount, Works("without a binding: external account required")),
    (Feature::UpdateAccount, Works("")),
    (Feature::KeyChange, Works("")),
    (Feature::DeactivateAccount, Works("then newOrder: 403 unauthorized")),
    (Feature::RevokeByAccount, Works("the second time: already revoked")),
    (Feature::RevokeByCertificate, Works("")),
    (
        Feature::AlternateChain,
        Works("3 chains, each by name, root, fingerprint and key identifier"),
    ),
    (Feature::RenewalInfo, Lacks("not offered: renewalInfo")),
    (Feature::Replaces, Lacks("not offered: renewalInfo")),
    (Feature::Profile, Lacks("no profile shortlived")),
    (Feature::NotAfter, Works("")),
    (Feature::Orders, Works("4 orders in 2 pages")),
    (Feature::DeactivateAuthorization, Works("the order is then deactivated")),
    (Feature::PreAuthorization, Lacks("not offered: newAuthz")),
    (Feature::FailingHttp01, Works("the CA's reason: connection")),
    (Feature::FailingDns01, Works("the CA's reason: unauthorized")),
    (Feature::FailingTlsAlpn01, Works("the CA's reason: unauthorized")),
    (Feature::RefusedNonces, Works("three certificates")),
];

/// The key identifier and MAC key of the external account.
const EXTERNAL: (&str, &str) = ("kid-1", "UGViYmxlJ3MgTUFDIGtleSBvZiAzMiBieXRlcyEhISE");

fn matrix(adapter: Adapter) {
    let main = Pebble::start(options().alternate_roots(2));
    let external = Pebble::start(options().external_account(EXTERNAL.0, EXTERNAL.1));
    let odd = Pebble::start(options().nonce_reject(50).authz_reuse(100));
    let [main, external, odd] = [main.site(), external.site(), odd.site()];
    run(adapter, Sites { main: &main, external: Some(&external), odd: Some(&odd) }, &EXPECTED);
}

fn options() -> PebbleOptions {
    PebbleOptions::default().debian()
}
