//! Private keys and MAC keys are in no state, no output and no text of the core.

use std::fmt::Debug;

use acme_proto::call::Call;
use acme_proto::flow::{Flow, Input, Output};
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::jose::{MacKey, base64url};
use acme_proto::op::KeyChange;
use acme_proto::register::Register;
use acme_proto::session::ExternalAccount;
use acme_proto::session::Session;
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_testca::CaConfig;
use acme_tests::world::World;

/// The seeds of the world's keys, and the MAC key.
const SECRETS: [[u8; 32]; 3] = [[1; 32], [2; 32], [9; 32]];

/// Everything that was ever shown, as one text.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn add(&mut self, what: &impl Debug) {
        self.0.push_str(&format!("{what:?}\n"));
    }

    /// Returns whether any secret stands in the text, in any of the usual forms.
    fn has_secrets(&self) -> bool {
        SECRETS.iter().any(|secret| {
            let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
            let list = format!("{secret:?}");
            let list = list.trim_matches(['[', ']']);
            [base64url::encode(secret), hex, list.to_owned()].iter().any(|f| self.0.contains(f))
        })
    }
}

fn world() -> World {
    let mut config = CaConfig::default();
    config.eab_required = true;
    config.eab_keys.insert("kid-1".into(), SECRETS[2].to_vec());
    let mut world = World::new(config, 1);
    let key = MacKey::from_bytes(SECRETS[2].to_vec()).expect("a key");
    world.mac_keys.insert("kid-1".into(), key);
    world
}

/// Drives a flow one thing at a time, and shows everything at every step.
fn show<F: Flow + Debug>(
    world: &mut World,
    session: &mut Session,
    shown: &mut Shown,
    mut flow: F,
    mut on_event: impl FnMut(&mut World, &mut F, &mut Session, F::Event),
) where
    F::Event: Debug,
    F::Success: Debug,
{
    loop {
        shown.add(&flow);
        shown.add(session);
        let output = flow.poll_output(session, world.now());
        shown.add(&output);
        let input = match output {
            Output::Transmit(transmit) => {
                shown.add(&String::from_utf8_lossy(transmit.request.body()));
                Input::Response(transmit.id, world.ask(&transmit).expect("an answer"))
            }
            Output::Sign(sign) => Input::Signature(sign.id, world.sign(&sign).expect("a key")),
            Output::Save(save) => {
                shown.0.push_str(&serde_json::to_string(&save.snapshot).expect("JSON"));
                Input::Saved(save.id)
            }
            Output::Event(event) => {
                on_event(world, &mut flow, session, event);
                continue;
            }
            Output::Notice(_) => continue,
            Output::Timeout(at) => {
                let wait = at.saturating_duration_since(world.now());
                world.pass(wait.as_millis() as u64 + 1);
                continue;
            }
            Output::Done(result) => {
                result.map_err(|error| error.to_string()).expect("success");
                return;
            }
        };
        shown.add(&input);
        flow.handle_input(session, input, world.now()).expect("a known id");
    }
}

#[test]
fn no_secret_is_shown_by_registering_changing_the_key_and_issuing() {
    let mut world = world();
    let mut session = world.session();
    let mut shown = Shown::default();
    let external = ExternalAccount::new("kid-1").expect("ASCII");
    let flow = Register::new().with_external_account(Some(external));
    show(&mut world, &mut session, &mut shown, flow, |_, _, _, event| panic!("{event:?}"));
    let change = Call::new(KeyChange::new(world.other_key.public_key()));
    show(&mut world, &mut session, &mut shown, change, |_, _, _, never| match never {});
    let flow = Issuance::new(["a.test".parse().expect("a name")]).expect("a name").durable();
    show(&mut world, &mut session, &mut shown, flow, |world, flow, session, event| match event {
        IssuanceEvent::Authorize(offer) => {
            flow.select(session, &offer.id(), &offer.kinds()[0]).expect("open");
        }
        IssuanceEvent::Provision(challenge) => {
            world.publish(&challenge).expect("published");
            flow.ready(&challenge.id()).expect("handed out");
        }
        IssuanceEvent::CleanUp(challenge) => flow.cleaned(&challenge.id()).expect("handed out"),
        IssuanceEvent::Finalize(names) => {
            flow.finalize(acme_tests::world::csr(&names)).expect("a CSR");
        }
        other => panic!("{other:?}"),
    });
    assert!(shown.0.len() > 10_000, "something was shown");
    // covers 8555-11.1-6
    assert!(!shown.has_secrets());
    // covers 7517-9.2-1
    assert!(!shown.0.contains("\"d\":"), "{:?}", shown.0);
}

#[test]
fn the_search_for_secrets_finds_them() {
    for form in [base64url::encode(&SECRETS[0]), "02".repeat(32), format!("{:?}", SECRETS[2])] {
        assert!(Shown(form.clone()).has_secrets(), "{form}");
    }
}

#[test]
fn keys_show_nothing_when_they_are_debugged() {
    let mut shown = Shown::default();
    shown.add(&Ed25519Key::from_scalar(&SECRETS[0]).expect("a key"));
    shown.add(&Es256Key::from_scalar(&SECRETS[1]).expect("a key"));
    shown.add(&MacKey::from_bytes(SECRETS[2].to_vec()).expect("a key"));
    // covers 8555-11.1-6
    assert!(!shown.has_secrets(), "{}", shown.0);
}
