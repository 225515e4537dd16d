//! Accounts: their life from registration to deactivation, and their orders.

use acme_blocking::{AccountKey, KeyKind, ProviderKey};
use acme_proto::identifier::Identifier;
use acme_proto::op::{ListOrders, NewOrder};
use acme_proto::wire::{AccountStatus, ChallengeKind};

use super::super::{Client, Failure, Job, typed};
use super::{At, Outcome, ensure};

/// A new account, found by its key from another client.
pub(super) fn register(at: &At<'_>) -> Outcome {
    let (client, key) = at.stranger()?;
    ensure(client.find_account()?.is_none(), "an account of a key that was never registered")?;
    let entry = client.register(at.site.external_account())?;
    ensure(entry.is_new(), "the account of a new key is not new")?;
    let found = Client::connect(at.adapter, at.site, &key)?.find_account()?;
    let found = found.ok_or_else(|| Failure::broken("the account is not found"))?;
    ensure(found.url() == entry.url(), "another account is found")?;
    Ok(String::new())
}

/// An account with a binding; none without one where the directory demands it.
pub(super) fn external(at: &At<'_>) -> Outcome {
    let (client, _) = at.stranger()?;
    let demanded = client.directory()?.meta().external_account_required();
    let Some((kid, key)) = at.site.external_account() else {
        ensure(!demanded, "the directory demands what the server cannot be given")?;
        let invented = ("kid-of-nobody", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        client.register(Some(invented))?;
        let account = client.account()?;
        ensure(!account.has_external_account_binding(), "a binding to nobody is accepted")?;
        return Err(Failure::Lacks("the binding is ignored".to_owned()));
    };
    let without = at.stranger()?.0.register(None);
    let refused = match &without {
        Ok(_) => return Err(Failure::broken("an account without a binding")),
        Err(error) => typed(error).ok_or_else(|| Failure::broken(error))?,
    };
    client.register(Some((kid, key)))?;
    let certificate_key = ProviderKey::generate(KeyKind::Es256)?;
    let name = at.name("bound");
    let names = [name.as_str()];
    at.issue(&client, &Job::new(&names, ChallengeKind::Http01, &certificate_key))?;
    let wrong = at.stranger()?.0.register(Some(("kid-of-nobody", key)));
    ensure(wrong.is_err(), "a binding to nobody is accepted")?;
    Ok(format!("without a binding: {refused}"))
}

/// New contacts, read back.
pub(super) fn update(at: &At<'_>) -> Outcome {
    let client = at.client()?;
    let new = "mailto:you@mail.example.org";
    let updated = client.update_account([new])?;
    let read = client.account()?;
    let shown = if read.contact().is_empty() { updated.contact() } else { read.contact() };
    match shown {
        [contact] if contact == new => Ok(String::new()),
        [contact] if new.ends_with(contact.as_str()) => Ok(format!("shown as {contact}")),
        [] => Ok("contacts are not shown".to_owned()),
        other => Err(Failure::Lacks(format!("the contacts stay {other:?}"))),
    }
}

/// A new key that signs from then on, while the old one has no account any more.
pub(super) fn change_key(at: &At<'_>) -> Outcome {
    let (client, old) = at.stranger()?;
    client.register(at.site.external_account())?;
    let before = client.account_url();
    let new = AccountKey::generate(KeyKind::Es384)?;
    client.change_key(&new)?;
    let key = ProviderKey::generate(KeyKind::Es256)?;
    let name = at.name("rolled");
    let names = [name.as_str()];
    at.issue(&client, &Job::new(&names, ChallengeKind::Http01, &key))?;
    let by_new = Client::connect(at.adapter, at.site, &new)?.find_account()?;
    ensure(by_new.map(|entry| entry.url().clone()) == before, "the new key has another account")?;
    let by_old = Client::connect(at.adapter, at.site, &old)?.find_account()?;
    ensure(by_old.is_none(), "the old key still has an account")?;
    Ok(String::new())
}

/// The end of an account: nothing can be ordered afterwards.
pub(super) fn deactivate(at: &At<'_>) -> Outcome {
    let (client, key) = at.stranger()?;
    client.register(at.site.external_account())?;
    let account = client.deactivate_account()?;
    ensure(*account.status() == AccountStatus::Deactivated, "the account is not deactivated")?;
    let other = Client::connect(at.adapter, at.site, &key)?;
    match other.new_order(order(&at.name("late"))?) {
        Ok(_) => Err(Failure::Broken("the deactivated account can order".to_owned())),
        Err(error) => match typed(&error) {
            Some(refused) => Ok(format!("then newOrder: {refused}")),
            None => Err(error.into()),
        },
    }
}

/// Four orders, all of them in the list.
pub(super) fn orders(at: &At<'_>) -> Outcome {
    let client = at.client()?;
    let mut wanted = Vec::new();
    for label in ["l1", "l2", "l3", "l4"] {
        wanted.push(client.new_order(order(&at.name(label))?)?.url().clone());
    }
    client.account()?;
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut next = Some(ListOrders::first());
    while let Some(page) = next {
        let page = client.orders(page)?;
        found.extend_from_slice(page.orders());
        next = page.next().cloned().map(ListOrders::page);
        pages += 1;
        ensure(pages < 9, "the pages have no end")?;
    }
    let missing = wanted.iter().filter(|url| !found.contains(url)).count();
    if missing > 0 {
        return Err(Failure::Lacks(format!("{missing} of 4 orders are not in the list")));
    }
    Ok(format!("4 orders in {pages} page{}", if pages == 1 { "" } else { "s" }))
}

/// An order of one name.
pub(super) fn order(name: &str) -> Result<NewOrder, Failure> {
    let identifier = Identifier::dns(name).map_err(Failure::broken)?;
    NewOrder::new([identifier]).map_err(Failure::broken)
}
