//! A solver that asks a person, who may be anybody that answers.

use std::sync::{Arc, Mutex};

use acme_proto::policy::{Policy, Rates};
use acme_testca::TestCa;

use super::adapter::{AskPerson, Person, PersonError};
use super::ca::{builder, certificate_key};

/// Adds the records of each question to the resolver of the test CA, and removes those that can be removed.
struct Operator {
    ca: Arc<TestCa>,
    questions: Arc<Mutex<Vec<usize>>>,
}

/// Reads the lines such as `  NAME. TXT "VALUE"`.
fn records(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(". TXT \""));
    lines.map(|(name, value)| (name, value.trim_end_matches('"'))).collect()
}

impl Person for Operator {
    fn is_there(&self) -> Result<(), PersonError> {
        Ok(())
    }

    fn ask(&self, question: &str, _: &dyn Fn() -> bool) -> Result<String, PersonError> {
        let records = records(question);
        for (name, value) in &records {
            assert!(self.ca.set_txt(name, value), "the resolver has room");
        }
        self.questions.lock().expect("no panic").push(records.len());
        Ok(String::new())
    }

    fn show(&self, text: &str, _: &dyn Fn() -> bool) {
        for (name, value) in records(text) {
            self.ca.clear_txt(name, value);
        }
    }
}

#[tokio::test]
async fn a_person_is_asked_once_for_all_records_however_slowly_the_ca_offers_them() {
    let ca = Arc::new(TestCa::start());
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    // One authorization is read after the other.
    policy.max_in_flight = 1;
    let client = builder(&ca).policy(policy).connect().await.expect("a client");
    client.register().run().await.expect("an account");
    let questions = Arc::default();
    let person = Operator { ca: Arc::clone(&ca), questions: Arc::clone(&questions) };
    let names = ["a.test", "*.a.test", "b.test", "c.test", "d.test"];
    let issue = client.issue(names).key(&certificate_key());
    let issued = issue.solver(AskPerson::with(person)).run().await.expect("a certificate");
    assert_eq!(issued.not_cleaned(), []);
    assert_eq!(*questions.lock().expect("no panic"), [5]);
    assert!(ca.published_txt().values().all(Vec::is_empty));
}
