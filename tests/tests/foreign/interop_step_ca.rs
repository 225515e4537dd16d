//! What smallstep's step-ca can do with both adapters.

use acme_tests::for_both_adapters;
use acme_tests::interop::Expect::{self, Lacks, NotTried, Works};
use acme_tests::interop::{Adapter, Feature, Sites, run};
use acme_tests::servers::{step_ca, step_ca_with_external_accounts};

for_both_adapters! {
    step_ca_does_what_the_matrix_says, matrix;
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
    (Feature::SameNames, Works("authorized again")),
    (Feature::ExternalAccount, Works("without a binding: external account required")),
    (Feature::UpdateAccount, Works("")),
    (Feature::KeyChange, Lacks("501 rejectedIdentifier")),
    (Feature::DeactivateAccount, Works("then newOrder: 401 unauthorized")),
    (Feature::RevokeByAccount, Works("the second time: already revoked")),
    (Feature::RevokeByCertificate, Works("")),
    (Feature::AlternateChain, Lacks("no alternate chains are linked")),
    (Feature::RenewalInfo, Lacks("not offered: renewalInfo")),
    (Feature::Replaces, Lacks("not offered: renewalInfo")),
    (Feature::Profile, Lacks("no profile shortlived")),
    (Feature::NotAfter, Works("")),
    (Feature::Orders, Works("4 orders in 1 page")),
    (Feature::DeactivateAuthorization, Lacks("400 malformed")),
    (Feature::PreAuthorization, Lacks("not offered: newAuthz")),
    (Feature::FailingHttp01, Works("the CA's reason: connection")),
    (Feature::FailingDns01, Works("the CA's reason: dns")),
    (Feature::FailingTlsAlpn01, Works("the CA's reason: connection")),
    (Feature::RefusedNonces, NotTried("it refuses none")),
];

fn matrix(adapter: Adapter) {
    let (main, external) = (step_ca(), step_ca_with_external_accounts());
    let sites = Sites { main: main.site(), external: Some(external.site()), odd: None };
    run(adapter, sites, &EXPECTED);
}
