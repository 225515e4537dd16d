//! What serles can do with both adapters.

use acme_tests::interop::{Adapter, Sites, run};
use acme_tests::servers::serles;
use acme_tests::{expected, for_both_adapters};

for_both_adapters! {
    serles_does_what_the_matrix_says, matrix;
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
    IpTlsAlpn01: Lacks("order failed: connection"),
    SameNames: Works("authorized again"),
    ExternalAccount: Lacks("the binding is ignored"),
    UpdateAccount: Works("shown as you@mail.example.org"),
    KeyChange: Lacks("403 unauthorized"),
    DeactivateAccount: Lacks("not applied: still not deactivated"),
    RevokeByAccount: Lacks("403 unauthorized"),
    RevokeByCertificate: Lacks("403 unauthorized"),
    AlternateChain: Lacks("no alternate chains are linked"),
    RenewalInfo: Lacks("not offered: renewalInfo"),
    Replaces: Lacks("not offered: renewalInfo"),
    Profile: Lacks("no profile shortlived"),
    NotAfter: Lacks("500 no problem document"),
    Orders: Lacks(r#"unusable answer: "orders" is malformed"#),
    DeactivateAuthorization: Lacks("it stays pending"),
    PreAuthorization: Lacks("not offered: newAuthz"),
    FailingHttp01: Works("the CA's reason: connection"),
    FailingDns01: Works("the CA's reason: dns"),
    FailingTlsAlpn01: Works("the CA's reason: connection"),
    RefusedNonces: NotTried("it refuses none"),
}

fn matrix(adapter: Adapter) {
    let main = serles();
    let sites = Sites { main: main.site(), external: None, odd: None };
    run(adapter, sites, EXPECTED);
}
