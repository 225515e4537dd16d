//! Profiles of orders (draft-ietf-acme-profiles Section 4).

use serde_json::Value;

use super::ca::Ca;
use super::problem::Problem;

impl Ca {
    /// Returns the profile of a new order: the requested one, or the CA's choice.
    pub(super) fn profile(&mut self, wish: &Value) -> Result<Option<String>, Problem> {
        let config = &self.config;
        match wish.get("profile").filter(|_| !config.quirks.ignore_profiles) {
            None if config.default_profile.is_none() && config.random_profile => {
                let names = self.listed_profiles().map(|(name, _)| name.clone());
                let mut listed: Vec<String> = names.collect();
                let chosen = self.rng.below(listed.len().max(1) as u64) as usize;
                Ok((chosen < listed.len()).then(|| listed.swap_remove(chosen)))
            }
            None => Ok(config.default_profile.clone()),
            Some(Value::String(name)) if config.profiles.contains_key(name) => {
                Ok(Some(name.clone()))
            }
            Some(name) => Err(invalid(&format!("there is no profile {name}"))),
        }
    }

    /// Checks that the CA still issues certificates of the order's profile.
    pub(super) fn check_profile(&self, name: Option<&String>) -> Result<(), Problem> {
        match name.filter(|name| self.config.withdrawn_profiles.contains(*name)) {
            Some(name) => Err(invalid(&format!("the profile {name} is no longer issued"))),
            None => Ok(()),
        }
    }

    /// Returns the profiles that the directory lists, with their descriptions.
    pub(super) fn listed_profiles(&self) -> impl Iterator<Item = (&String, &String)> {
        let private = &self.config.private_profiles;
        let listed = self.config.profiles.iter().filter(|(name, _)| !private.contains(*name));
        listed.map(|(name, profile)| (name, &profile.description))
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(400, "invalidProfile", detail)
}
