//! What the CA of the world finds: responses by token, and TXT records by name.

use acme_proto::challenge::{Challenge, PersistOptions};
use acme_proto::wire::ChallengeKind;

use super::World;

impl World {
    /// Publishes what a challenge asks for.
    ///
    /// # Errors
    /// Fails with the reason why there is no record of dns-persist-01.
    pub fn publish(&mut self, challenge: &Challenge) -> Result<(), String> {
        self.publish_with(challenge, &PersistOptions::default())
    }

    /// Publishes what a challenge asks for, with these wishes for records of dns-persist-01.
    ///
    /// # Errors
    /// Fails with the reason why there is no such record.
    pub fn publish_with(
        &mut self,
        challenge: &Challenge,
        options: &PersistOptions,
    ) -> Result<(), String> {
        let record = match challenge.dns_persist_01() {
            Some(asked) => {
                let there = self.txt.get(asked.name()).cloned().unwrap_or_default();
                let choice = asked.choose(&there, options, self.now());
                Some(choice.map_err(|refusal| refusal.to_string())?.record().clone())
            }
            None => challenge.dns_account_01(),
        };
        if let Some(record) = record {
            let values = self.txt.entry(record.name).or_default();
            if !values.contains(&record.value) {
                values.push(record.value);
            }
        } else if let (Some(token), Some(key)) = (challenge.token(), challenge.key_authorization())
        {
            self.published.insert(token.to_string(), key.as_str().to_owned());
        }
        Ok(())
    }

    /// Takes back what a challenge asked for.
    pub fn take_back(&mut self, challenge: &Challenge) {
        if *challenge.kind() == ChallengeKind::DnsPersist01 {
            self.txt.remove(&challenge.txt_name().unwrap_or_default());
        } else if let Some(record) = challenge.dns_account_01() {
            let values = self.txt.entry(record.name.clone()).or_default();
            values.retain(|value| *value != record.value);
            if values.is_empty() {
                self.txt.remove(&record.name);
            }
        } else if let Some(token) = challenge.token() {
            self.published.remove(token.as_str());
        }
    }
}
