//! A method for every single operation.

use acme_adapter::clock;
use acme_adapter::error::Error;
use acme_proto::identifier::Identifier;
use acme_proto::jose::KeyAuthorization;
use acme_proto::op;
use acme_proto::renewal::{RenewalSchedule, RenewalStep};
use acme_proto::token::Token;
use acme_proto::url::Url;
use acme_proto::wire::{Account, Authorization, Challenge, Directory, Order};
use acme_proto::x509::{Certificate, ChainChoice, Csr};

use crate::client::Client;

/// Single operations, each with the retries that suit it; their errors are those of
/// [`call`](Self::call).
impl Client {
    /// Fetches the directory anew (RFC 8555 section 7.1.1).
    pub fn directory(&self) -> Result<Directory, Error> {
        self.call(op::GetDirectory)
    }

    /// Returns the URL of the CA's terms of service, if it has any, from the directory as it was last fetched.
    ///
    /// [`register`](Self::register) asks for consent to them by itself.
    pub fn terms_of_service(&self) -> Result<Option<String>, Error> {
        let known = self.inner().session().directory().cloned();
        let directory = match known {
            Some(directory) => directory,
            None => self.directory()?,
        };
        Ok(directory.meta().terms_of_service().map(str::to_owned))
    }

    /// Returns where the TXT record for dns-01 stands, without a final dot (RFC 8555 section 8.4); an address
    /// has none, and a wildcard that of its base.
    pub fn dns_challenge_domain(&self, identifier: &Identifier) -> Option<String> {
        match identifier.base() {
            Identifier::Dns(name) => Some(format!("_acme-challenge.{name}")),
            _ => None,
        }
    }

    /// Returns the value of the TXT record for dns-01, by a challenge's token and the account key
    /// (RFC 8555 section 8.4).
    pub fn dns_challenge_validation(&self, token: &Token) -> String {
        KeyAuthorization::new(token, &self.account_key().thumbprint()).txt_value()
    }

    /// Finds the account of the account key, and creates none (RFC 8555 section 7.3.1).
    pub fn find_account(&self) -> Result<Option<op::AccountEntry>, Error> {
        self.call(op::FindAccount)
    }

    /// Reads the account (RFC 8555 section 7.3.2).
    pub fn account(&self) -> Result<Account, Error> {
        self.call(op::GetAccount)
    }

