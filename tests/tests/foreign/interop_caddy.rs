//! What Caddy can do with both adapters.

use acme_tests::interop::{Adapter, Sites, run};
use acme_tests::servers::caddy;
use acme_tests::{expected, for_both_adapters};

for_both_adapters! {
    caddy_does_what_the_matrix_says, matrix;
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
    SameNames: Works("authorized again"),
    ExternalAccount: Lacks("the binding is ignored"),
    UpdateAccount: Works(""),
    KeyChange: Lacks("501 rejectedIdentifier"),
    DeactivateAccount: Works("then newOrder: 401 unauthorized"),
    RevokeByAccount: Works("the second time: already revoked"),
    RevokeByCertificate: Works(""),
    AlternateChain: Lacks("no alternate chains are linked"),
    RenewalInfo: Lacks("not offered: renewalInfo"),
    Replaces: Lacks("not offered: renewalInfo"),
    Profile: Lacks("no profile shortlived"),
    NotAfter: Works(""),
    Orders: Works("4 orders in 1 page"),
    DeactivateAuthorization: Lacks("400 malformed"),
    PreAuthorization: Lacks("not offered: newAuthz"),
    FailingHttp01: Works("the CA's reason: connection"),
    FailingDns01: Works("the CA's reason: dns"),
    FailingTlsAlpn01: Works("the CA's reason: connection"),
    RefusedNonces: NotTried("it refuses none"),
}

fn matrix(adapter: Adapter) {
    let main = caddy();
    let sites = Sites { main: main.site(), external: None, odd: None };
    run(adapter, sites, EXPECTED);
}
