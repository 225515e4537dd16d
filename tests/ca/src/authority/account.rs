//! Accounts (RFC 8555 Sections 7.1.2 and 7.3).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::authenticate::{Signed, Signer};
use super::ca::Ca;
use super::jws::Jws;
use super::key::PublicKey;
use super::problem::Problem;
use super::respond::Reply;

const MOST_CONTACTS: usize = 10;

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) key: PublicKey,
    pub(crate) status: AccountStatus,
    pub(crate) orders: Vec<u64>,
    contact: Vec<String>,
    /// The URL of the accepted terms, which tells whether the account agreed to the current ones.
    pub(crate) agreed: Option<String>,
    binding: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountStatus {
    Valid,
    Deactivated,
}

impl Ca {
    pub(super) fn account_url(&self, id: u64) -> String {
        self.url(&format!("/account/{id}"))
    }

    pub(super) fn new_account(&mut self, signed: &Signed) -> Result<Reply, Problem> {
        let Signer::Key(key) = &signed.signer else {
            return Err(Problem::malformed("newAccount must be signed with jwk"));
        };
        let wish = signed.jws.object()?;
        if self.config.quirks.refuse_server_members
            && (wish.get("status").is_some() || wish.get("orders").is_some())
        {
            return Err(Problem::malformed("newAccount must not contain status or orders"));
        }
        // The look-up comes before every other check: RFC 8555 Section 7.3.1 lets a client that
        // only knows its key find its account, whatever else the request has.
        let only_existing = flag(&wish, "onlyReturnExisting")?;
        if let Some(&id) = self.account_keys.get(&key.thumbprint()) {
            return self.existing_account(id);
        }
        if only_existing {
            return Err(Problem::new(
                400,
                "accountDoesNotExist",
                "there is no account with this key",
            ));
        }
        let agreed = flag(&wish, "termsOfServiceAgreed")?;
        if self.config.terms_required && !agreed {
            return Err(self.terms_not_agreed());
        }
        // An absent `contact` and an empty one mean the same here, and not in an update.
        let contact = contacts(&wish)?.unwrap_or_default();
        if self.config.contact_required && contact.is_empty() {
            return Err(Problem::new(400, "invalidContact", "this CA wants a contact"));
        }
        let binding = self.check_binding(&wish, &signed.jws, key)?;
        let agreed = agreed.then(|| self.terms().unwrap_or_default());
        self.require_room(self.accounts.len())?;
        let id = self.accounts.len() as u64 + 1;
        self.account_keys.insert(key.thumbprint(), id);
        let account = Account {
            key: key.clone(),
            status: AccountStatus::Valid,
            orders: Vec::new(),
            contact,
            agreed,
            binding,
        };
        self.accounts.insert(id, account);
        Ok(Reply::json(self.created(), self.account_object(id))
            .with_header("Location", self.account_url(id)))
    }

    fn existing_account(&self, id: u64) -> Result<Reply, Problem> {
        if self.accounts.get(&id).is_none_or(|a| a.status != AccountStatus::Valid) {
            // Not found and not created again: RFC 8555 Section 7.3.6 lets a server accept nothing
            // that the key of a deactivated account signed.
            return Err(Problem::new(
                401,
                "unauthorized",
                "the account with this key is deactivated",
            ));
        }
        if self.config.quirks.account_conflict {
            let problem = Problem::new(409, "malformed", "the key is that of an account already");
            return Err(problem.with_header("Location", self.account_url(id)));
        }
        let reply =
            Reply::json(200, self.account_object(id)).with_header("Location", self.account_url(id));
        Ok(if self.config.quirks.empty_account_body { reply.without_body() } else { reply })
    }

    /// Reads, updates or deactivates an account (Sections 7.3.2, 7.3.6).
    pub(super) fn account(&mut self, signer: u64, id: u64, jws: &Jws) -> Result<Reply, Problem> {
        if signer != id {
            return Err(Problem::unauthorized("the account is another one than the signer"));
        }
        if jws.payload.is_empty() {
            if self.config.quirks.no_account_read {
                return Err(Problem::new(405, "malformed", "accounts cannot be read here"));
            }
            return Ok(Reply::json(200, self.account_object(id)));
        }
        let wish = jws.object()?;
        // RFC 8555 Section 7.3.2: a server ignores members that a client must not change.
        let deactivate = wish.get("status").is_some_and(|status| status == "deactivated");
        if deactivate && self.config.quirks.refuse_account_deactivation {
            return Err(Problem::unauthorized("accounts are deactivated by hand; write to us"));
        }
        let contact = contacts(&wish)?;
        if contact.as_ref().is_some_and(Vec::is_empty)
            && self.config.contact_required
            && !deactivate
        {
            return Err(Problem::new(400, "invalidContact", "this CA wants a contact"));
        }
        if let Some(account) = self.accounts.get_mut(&id) {
            if let Some(contact) = contact {
                account.contact = contact;
            }
            if deactivate {
                account.status = AccountStatus::Deactivated;
            }
        }
        if deactivate {
            // Nobody can finalize them any more, since every request needs a valid account.
            self.cancel_orders(id);
        }
        Ok(Reply::json(200, self.account_object(id)))
    }

