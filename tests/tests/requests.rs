//! What every request looks like (RFC 8555 sections 5, 6.1 to 6.4).

use std::collections::BTreeSet;

use acme_proto::call::Call;
use acme_proto::http::{Method, Request};
use acme_proto::op::{
    DeactivateAccount, GetAccount, GetCertificate, KeyChange, ListOrders, NewAuthorization, Revoke,
    UpdateAccount,
};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::Session;
use acme_testca::{CaConfig, RequestKind};
use acme_tests::covers;
use acme_tests::script::{
    ACCOUNT, DIRECTORY, NEW_ACCOUNT, NEW_NONCE, Script, account, account_object, answer,
    directory_with, payload, protected, url,
};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

/// A world in which every kind of request has been made, and the requests.
struct Everything {
    world: World,
    session: Session,
}

impl Everything {
    fn new() -> Self {
        let mut config = CaConfig::default();
        config.new_authz = true;
        let mut world = World::new(config, 1);
        let mut session = world.session();
        let flow = Register::new().contacts(vec!["mailto:grüße@example.org".into()]);
        let flow = flow.expect("a contact");
        world.run(&mut session, flow, |flow: &mut Register, _, event| match event {
            RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked"),
            other => panic!("{other:?}"),
        })
        .expect("an account");
        let issued = issue(&mut world, &mut session, &["a.test", "*.a.test"]).expect("issued");
        let mut this = Self { world, session };
        let name = "b.test".parse().expect("a name");
        this.call(Call::new(NewAuthorization::new(name).expect("no wildcard")));
        this.call(Call::new(GetAccount));
        this.call(Call::new(ListOrders::first()));
        this.call(Call::new(GetCertificate::new(issued.url().clone())));
        this.call(Call::new(Revoke::new(issued.chain().leaf())));
        this.call(Call::new(UpdateAccount::contacts(vec![]).expect("no contacts")));
        this.call(Call::new(KeyChange::new(this.world.other_key.public_key())));
        this.call(Call::new(DeactivateAccount));
        this
    }

    fn call<O: acme_proto::op::Operation>(&mut self, call: Call<O>) {
        let result = self.world.run(&mut self.session, call, |_, _, never| match never {});
        assert!(result.is_ok(), "{:?}", result.err());
    }

    fn requests(&self) -> impl Iterator<Item = (RequestKind, &Request)> {
        self.world.transcript.iter().map(|exchange| (exchange.kind, &exchange.request))
    }

    fn posts(&self) -> impl Iterator<Item = (RequestKind, &Request, Value)> {
        let signed = self.requests().filter(|(_, request)| request.method() == Method::Post);
        signed.map(|(kind, request)| (kind, request, protected(request)))
    }

    fn all(&self, holds: impl Fn(RequestKind, &Request, &Value) -> bool) -> bool {
        self.posts().all(|(kind, request, header)| holds(kind, request, &header))
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body_bytes()).expect("JSON")
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}
