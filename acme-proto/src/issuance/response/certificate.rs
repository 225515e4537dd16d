//! The downloaded certificate, and the choice of its chain (RFC 8555 Section 7.4.2).

use alloc::boxed::Box;
use core::time::Duration;

use super::super::Issuance;
use crate::error::{Error, PeerFault};
use crate::notice::Notice;
use crate::op::{Choosing, Download};
use crate::session::Session;
use crate::url::Url;
use crate::x509::{Certificate, ChainMismatch, Csr};

/// How far the clocks of a CA and its client may differ without a word.
const SKEW: Duration = Duration::from_secs(300);

impl Issuance {
    pub(super) fn downloaded(
        &mut self,
        url: Url,
        result: Result<Download, Error>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let checked = result.and_then(|download| {
            self.check(&url, &download)?;
            Ok(download)
        });
        let download = match checked {
            // What a proxy or a replica garbles once comes whole the next time.
            Err(Error::Peer(_)) if self.finalization.may_download_again() => return Ok(()),
            Err(error) if self.leads_nowhere(&error) => {
                self.identity.forget_snapshot();
                self.forget_order(session);
                return Ok(());
            }
            checked => checked?,
        };
        self.choosing = Some(Box::new(Choosing::new(self.settings.chain.clone(), url, download)));
        self.settle_chain(session);
        Ok(())
    }

    /// Returns whether the order of a snapshot has a certificate that cannot be used: it is the same at each download (RFC
    /// 8555 Section 7.4.2), so that only another order helps.
    fn leads_nowhere(&self, error: &Error) -> bool {
        let Error::Peer(peer) = error else { return false };
        let is_unusable =
            matches!(peer.fault(), PeerFault::WrongCertificate(_) | PeerFault::Chain(_));
        is_unusable && self.identity.is_resumed() && self.attempts.is_empty_run()
    }

    /// Refuses a certificate for another key, or without a name that was ordered.
    fn check(&mut self, url: &Url, download: &Download) -> Result<(), Error> {
        self.compare_with_clock(url, download.chain.leaf());
        let ordered = self.settings.request.identifiers();
        // An order that was valid before this flow came: its key is not ours to check.
        let leaf = download.chain.leaf();
        let key = self.finalization.csr().map_or_else(|| leaf.spki_der(), Csr::spki_der);
        match download.chain.matches(key, ordered) {
            // It serves every name that was ordered, and a CA may add the `www.` of one.
            Err(ChainMismatch::Names { missing, extra }) if missing.is_empty() => {
                self.engine.exchanges.notice(Notice::ExtraNames { url: url.clone(), names: extra });
                Ok(())
            }
            matched => matched.map_err(|m| Error::peer(url, PeerFault::WrongCertificate(m))),
        }
    }

    /// Reports a certificate that is not valid now, unless it was ordered for later.
    fn compare_with_clock(&mut self, url: &Url, leaf: &Certificate) {
        let now = self.engine.exchanges.now();
        let (not_before, not_after) = (leaf.not_before(), leaf.not_after());
        let is_for_later = self.settings.request.names_beginning();
        let is_early = not_before > now.saturating_add(SKEW) && !is_for_later;
        if is_early || not_after < now {
            let url = url.clone();
            self.engine.exchanges.notice(Notice::NotValidNow { url, not_before, not_after, now });
        }
    }

    /// Takes an alternate chain, or does without: nothing that is wrong with it costs the certificate.
    pub(super) fn alternate_downloaded(
        &mut self,
        result: Result<Download, Error>,
        session: &mut Session,
    ) {
        let notice = self.choosing.as_mut().and_then(|choosing| choosing.take(result));
        notice.into_iter().for_each(|notice| self.engine.exchanges.notice(notice));
        self.settle_chain(session);
    }

    /// Ends the issuance, unless another chain is wanted.
    fn settle_chain(&mut self, session: &mut Session) {
        if let Some(choosing) = self.choosing.take_if(|one| one.next().is_none()) {
            self.end(Ok(choosing.finish()), session);
        }
    }
}