    pub(super) fn account_object(&self, id: u64) -> Value {
        let Some(account) = self.accounts.get(&id) else {
            return json!({});
        };
        let quirks = &self.config.quirks;
        let mut object = Map::new();
        let status = match account.status {
            AccountStatus::Valid => "valid",
            AccountStatus::Deactivated => "deactivated",
        };
        object.insert("status".to_owned(), json!(status));
        let shown = !account.contact.is_empty() && !quirks.drop_contacts;
        let contact = if quirks.null_contacts { json!([null]) } else { json!(account.contact) };
        self.set(&mut object, "contact", shown.then_some(contact));
        self.set(
            &mut object,
            "termsOfServiceAgreed",
            account.agreed.as_ref().map(|_| Value::Bool(true)),
        );
        self.set(&mut object, "externalAccountBinding", account.binding.clone());
        if !quirks.no_orders_url {
            object.insert("orders".to_owned(), json!(format!("{}/orders", self.account_url(id))));
        }
        Value::Object(object)
    }
}

/// Reads an optional boolean member.
pub(crate) fn flag(object: &Value, name: &str) -> Result<bool, Problem> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(Problem::malformed(format!("{name} must be true or false"))),
    }
}

fn contacts(object: &Value) -> Result<Option<Vec<String>>, Problem> {
    let Some(list) = object.get("contact") else {
        return Ok(None);
    };
    let malformed = || Problem::malformed("contact must be an array of URLs");
    let list = list.as_array().ok_or_else(malformed)?;
    if list.len() > MOST_CONTACTS {
        return Err(Problem::new(
            400,
            "invalidContact",
            format!("at most {MOST_CONTACTS} contacts are kept"),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut contacts = Vec::new();
    for contact in list {
        let url = contact.as_str().ok_or_else(malformed)?;
        check_contact(url)?;
        if seen.insert(url) {
            contacts.push(url.to_owned());
        }
    }
    Ok(Some(contacts))
}

/// Checks a contact. RFC 8555 Section 7.3 narrows `mailto` URLs (RFC 6068) to one address without
/// header fields.
fn check_contact(url: &str) -> Result<(), Problem> {
    let invalid =
        |why: &str| Problem::new(400, "invalidContact", format!("contact {url:?}: {why}"));
    let (scheme, address) = url.split_once(':').ok_or_else(|| invalid("it is not a URL"))?;
    if !scheme.eq_ignore_ascii_case("mailto") {
        return Err(Problem::new(
            400,
            "unsupportedContact",
            format!("contact {url:?}: only mailto is supported"),
        ));
    }
    if address.contains('?') {
        return Err(invalid("it has header fields"));
    }
    // RFC 6068 separates addresses by commas. An encoded comma would belong to a quoted local part,
    // which this CA does not support.
    if address.contains(',') || address.contains("%2C") || address.contains("%2c") {
        return Err(invalid("it has more than one address"));
    }
    if !address.bytes().all(|b| b.is_ascii_graphic()) || address.contains(['<', '>', '"', ';']) {
        return Err(invalid("it has characters that an address in a URL cannot have"));
    }
    match address.rsplit_once('@') {
        Some((local, domain))
            if !local.is_empty()
                && !local.contains('@')
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.') =>
        {
            Ok(())
        }
        _ => Err(invalid("it is not a mail address")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::check_contact;

    #[test]
    fn contacts_are_single_mail_addresses_without_header_fields() {
        assert!(check_contact("mailto:admin@example.test").is_ok());
        assert_eq!(check_contact("tel:+1").unwrap_err().kind(), "unsupportedContact");
        for bad in [
            "admin@example.test",
            "mailto:",
            "mailto:a",
            "mailto:a@b.test?subject=x",
            "mailto:a@b.test,c@d.test",
            "mailto:a@b@c.test",
            "mailto:a b@c.test",
            "mailto:ä@c.test",
            "mailto:@c.test",
            "mailto:a@localhost",
        ] {
            let kind = check_contact(bad).unwrap_err();
            assert_eq!(kind.kind(), "invalidContact", "{bad}");
        }
    }
}
