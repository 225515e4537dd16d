//! What serles can do with both adapters.

use acme_tests::for_both_adapters;
use acme_tests::interop::Expect::{self, Lacks, NotTried, Works};
use acme_tests::interop::{Adapter, Feature, Sites, run};
use acme_tests::servers::serles;

for_both_adapters! {
    serles_does_what_the_matrix_says, matrix;
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
    (Feature::IpTlsAlpn01, Lacks("order failed: connection")),
    (Feature::SameNames, Works("authorized again")),
    (Feature::ExternalAccount, Lacks("the binding is ignored")),
    (Feature::UpdateAccount, Works("shown as you@mail.example.org")),
    (Feature::KeyChange, Lacks("403 unauthorized")),
    (Feature::DeactivateAccount, Lacks("not applied: still not deactivated")),
    (Feature::RevokeByAccount, Lacks("403 unauthorized")),
    (Feature::RevokeByCertificate, Lacks("403 unauthorized")),
    (Feature::AlternateChain, Lacks("no alternate chains are linked")),
    (Feature::RenewalInfo, Lacks("not offered: renewalInfo")),
    (Feature::Replaces, Lacks("not offered: renewalInfo")),
    (Feature::Profile, Lacks("no profile shortlived")),
    (Feature::NotAfter, Lacks("500 no problem document")),
    (Feature::Orders, Lacks(r#"unusable answer: "orders" is malformed"#)),
    (Feature::DeactivateAuthorization, Lacks("it stays pending")),
    (Feature::PreAuthorization, Lacks("not offered: newAuthz")),
    (Feature::FailingHttp01, Works("the CA's reason: connection")),
    (Feature::FailingDns01, Works("the CA's reason: dns")),
    (Feature::FailingTlsAlpn01, Works("the CA's reason: connection")),
    (Feature::RefusedNonces, NotTried("it refuses none")),
];

fn matrix(adapter: Adapter) {
    let main = serles();
    let sites = Sites { main: main.site(), external: None, odd: None };
    run(adapter, sites, &EXPECTED);
}
