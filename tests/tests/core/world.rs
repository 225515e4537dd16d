//! Issuances in virtual time, with and without faults.

use acme_proto::issuance::Issuance;
use acme_proto::register::{Register, RegisterEvent};
use acme_testca::CaConfig;
use acme_tests::world::{FaultPlan, SolverPlan, World, issue, issue_with};

fn registered(world: &mut World) -> acme_proto::session::Session {
    let mut session = world.session();
    let flow = Register::new();
    world
        .run(&mut session, flow, |flow, _, event| match event {
            RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked"),
            other => panic!("{other:?}"),
        })
        .expect("an account");
    session
}

#[test]
fn a_new_account_and_one_name_take_at_most_ten_requests_and_polls() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = registered(&mut world);
    let issued = issue(&mut world, &mut session, &["example.test"]).expect("a certificate");
    assert_eq!(issued.chain().leaf().dns_names(), ["example.test"]);
    assert_eq!(
        world.lines(),
        [
            "GET directory 200",
            "HEAD newNonce 200",
            "POST newAccount 201",
            "POST newOrder 201",
            "POST authorization 200",
            "POST challenge 200",
            "POST order 200",
            "POST finalize 200",
            "POST certificate 200",
        ]
    );
    assert!(world.published.is_empty(), "everything was cleaned up");
}

#[test]
fn rough_networks_still_end_in_certificates() {
    let mut issued = 0;
    for seed in 0..150 {
        let mut config = CaConfig::default();
        config.bad_nonce_percent = 10;
        let mut world = World::new(config, seed);
        let mut session = registered(&mut world);
        world.faults = FaultPlan::rough();
        let plan = SolverPlan { slowest: 700, ..SolverPlan::default() };
        let flows = ["a.test", "b.test"]
            .map(|base| {
                let names = [base.to_owned(), format!("*.{base}"), format!("www.{base}")];
                Issuance::new(names.iter().map(|n| n.parse().expect("a name"))).expect("names")
            })
            .into();
        for result in issue_with(&mut world, &mut session, flows, &plan) {
            match result {
                Ok(certificate) => {
                    issued += 1;
                    assert_eq!(certificate.chain().leaf().dns_names().len(), 3);
                }
                Err(error) => panic!("seed {seed}: {error}\n{:#?}", world.lines()),
            }
        }
        assert!(world.published.is_empty(), "seed {seed}: everything was cleaned up");
    }
    assert_eq!(issued, 300);
}
