//! What a run asks of each driver, and the run itself.

use std::collections::BTreeMap;

use acme_proto::issuance::Issued;
use acme_proto::op::{
    DeactivateAccount, DeactivateAuthorization, FindAccount, GetAccount, GetRenewalInfo,
    ListAllOrders, NewAuthorization, Operation, Revoke, UpdateAccount,
};
use acme_testca::Faults;

use super::{Run, Scenario, Wish};

/// One client and its CA. Errors are chains of messages.
pub(super) trait Driver {
    /// Fetches the directory.
    fn connect(&mut self) -> Result<(), String>;
    /// Registers the account key.
    fn register(&mut self) -> Result<(), String>;
    /// Sets what goes wrong from now on.
    fn set_faults(&mut self, faults: Faults);
    /// Issues for the names of the scenario.
    fn issue(
        &mut self,
        scenario: &Scenario,
        predecessor: Option<&Issued>,
    ) -> Result<Issued, String>;
    /// Runs a single operation.
    fn call<O: Operation>(&mut self, operation: O) -> Result<O::Response, String>;
    /// Gives the account another key.
    fn change_key(&mut self) -> Result<(), String>;
    /// Returns one line for each exchange: method, resource, status, problem.
    fn lines(&self) -> Vec<String>;
    /// Returns the TXT records that are published.
    fn txt(&self) -> BTreeMap<String, Vec<String>>;
}

/// Runs a scenario.
pub(super) fn run(scenario: &Scenario, mut driver: impl Driver) -> Run {
    let issued = issue(scenario, &mut driver);
    scenario.check_leftovers(&driver.txt(), issued.is_ok());
    let operations = match &issued {
        Ok(issued) if scenario.tour => tour(&mut driver, issued),
        _ => Vec::new(),
    };
    Run::new(driver.lines(), issued.map(|issued| shown(&issued)), operations)
}

fn issue(scenario: &Scenario, driver: &mut impl Driver) -> Result<Issued, String> {
    driver.connect()?;
    driver.register()?;
    let predecessor = match scenario.wish {
        Wish::Renewal => Some(driver.issue(scenario, None).expect("a certificate to be replaced")),
        _ => None,
    };
    driver.set_faults((scenario.faults)());
    driver.issue(scenario, predecessor.as_ref())
}

/// Does everything else that an account and a certificate are good for, and returns the errors by what was done.
fn tour(driver: &mut impl Driver, issued: &Issued) -> Vec<(&'static str, String)> {
    let mut errors = Vec::new();
    let mut note = |what, error: Option<String>| errors.extend(error.map(|error| (what, error)));
    let missing = || "there is none".to_owned();
    let found = driver.call(FindAccount);
    note("finding the account", found.and_then(|found| found.ok_or_else(missing)).err());
    note("reading the account", driver.call(GetAccount).err());
    let contacts = vec!["mailto:b@example.test".to_owned()];
    let update = UpdateAccount::contacts(contacts).expect("an address");
    note("changing the contacts", driver.call(update).err());
    note("listing the orders", driver.call(ListAllOrders::new()).err());
    let leaf = issued.chain().leaf();
    let information = GetRenewalInfo::of(leaf).expect("the CA names its key");
    note("asking when to renew", driver.call(information).err());
    let name = "pre.test".parse().expect("a name");
    let entry = driver.call(NewAuthorization::new(name).expect("no wildcard"));
    let url = entry.as_ref().ok().map(|entry| entry.url().clone());
    note("authorizing a name in advance", entry.err());
    if let Some(url) = url {
        note("giving an authorization up", driver.call(DeactivateAuthorization(url)).err());
    }
    note("revoking the certificate", driver.call(Revoke::new(leaf)).err());
    note("changing the key", driver.change_key().err());
    note("deactivating the account", driver.call(DeactivateAccount).err());
    errors
}

/// Returns every name and address of a certificate, sorted, then its profile and whether it replaces another.
pub(super) fn shown(issued: &Issued) -> Vec<String> {
    let leaf = issued.chain().leaf();
    let mut shown: Vec<String> = leaf.identifiers().iter().map(|i| i.value()).collect();
    shown.sort();
    shown.extend(issued.profile().map(|name| format!("profile {name}")));
    shown.extend(issued.replaces().map(|_| "replaces another".to_owned()));
    shown
}
