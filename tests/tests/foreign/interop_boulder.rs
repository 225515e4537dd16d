//! What Boulder, the server behind Let's Encrypt, can do with both adapters, in two modes.

use acme_tests::interop::Expect::{self, Lacks, NotTried, Works};
use acme_tests::interop::{Adapter, Feature, Sites, run};
use acme_tests::servers::{Boulder, BoulderOptions};

const EXPECTED: [(Feature, Expect); 30] = [
    (Feature::Register, Works("")),
    (Feature::Http01, Works("")),
    (Feature::Dns01, Works("")),
    (Feature::DnsAccount01, Works("")),
    (Feature::DnsPersist01, Works("a second certificate by the same record")),
    (Feature::TlsAlpn01, Works("")),
    (Feature::ThreeNames, Works("")),
    (Feature::Wildcard, Works("")),
    (Feature::WildcardDnsPersist01, Works("then its base name by the same record")),
    (Feature::IpHttp01, Works(ADDRESS)),
    (Feature::IpTlsAlpn01, Works(ADDRESS)),
    (Feature::SameNames, Works("the authorization was valid already")),
    (Feature::ExternalAccount, Lacks("the binding is ignored")),
    (Feature::UpdateAccount, Works("contacts are not shown")),
    (Feature::KeyChange, Works("")),
    (Feature::DeactivateAccount, Works("then newOrder: 403 unauthorized")),
    (Feature::RevokeByAccount, Works("the second time: already revoked")),
    (Feature::RevokeByCertificate, Works("")),
    (
        Feature::AlternateChain,
        Works("2 chains, each by name, root, fingerprint and key identifier"),
    ),
    (Feature::RenewalInfo, Works("")),
    (Feature::Replaces, Works("the second time it is left out")),
    (Feature::Profile, Works("six days")),
    (Feature::NotAfter, Lacks("400 malformed")),
    (Feature::Orders, Lacks("not offered: orders")),
    (Feature::DeactivateAuthorization, Works("the order is then invalid")),
    (Feature::PreAuthorization, Lacks("not offered: newAuthz")),
    (Feature::FailingHttp01, Works("the CA's reason: connection")),
    (Feature::FailingDns01, Works("the CA's reason: unauthorized")),
    (Feature::FailingTlsAlpn01, Works("the CA's reason: connection")),
    (Feature::RefusedNonces, NotTried("it refuses none")),
];

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
    run(adapter, Sites { main: boulder.site(), external: None, odd: None }, &EXPECTED);
}
