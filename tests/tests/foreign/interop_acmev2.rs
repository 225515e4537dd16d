//! What acmev2 can do with both adapters.

use acme_tests::interop::{Adapter, Sites, run};
use acme_tests::servers::{acmev2, acmev2_with_external_accounts};
use acme_tests::{expected, for_both_adapters};

for_both_adapters! {
    acmev2_does_what_the_matrix_says, matrix;
}

expected! {
    Register: Works(""),
    Http01: Works(""),
    Dns01: Works(""),
    DnsAccount01: Lacks("order failed: no usable challenge among dns-01, http-01"),
    DnsPersist01: Lacks("order failed: no usable challenge among dns-01, http-01"),
    TlsAlpn01: Lacks("order failed: no usable challenge among dns-01, http-01"),
    ThreeNames: Works(""),
    Wildcard: Lacks("403 rejectedIdentifier"),
    WildcardDnsPersist01: Lacks("403 rejectedIdentifier"),
    IpHttp01: Lacks("403 malformed"),
    IpTlsAlpn01: Lacks("403 malformed"),
    SameNames: Works("authorized again"),
    ExternalAccount: Works("without a binding: external account required"),
    UpdateAccount: Lacks("404 no problem document"),
    KeyChange: Lacks("not offered: keyChange"),
    DeactivateAccount: Lacks("404 no problem document"),
    RevokeByAccount: Lacks("not offered: revokeCert"),
    RevokeByCertificate: Lacks("not offered: revokeCert"),
    AlternateChain: Lacks("no alternate chains are linked"),
    RenewalInfo: Lacks("the certificate names no issuer key"),
    Replaces: Lacks("the certificate names no issuer key"),
    Profile: Lacks("no profile shortlived"),
    NotAfter: Lacks("the date is ignored"),
    Orders: Lacks("404 resourceNotFound"),
    DeactivateAuthorization: Lacks("403 malformed"),
    PreAuthorization: Lacks("not offered: newAuthz"),
    FailingHttp01: Lacks("time limit, waiting for authorization"),
    FailingDns01: Lacks("time limit, waiting for authorization"),
    FailingTlsAlpn01: Lacks("order failed: no usable challenge among dns-01, http-01"),
    RefusedNonces: NotTried("it refuses none"),
}

fn matrix(adapter: Adapter) {
    let (main, external) = (acmev2(), acmev2_with_external_accounts());
    let sites = Sites { main: main.site(), external: Some(external.site()), odd: None };
    run(adapter, sites, EXPECTED);
}
