use rustls::SignatureScheme::{ECDSA_NISTP256_SHA256, ED25519, RSA_PSS_SHA256};

use super::*;

/// A key that signs nothing, of the kind that its scheme belongs to.
#[derive(Debug)]
struct Key(SignatureScheme);

#[derive(Debug)]
struct NoSigner(SignatureScheme);

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        offered.contains(&self.0).then(|| Box::new(NoSigner(self.0)) as _)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.0 {
            ECDSA_NISTP256_SHA256 => SignatureAlgorithm::ECDSA,
            ED25519 => SignatureAlgorithm::ED25519,
            _ => SignatureAlgorithm::RSA,
        }
    }
}

impl rustls::sign::Signer for NoSigner {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Err(rustls::Error::General("this key signs nothing".into()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}

const EVERY: &[SignatureScheme] = &[RSA_PSS_SHA256, ED25519, ECDSA_NISTP256_SHA256];

fn install(table: &mut Table, id: &str, scheme: SignatureScheme, names: &[&str]) {
    // The certificate is its id, so that a test can see which one was chosen.
    let certificate = id.as_bytes().to_vec().into();
    let key = CertifiedKey::new(vec![certificate], Arc::new(Key(scheme)));
    table.install(id, names.iter().copied(), Arc::new(key));
}

/// Makes a table of ECDSA certificates, each with its names.
fn table(certificates: &[(&str, &[&str])]) -> Table {
    let mut table = Table::default();
    for (id, names) in certificates {
        install(&mut table, id, ECDSA_NISTP256_SHA256, names);
    }
    table
}

/// Returns the id of the certificate for a name, or for no name if it is empty.
fn chosen(table: &Table, name: &str, schemes: &[SignatureScheme]) -> Option<String> {
    let chosen = table.choose((!name.is_empty()).then_some(name), schemes)?;
    Some(String::from_utf8(chosen.cert[0].to_vec()).expect("an id"))
}

/// Compares what clients get that verify everything.
#[track_caller]
fn check(table: &Table, expected: &[(&str, Option<&str>)]) {
    for (name, id) in expected {
        assert_eq!(chosen(table, name, EVERY).as_deref(), *id, "{name:?}");
    }
}

#[test]
fn a_name_comes_before_its_wildcard_which_covers_one_label() {
    let table = table(&[("wild", &["*.example.org"]), ("www", &["www.example.org"])]);
    check(
        &table,
        &[
            ("www.example.org", Some("www")),
            ("api.example.org", Some("wild")),
            ("example.org", None),
            ("a.b.example.org", None),
            (".example.org", None),
            ("*.example.org", Some("wild")),
            ("org", None),
            (".", None),
            ("", None),
        ],
    );
    assert!(table.covers("www.example.org") && table.covers("api.example.org"));
    assert!(!table.covers("example.org") && !table.covers(""));
}

#[test]
fn names_are_compared_without_case_and_final_dot() {
    let table = table(&[("a", &["WWW.Example.ORG.", "*.Example.NET."])]);
    for name in ["www.example.org", "www.EXAMPLE.org", "www.example.org.", "a.EXAMPLE.net."] {
        check(&table, &[(name, Some("a"))]);
        assert!(table.covers(name), "{name}");
    }
}

#[test]
fn an_address_is_no_name() {
    let mut table = table(&[("a", &["192.0.2.1", "2001:db8::1"])]);
    check(&table, &[("192.0.2.1", None)]);
    table.set_default(Some("a"));
    check(&table, &[("", Some("a"))]);
}

#[test]
fn the_default_is_for_whoever_has_no_other_certificate() {
    let mut table = table(&[("a", &["a.example"]), ("b", &["b.example"])]);
    check(&table, &[("", None), ("c.example", None)]);
    table.set_default(Some("b"));
    check(&table, &[("", Some("b")), ("c.example", Some("b")), ("a.example", Some("a"))]);
    assert!(!table.covers("c.example"));
    assert!(table.remove("b"));
    check(&table, &[("", None), ("b.example", None)]);
    // It was chosen by its id, and comes back with it.
    install(&mut table, "b", ECDSA_NISTP256_SHA256, &["b2.example"]);
    check(&table, &[("", Some("b")), ("b2.example", Some("b")), ("b.example", Some("b"))]);
    table.set_default(None);
    check(&table, &[("", None), ("c.example", None)]);
}

#[test]
fn the_client_gets_a_key_that_it_verifies_and_ecdsa_if_it_can() {
    let names = &["a.example"][..];
    let kinds = [("rsa", RSA_PSS_SHA256), ("ecdsa", ECDSA_NISTP256_SHA256), ("ed25519", ED25519)];
    // The order of installation does not matter.
    for first in 0..kinds.len() {
        let mut table = Table::default();
        for index in 0..kinds.len() {
            let (id, scheme) = kinds[(first + index) % kinds.len()];
            install(&mut table, id, scheme, names);
        }
        table.set_default(Some("ed25519"));
        for (schemes, id, default) in [
            (EVERY, "ecdsa", "ed25519"),
            (&[RSA_PSS_SHA256, ED25519][..], "ed25519", "ed25519"),
            (&[RSA_PSS_SHA256][..], "rsa", "rsa"),
            // rustls then refuses it, with an alert that says why.
            (&[][..], "ecdsa", "ed25519"),
        ] {
            assert_eq!(chosen(&table, "a.example", schemes).as_deref(), Some(id), "{schemes:?}");
            assert_eq!(chosen(&table, "", schemes).as_deref(), Some(default), "{schemes:?}");
        }
    }
}

#[test]
fn a_wildcard_stands_in_for_a_name_whose_key_the_client_cannot_verify() {
    let mut table = Table::default();
    install(&mut table, "exact", ECDSA_NISTP256_SHA256, &["www.example.org"]);
    install(&mut table, "wild", RSA_PSS_SHA256, &["*.example.org"]);
    install(&mut table, "other", ED25519, &["other.example"]);
    table.set_default(Some("other"));
    let get = |schemes| chosen(&table, "www.example.org", schemes);
    assert_eq!(get(EVERY).as_deref(), Some("exact"));
    assert_eq!(get(&[RSA_PSS_SHA256]).as_deref(), Some("wild"));
    // A certificate for another name helps nobody.
    assert_eq!(get(&[ED25519]).as_deref(), Some("exact"));
}

#[test]
fn a_certificate_replaces_the_one_with_its_id_and_no_other() {
    let mut table = table(&[("a", &["a.example", "b.example", "a.example"])]);
    install(&mut table, "b", ECDSA_NISTP256_SHA256, &["b.example"]);
    check(&table, &[("a.example", Some("a")), ("b.example", Some("b"))]);
    install(&mut table, "a", ECDSA_NISTP256_SHA256, &["b.example", "c.example"]);
    check(&table, &[("a.example", None), ("b.example", Some("a")), ("c.example", Some("a"))]);
    assert_eq!(table.len(), 2);
    assert!(table.remove("a") && !table.remove("a"));
    check(&table, &[("a.example", None), ("b.example", Some("b")), ("c.example", None)]);
    assert!(table.certificate("b").is_some() && table.certificate("a").is_none());
    assert!(table.remove("b"));
    assert_eq!(table.len(), 0);
    let left = |shard: &Arc<Shard>| shard.exact.len() + shard.wildcard.len() + shard.by_id.len();
    assert_eq!(table.shards.iter().map(left).sum::<usize>(), 0, "nothing is left behind");
}

#[test]
fn a_change_copies_no_more_than_the_shards_that_it_touches() {
    let mut table = Table::default();
    for number in 0..10_000 {
        let name = format!("n{number}.example");
        install(&mut table, &name, ECDSA_NISTP256_SHA256, &[&name, &format!("*.{name}")]);
    }
    let before = table.clone();
    install(&mut table, "n77.example", ECDSA_NISTP256_SHA256, &["n77.example", "*.n77.example"]);
    let pairs = before.shards.iter().zip(&table.shards);
    let copied = pairs.filter(|(before, after)| !Arc::ptr_eq(before, after)).count();
    // The id, the name and the parent of the wildcard are the same text, so they share a shard.
    assert_eq!(copied, 1);
    assert_eq!(table.len(), 10_000);
    check(&table, &[("n77.example", Some("n77.example")), ("a.n9.example", Some("n9.example"))]);
}
