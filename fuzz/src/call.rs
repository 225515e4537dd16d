use std::convert::Infallible;
use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::flow::{Flow, SaveRequest};
use acme_proto::http::Request;
use acme_proto::jose::Jwk;
use acme_proto::op::{
    DeactivateAccount, DeactivateAuthorization, Finalize, FindAccount, GetAccount,
    GetAuthorization, GetCertificate, GetChain, GetChallenge, GetDirectory, GetOrder,
    GetRenewalInfo, KeyChange, ListAllOrders, ListOrders, NewAccount, NewAuthorization, NewOrder,
    Operation, RespondChallenge, Revoke, UpdateAccount,
};
use acme_proto::url::Url;
use acme_proto::x509::{CertificateChain, ChainChoice};

use crate::world::{self, End, ORIGIN, World};

/// Drives single operations, one after the other in one session, against the same CA as
/// [`issuance`](crate::issuance).
///
/// # Panics
///
/// If a call breaks the contract of a flow.
pub fn call(data: &[u8]) {
    let mut world = World::new(data);
    for _ in 0..6 {
        let url = |path: &str| Url::parse(&format!("{ORIGIN}{path}")).expect("a URL");
        match world.bytes.below(21) {
            0 => drive(NewOrder::new(world.ca.names.clone()).expect("names"), &mut world),
            1 => drive(GetDirectory, &mut world),
            2 => drive(GetOrder(url("/order/0")), &mut world),
            3 => drive(RespondChallenge::new(url("/chall/0/0")), &mut world),
            4 => {
                let finalize = url("/order/0/finalize");
                drive(Finalize::new(url("/order/0"), finalize, world.csr()), &mut world);
            }
            5 => drive(GetAuthorization(url("/authz/0")), &mut world),
            6 => drive(GetCertificate(url("/cert/0")), &mut world),
            7 => drive(FindAccount, &mut world),
            8 => drive(KeyChange::new(Jwk::ed25519(&[3; 32])), &mut world),
            9 => drive(ListOrders::first(), &mut world),
            10 => drive(DeactivateAccount, &mut world),
            11 => drive(GetAccount, &mut world),
            12 => drive(UpdateAccount::contacts(Vec::new()).expect("no contacts"), &mut world),
            13 => drive(NewAccount::new(), &mut world),
            14 => drive(GetChallenge(url("/chall/0/0")), &mut world),
            15 => drive(DeactivateAuthorization(url("/authz/0")), &mut world),
            16 => drive(ListAllOrders::new(), &mut world),
            17 => {
                let choice = ChainChoice::issuer("another");
                drive(GetChain::new(url("/cert/0"), choice), &mut world);
            }
            18 => {
                if let Ok(operation) = NewAuthorization::new(world.ca.names[0].clone()) {
                    drive(operation, &mut world);
                }
            }
            _ => of_a_certificate(&mut world),
        }
        if world.bytes.is_over() {
            return;
        }
    }
}

/// Asks for the renewal information of a certificate, or revokes it.
fn of_a_certificate(world: &mut World<'_>) {
    let chain = world.ca.chain();
    let Ok(chain) = CertificateChain::parse_pem(chain.as_bytes()) else { return };
    match GetRenewalInfo::of(chain.leaf()).filter(|_| world.bytes.below(2) == 0) {
        Some(operation) => drive(operation, world),
        None => {
            let code = world.bytes.u8();
            if let Ok(operation) = Revoke::new(chain.leaf()).with_reason_code(code) {
                drive(operation, world);
            }
        }
    }
}

fn drive<O: Operation>(operation: O, world: &mut World<'_>) {
    let mut flow = Call::new(operation);
    assert_eq!(world::run(&mut flow, &mut Nobody, world, false), End::Done);
}

/// The user of a flow that has no events.
struct Nobody;

impl<F: Flow<Event = Infallible>> world::User<F> for Nobody {
    fn event(&mut self, never: Infallible) {
        match never {}
    }

    fn owes(&self) -> usize {
        0
    }

    fn act(&mut self, _: usize, _: &mut F, _: &mut World<'_>) {}

    fn disturb(&mut self, _: &mut F, _: &mut World<'_>) -> bool {
        false
    }

    fn sees(&mut self, _: &Request) {}

    fn save(&mut self, _: &SaveRequest, _: &mut World<'_>) -> Result<(), String> {
        panic!("a call has nothing to save")
    }

    fn done(&mut self, _: &mut F, _: Result<F::Success, Error>, _: &mut World<'_>) {}

    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    fn gives_up(&self) -> bool {
        false
    }
}
