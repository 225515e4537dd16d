//! One check for each row: it returns what was seen beside success, or how it failed.

mod accounts;
mod authorizations;
mod certificates;
mod extensions;
mod issuing;
mod records;

use acme_blocking::{AccountKey, Issued, KeyKind, ProviderKey};
use acme_proto::wire::ChallengeKind;

use super::verify::verify;
use super::{Adapter, Client, Failure, Feature, Job, Sites};
use crate::servers::Site;

/// What a check returns.
type Outcome = Result<String, Failure>;

/// Runs the check of a row.
pub(super) fn run(feature: Feature, adapter: Adapter, sites: Sites<'_>) -> Outcome {
    let at = At { adapter, site: sites.main };
    match feature {
        Feature::Register => accounts::register(&at),
        Feature::Http01 => issuing::one(&at, ChallengeKind::Http01, "http"),
        Feature::Dns01 => issuing::one(&at, ChallengeKind::Dns01, "dns"),
        Feature::DnsAccount01 => records::account_label(&at),
        Feature::DnsPersist01 => records::persistent(&at),
        Feature::TlsAlpn01 => issuing::one(&at, ChallengeKind::TlsAlpn01, "alpn"),
        Feature::ThreeNames => issuing::three(&at),
        Feature::Wildcard => issuing::wildcard(&at),
        Feature::WildcardDnsPersist01 => records::persistent_wildcard(&at),
        Feature::IpHttp01 => issuing::address(&at, ChallengeKind::Http01),
        Feature::IpTlsAlpn01 => issuing::address(&at, ChallengeKind::TlsAlpn01),
        Feature::SameNames => issuing::again(&At { site: sites.odd.unwrap_or(at.site), ..at }),
        Feature::ExternalAccount => {
            accounts::external(&At { site: sites.external.unwrap_or(at.site), ..at })
        }
        Feature::UpdateAccount => accounts::update(&at),
        Feature::KeyChange => accounts::change_key(&at),
        Feature::DeactivateAccount => accounts::deactivate(&at),
        Feature::RevokeByAccount => certificates::revoke_by_account(&at),
        Feature::RevokeByCertificate => certificates::revoke_by_certificate(&at),
        Feature::AlternateChain => certificates::alternate(&at),
        Feature::RenewalInfo => extensions::renewal_info(&at),
        Feature::Replaces => extensions::replaces(&at),
        Feature::Profile => extensions::profile(&at),
        Feature::NotAfter => extensions::not_after(&at),
        Feature::Orders => accounts::orders(&at),
        Feature::DeactivateAuthorization => authorizations::deactivate(&at),
        Feature::PreAuthorization => authorizations::pre_authorize(&at),
        Feature::FailingHttp01 => authorizations::failing(&at, ChallengeKind::Http01),
        Feature::FailingDns01 => authorizations::failing(&at, ChallengeKind::Dns01),
        Feature::FailingTlsAlpn01 => authorizations::failing(&at, ChallengeKind::TlsAlpn01),
        Feature::RefusedNonces => {
            issuing::refused_nonces(&At { site: sites.odd.unwrap_or(at.site), ..at })
        }
    }
}

/// A server and the adapter to try it with.
#[derive(Clone, Copy)]
struct At<'a> {
    adapter: Adapter,
    site: &'a Site,
}

impl At<'_> {
    /// Connects with a new account key.
    fn stranger(&self) -> Result<(Client, AccountKey), Failure> {
        let key = AccountKey::generate(KeyKind::Es256)?;
        Ok((Client::connect(self.adapter, self.site, &key)?, key))
    }

    /// Connects, and registers a new account.
    fn client(&self) -> Result<Client, Failure> {
        let (client, _) = self.stranger()?;
        let entry = client.register(self.site.external_account())?;
        ensure(entry.is_new(), "the account of a new key is not new")?;
        Ok(client)
    }

    /// Issues, has OpenSSL verify the chain and the names, and checks that nothing stays published.
    fn issue(&self, client: &Client, job: &Job<'_>) -> Result<Issued, Failure> {
        let issued = self.issue_leaving_records(client, job)?;
        ensure(client.published().is_empty(), "a record was not taken back")?;
        Ok(issued)
    }

    /// Issues, and has OpenSSL verify the chain and the names.
    fn issue_leaving_records(&self, client: &Client, job: &Job<'_>) -> Result<Issued, Failure> {
        let issued = client.issue(job)?;
        let root = self.site.issuer_roots().first();
        let root = root.ok_or_else(|| Failure::broken("the server's root is not known"))?;
        verify(&issued.chain().to_pem(), root, job.names)?;
        ensure(issued.not_cleaned().is_empty(), "a challenge was not taken back")?;
        Ok(issued)
    }

    /// Returns a name in the server's domain.
    fn name(&self, label: &str) -> String {
        format!("{label}.{}", self.site.domain())
    }

    /// Issues a certificate that a check is about.
    fn issued(&self, label: &str) -> Result<(Client, Issued, ProviderKey), Failure> {
        let (client, key) = (self.client()?, ProviderKey::generate(KeyKind::Es256)?);
        let name = self.name(label);
        let names = [name.as_str()];
        let issued = self.issue(&client, &Job::new(&names, ChallengeKind::Http01, &key))?;
        Ok((client, issued, key))
    }
}

impl From<acme_adapter::keys::KeyError> for Failure {
    fn from(error: acme_adapter::keys::KeyError) -> Self {
        Self::broken(error)
    }
}

/// Fails a check that the server's answer does not stand up to.
fn ensure(condition: bool, complaint: &str) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::broken(complaint)) }
}
