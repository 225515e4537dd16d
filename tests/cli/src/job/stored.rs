//! The stored certificate: whether it is due, and its deploy hook.

use std::error::Error;
use std::sync::{MutexGuard, PoisonError};

use acme_adapter::{clock, hook};
use acme_proto::error::{Error as AcmeError, Report};
use acme_proto::renewal::RenewalSchedule;
use acme_proto::x509::Certificate;

use super::Job;
use crate::deploy::{self, Deployment};
use crate::failure::{Failure, find_acme};
use crate::output::{CERTIFICATE, KEY};
use crate::renewal::{Due, Stored, Wanted};

impl Job {
    /// Returns the schedule of the stored certificate if the CA has to be asked when it is renewed.
    pub fn schedule(&self) -> Option<RenewalSchedule> {
        let asks = matches!(self.due(), Some(Due::Ask));
        self.stored().as_ref().filter(|_| asks).map(|stored| stored.schedule().clone())
    }

    /// Takes the schedule after the CA was asked, and returns whether a certificate is ordered.
    ///
    /// # Errors
    /// If the schedule cannot be stored.
    pub fn is_due(&self, schedule: RenewalSchedule) -> Result<bool, Failure> {
        if let Some(stored) = self.stored().as_mut() {
            stored.set_schedule(schedule);
            stored.save(&self.output)?;
        }
        Ok(matches!(self.due(), None | Some(Due::Now)))
    }

    /// Notes that the CA could not be asked when the stored certificate is renewed, and returns whether it may be asked
    /// another time: not where this machine's settings are the reason.
    pub fn not_asked(&self, schedule: &mut RenewalSchedule, error: &(dyn Error + 'static)) -> bool {
        let Some(acme) = find_acme(error) else { return false };
        schedule.on_error(acme, clock::wall());
        self.progress
            .say(&format!("the CA cannot be asked about the renewal: {}", Report::new(error)));
        true
    }

    /// Returns the stored certificate, if a new one is to say that it replaces it.
    pub fn replaced(&self) -> Option<Certificate> {
        let stored = self.stored();
        let stored = stored.as_ref()?;
        let replaces = stored.may_be_replaced(&self.directory, &self.args.names);
        replaces.then(|| stored.certificate.clone())
    }

    /// Returns when the stored certificate is renewed; `None` if there is none that this run wants, or `--force`.
    pub(super) fn due(&self) -> Option<Due> {
        let key = self.spki();
        let wanted = self.wanted(key.as_deref());
        let (now, stored) = (clock::wall(), self.stored());
        let stored = stored.as_ref().filter(|stored| !self.args.force && stored.is(&wanted))?;
        match (&self.unfinished, stored.schedule().held_until(now)) {
            (None, _) => Some(stored.due(now)),
            // An order that failed for now waits, too, unless something is still published.
            (Some(order), Some(held)) if order.challenges().is_empty() => Some(Due::At(held)),
            (Some(_), _) => None,
        }
    }

    /// Notes that a renewal failed, so that the next run leaves the CA alone for a while.
    pub(super) fn renewal_failed(&self, error: &(dyn Error + 'static)) {
        // What the user has to mend, or has ended, may be tried again at once.
        let Some(acme) = find_acme(error) else { return };
        if matches!(acme, AcmeError::Cancelled | AcmeError::Input(_) | AcmeError::Misuse(_)) {
            return;
        }
        let key = self.spki();
        let wanted = self.wanted(key.as_deref());
        let mut stored = self.stored();
        let Some(stored) = stored.as_mut().filter(|stored| stored.is(&wanted)) else { return };
        stored.failed(acme.retry_at());
        // The next run tries earlier otherwise.
        let _ = stored.save(&self.output);
        if let Some(held) = stored.schedule().held_until(clock::wall()) {
            let until = stored.certificate.not_after();
            self.progress.say(&format!(
                "the stored certificate is valid until {until:.0}; runs before {held:.0} leave the CA alone (--force orders anyway)"
            ));
        }
    }

    pub(super) fn wanted<'a>(&'a self, spki: Option<&'a [u8]>) -> Wanted<'a> {
        let (directory, names, profile) = (&self.directory, self.names(), self.profile());
        Wanted { directory, names, profile, spki }
    }

    /// Returns the SPKI of the CSR, or of the key that is there.
    fn spki(&self) -> Option<Vec<u8>> {
        match &self.csr {
            Some(csr) => Some(csr.spki_der().to_vec()),
            None => self.output.key().ok().flatten().map(|key| key.public_key().to_spki_der()),
        }
    }

    pub(super) fn stored(&self) -> MutexGuard<'_, Option<Stored>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn not_due(&self) -> String {
        let stored = self.stored();
        let Some(stored) = stored.as_ref() else { return String::new() };
        let now = clock::wall();
        let at = match stored.due(now) {
            Due::At(at) => at,
            _ => stored.schedule().renew_at(),
        };
        let (path, until) = (self.output.file(CERTIFICATE), stored.certificate.not_after());
        let (path, schedule) = (path.display(), stored.schedule());
        match (schedule.held_until(now), schedule.last_failure()) {
            (Some(held), Some(failed)) => format!(
                "not tried again until {held:.0}, since the renewal failed at {failed:.0}: {path} is valid until \
                 {until:.0} (--force orders anyway)\n"
            ),
            _ => format!(
                "not due until {at:.0}: {path} is valid until {until:.0} (--force orders anyway)\n"
            ),
        }
    }

    /// Runs the deploy hook if it has not succeeded with the stored certificate yet.
    pub(super) fn deploy(&self) -> Result<(), Failure> {
        let mut stored = self.stored();
        let Some(hook) = &self.args.deploy_hook else { return Ok(()) };
        let is_deployed = stored.as_ref().is_some_and(|stored| !stored.is_undeployed());
        if is_deployed {
            return Ok(());
        }
        self.progress.say(&format!("running {hook}"));
        self.interrupts.on_next(hook::kill_all);
        let deployment = Deployment {
            hook,
            names: self.names(),
            certificate: self.output.file(CERTIFICATE),
            key: Some(self.output.file(KEY)),
            bundle: None,
        };
        deploy::run(&deployment, || true).map_err(|why| {
            Failure::deploy(format!(
                "the certificate is in {}, but --deploy-hook {hook:?} {why}; correct it: the next run starts it again",
                deployment.certificate.display()
            ))
        })?;
        match stored.as_mut() {
            Some(stored) => {
                stored.deployed();
                stored.save(&self.output)
            }
            None => Ok(()),
        }
    }
}
