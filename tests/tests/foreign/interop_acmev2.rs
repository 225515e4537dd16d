//! What acmev2 can do with both adapters.

use acme_tests::for_both_adapters;
use acme_tests::interop::Expect::{self, Lacks, NotTried, Works};
use acme_tests::interop::{Adapter, Feature, Sites, run};
use acme_tests::servers::{acmev2, acmev2_with_external_accounts};

for_both_adapters! {
    acmev2_does_what_the_matrix_says, matrix;
}

const EXPECTED: [(Feature, Expect); 30] = [
    (Feature::Register, Works("")),
    (Feature::Http01, Works("")),
    (Feature::Dns01, Works("")),
    (Feature::DnsAccount01, Lacks("order failed: no usable challenge among dns-01, http-01")),
    (Feature::DnsPersist01, Lacks("order failed: no usable challenge among dns-01, http-01")),
    (Feature::TlsAlpn01, Lacks("order failed: no usable challenge among dns-01, http-01")),
    (Feature::ThreeNames, Works("")),
    (Feature::Wildcard, Lacks("403 rejectedIdentifier")),
    (Feature::WildcardDnsPersist01, Lacks("403 rejectedIdentifier")),
    (Feature::IpHttp01, Lacks("403 malformed")),
    (Feature::IpTlsAlpn01, Lacks("403 malformed")),
    (Feature::SameNames, Works("authorized again")),
    (Feature::ExternalAccount, Works("without a binding: external account required")),
    (Feature::UpdateAccount, Lacks("404 no problem document")),
    (Feature::KeyChange, Lacks("not offered: keyChange")),
    (Feature::DeactivateAccount, Lacks("404 no problem document")),
    (Feature::RevokeByAccount, Lacks("not offered: revokeCert")),
    (Feature::RevokeByCertificate, Lacks("not offered: revokeCert")),
    (Feature::AlternateChain, Lacks("no alternate chains are linked")),
    (Feature::RenewalInfo, Lacks("the certificate names no issuer key")),
    (Feature::Replaces, Lacks("the certificate names no issuer key")),
    (Feature::Profile, Lacks("no profile shortlived")),
    (Feature::NotAfter, Lacks("the date is ignored")),
    (Feature::Orders, Lacks("404 resourceNotFound")),
    (Feature::DeactivateAuthorization, Lacks("403 malformed")),
    (Feature::PreAuthorization, Lacks("not offered: newAuthz")),
    (Feature::FailingHttp01, Lacks("time limit, waiting for authorization")),
    (Feature::FailingDns01, Lacks("time limit, waiting for authorization")),
    (Feature::FailingTlsAlpn01, Lacks("order failed: no usable challenge among dns-01, http-01")),
    (Feature::RefusedNonces, NotTried("it refuses none")),
];

fn matrix(adapter: Adapter) {
    let (main, external) = (acmev2(), acmev2_with_external_accounts());
    let sites = Sites { main: main.site(), external: Some(external.site()), odd: None };
    run(adapter, sites, &EXPECTED);
}