    /// Replaces the account's contacts, such as `mailto:me@example.org` (RFC 8555 section 7.3.2).
    pub fn update_account<I>(&self, contacts: I) -> Result<Account, Error>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let contacts = contacts.into_iter().map(Into::into).collect();
        self.call(op::UpdateAccount::contacts(contacts)?)
    }

    /// Deactivates the account for good (RFC 8555 section 7.3.6).
    pub fn deactivate_account(&self) -> Result<Account, Error> {
        self.call(op::DeactivateAccount)
    }

    /// Orders a certificate (RFC 8555 section 7.4); [`issue`](Self::issue) sees one through.
    pub fn new_order(&self, order: op::NewOrder) -> Result<op::OrderEntry, Error> {
        self.call(order)
    }

    /// Reads an order.
    pub fn order(&self, url: &Url) -> Result<Order, Error> {
        self.call(op::GetOrder(url.clone()))
    }

    /// Lists the account's orders, a page at a time (RFC 8555 section 7.1.2.1).
    pub fn orders(&self, page: op::ListOrders) -> Result<op::Page, Error> {
        self.call(page)
    }

    /// Lists all the account's orders, page after page (RFC 8555 section 7.1.2.1).
    ///
    /// Many CAs offer no such list: that is an [`Unsupported`](acme_proto::error::Unsupported) error.
    pub fn list_orders(&self) -> Result<op::Page, Error> {
        self.call(op::ListAllOrders::new())
    }

    /// Reads an authorization (RFC 8555 section 7.5).
    pub fn authorization(&self, url: &Url) -> Result<Authorization, Error> {
        self.call(op::GetAuthorization(url.clone()))
    }

    /// Asks for an authorization without an order (RFC 8555 section 7.4.1).
    pub fn new_authorization(
        &self,
        identifier: Identifier,
    ) -> Result<op::AuthorizationEntry, Error> {
        self.call(op::NewAuthorization::new(identifier)?)
    }

    /// Gives an authorization up (RFC 8555 section 7.5.2).
    pub fn deactivate_authorization(&self, url: &Url) -> Result<Authorization, Error> {
        self.call(op::DeactivateAuthorization(url.clone()))
    }

    /// Reads a challenge.
    pub fn challenge(&self, url: &Url) -> Result<Challenge, Error> {
        self.call(op::GetChallenge(url.clone()))
    }

    /// Tells the CA to validate a challenge, which is published already (RFC 8555 section 7.5.1).
    pub fn respond(&self, url: &Url) -> Result<Challenge, Error> {
        self.call(op::RespondChallenge::new(url.clone()))
    }

    /// Answers a challenge as [`respond`](Self::respond) does, with the members that its type defines.
    pub fn respond_with(&self, answer: op::RespondChallenge) -> Result<Challenge, Error> {
        self.call(answer)
    }

    /// Sends the CSR for an order that is ready (RFC 8555 section 7.4).
    pub fn finalize(&self, order: &Url, finalize: &Url, csr: Csr) -> Result<Order, Error> {
        self.call(op::Finalize::new(order.clone(), finalize.clone(), csr))
    }

    /// Downloads a certificate (RFC 8555 section 7.4.2).
    pub fn certificate(&self, url: &Url) -> Result<op::Download, Error> {
        self.call(op::GetCertificate(url.clone()))
    }

    /// Downloads a certificate with the chain that is wanted of those that the CA offers.
    ///
    /// [`issue`](Self::issue) chooses by [`Issue::chain`](crate::Issue::chain).
    pub fn certificate_chain(
        &self,
        url: &Url,
        choice: ChainChoice,
    ) -> Result<op::ChosenChain, Error> {
        self.call(op::GetChain::new(url.clone(), choice))
    }

    /// Revokes a certificate (RFC 8555 section 7.6).
    ///
    /// To have the certificate's own key sign, [hold](Self::hold_certificate_key) it first.
    pub fn revoke(&self, revocation: op::Revoke) -> Result<op::Revoked, Error> {
        self.call(revocation)
    }

    /// Asks when a certificate should be renewed (RFC 9773).
    pub fn renewal_info(&self, certificate: &Certificate) -> Result<op::RenewalInfoEntry, Error> {
        let question = op::GetRenewalInfo::of(certificate).ok_or(Error::NoCertificateId)?;
        self.call(question)
    }

    /// Creates the schedule of a certificate's renewal, with a seed of the operating system's.
    pub fn renewal_schedule(&self, certificate: &Certificate) -> RenewalSchedule {
        RenewalSchedule::new(certificate, clock::seed())
    }

    /// Asks the CA about a renewal if the schedule says so, and returns what is to be done next: never
    /// [`Ask`](RenewalStep::Ask).
    ///
    /// That the CA did not answer is no error: the schedule knows what to do then, and a notice says it.
    /// Store the schedule afterwards.
    ///
    /// ```no_run
    /// use acme_blocking::{Certificate, Client, Error, Http01Listener, ProviderKey, RenewalStep};
    /// use acme_blocking::acme_adapter::clock;
    ///
    /// # fn run(client: Client, key: ProviderKey, http: Http01Listener, leaf: Certificate) -> Result<(), Error> {
    /// # let mut leaf = leaf;
    /// let mut schedule = client.renewal_schedule(&leaf);
    /// loop {
    ///     match client.check_renewal(&mut schedule)? {
    ///         RenewalStep::Wait(at) => std::thread::sleep(clock::until(at)),
    ///         RenewalStep::Renew => {
    ///             let issue = client.issue(["example.org"]).key(&key).replaces(&leaf).solver(&http);
    ///             match issue.run() {
    ///                 Ok(issued) => {
    ///                     leaf = issued.chain().leaf().clone();
    ///                     schedule = client.renewal_schedule(&leaf);
    ///                 }
    ///                 Err(error) => client.renewal_failed(&mut schedule, &error),
    ///             }
    ///         }
    ///         _ => break Ok(()),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// What never was a question to the CA.
    pub fn check_renewal(&self, schedule: &mut RenewalSchedule) -> Result<RenewalStep, Error> {
        let mut now = clock::wall();
        if let RenewalStep::Ask(question) = schedule.next(now) {
            let answer = self.call(question);
            // One time for both: a clock that goes on in between must not make it the next question's.
            now = clock::wall();
            let notice = match answer {
                Ok(entry) => schedule.on_info(&entry, now),
                Err(Error::Acme(error)) => schedule.on_error(&error, now),
                Err(other) => return Err(other),
            };
            if let Some(notice) = notice {
                self.inner().notice(&notice);
            }
        }
        Ok(schedule.next(now))
    }

    /// Notes that an attempt to renew failed, so that the next one waits; store the schedule afterwards.
    pub fn renewal_failed(&self, schedule: &mut RenewalSchedule, error: &Error) {
        schedule.on_attempt_failed(error.retry_at(), clock::wall());
    }
}
