//! Dynamic updates at Knot DNS, which the test CA asks for TXT records.

use acme_blocking::{
    AccountKey, BoxError, Client, Dns01, Dns01Solver, KeyKind, ProviderKey, Roots,
};
use acme_testca::TestCa;
use acme_tests::servers::Knot;

/// A zone that is changed by Knot's own program.
struct ByKnsupdate<'k>(&'k Knot);

impl Dns01 for ByKnsupdate<'_> {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.update("example.test", &[&format!("add {name}. 60 TXT \"{value}\"")]);
        Ok(())
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.update("example.test", &[&format!("delete {name}. TXT \"{value}\"")]);
        Ok(())
    }
}

#[test]
fn the_ca_finds_what_another_program_publishes_at_knot() {
    let knot = Knot::start(&[("example.test", "")]);
    let ca = TestCa::builder().dns(knot.server()).start().expect("a CA");
    let client = Client::builder(ca.directory_url())
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .roots(Roots::Pem(ca.root_pem().into()))
        .connect()
        .expect("a client");
    client.register().run().expect("an account");
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let solver = Dns01Solver::new(ByKnsupdate(&knot));
    let names = ["example.test", "*.example.test"];
    client.issue(names).key(&key).solver(&solver).run().expect("a certificate");
    assert_eq!(ca.validations().len(), 2);
    assert_eq!(knot.all_txt(), []);
}
