//! The directory (RFC 8555 Section 7.1.1).

use serde_json::{Map, Value, json};

use super::ca::Ca;
use super::respond::Reply;

impl Ca {
    pub(super) fn directory(&mut self) -> Reply {
        let mut directory = Map::new();
        let (config, quirks) = (&self.config, &self.config.quirks);
        let resources = [
            ("newNonce", "/new-nonce", true),
            ("newAccount", "/new-account", true),
            ("newOrder", "/new-order", !quirks.no_new_order),
            ("newAuthz", "/new-authz", config.new_authz),
            ("revokeCert", "/revoke-cert", !quirks.no_revoke_cert),
            ("keyChange", "/key-change", !quirks.no_key_change),
            ("renewalInfo", "/renewal-info", config.renewal_info),
        ];
        // A resource that is not offered has no member, which is how clients learn it (Section
        // 7.1.1).
        for (name, path, offered) in resources {
            if offered {
                directory.insert(name.to_owned(), json!(self.url(path)));
            }
        }
        if !quirks.no_meta {
            directory.insert("meta".to_owned(), self.meta());
        }
        if quirks.random_directory_key {
            let name = self.rng.token();
            directory
                .insert(name, json!("this is here so that clients ignore what they do not know"));
        }
        Reply::json(200, Value::Object(directory))
    }

    fn meta(&self) -> Value {
        let config = &self.config;
        let mut meta = Map::new();
        self.set(&mut meta, "termsOfService", self.terms().map(|url| json!(url)));
        self.set(&mut meta, "website", config.website.as_ref().map(|url| json!(url)));
        let caa = (!config.caa_identities.is_empty()).then(|| json!(config.caa_identities));
        self.set(&mut meta, "caaIdentities", caa);
        meta.insert("externalAccountRequired".to_owned(), json!(config.eab_required));
        let profiles: Map<String, Value> = self
            .listed_profiles()
            .map(|(name, description)| (name.clone(), json!(description)))
            .collect();
        let profiles = (!profiles.is_empty()).then_some(Value::Object(profiles));
        self.set(&mut meta, "profiles", profiles);
        Value::Object(meta)
    }
}
