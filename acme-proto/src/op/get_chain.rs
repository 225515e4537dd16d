//! Choosing among the chains of a certificate (RFC 8555 Section 7.4.2).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{
    Download, Failure, GetCertificate, Hooks, Operation, Read, Reading, Received, Settle, Spec,
};
use crate::error::{Error, PeerFault};
use crate::notice::Notice;
use crate::url::Url;
use crate::x509::{Certificate, CertificateChain, ChainChoice};

/// The most alternate chains that are fetched for one certificate.
const MOST_ALTERNATES: usize = 16;

/// A certificate's chain, chosen among those that the CA offers.
#[derive(Clone, Debug)]
pub struct ChosenChain {
    /// The chains that were fetched, each with its URL; the CA's own is the first.
    found: Vec<(Url, CertificateChain)>,
    /// The place of the one that fulfils the wish.
    place: Option<usize>,
    alternates: Vec<Url>,
}

impl ChosenChain {
    /// Returns the chain: the leaf, then each certificate's issuer.
    pub fn chain(&self) -> &CertificateChain {
        &self.chosen().1
    }

    /// Returns the URL that the chain came from.
    pub fn url(&self) -> &Url {
        &self.chosen().0
    }

    /// Returns the URL of the certificate, where the CA's own chain is.
    pub fn certificate_url(&self) -> &Url {
        &self.found[0].0
    }

    /// Returns whether the chain fulfils the wish; `true` where there was none.
    pub const fn is_as_wished(&self) -> bool {
        self.place.is_some()
    }

    /// Returns the URLs of all alternate chains, fetched or not.
    pub fn alternates(&self) -> &[Url] {
        &self.alternates
    }

    /// Returns the chains that were fetched and not chosen.
    pub fn others(&self) -> impl Iterator<Item = &CertificateChain> {
        let chosen = self.chosen();
        self.found
            .iter()
            .filter(move |found| !core::ptr::eq(*found, chosen))
            .map(|(_, chain)| chain)
    }

    /// Chooses again among the chains that were fetched; the CA's own comes first, and counts if none fits.
    #[must_use]
    pub fn choose(mut self, choice: &ChainChoice) -> Self {
        self.place = choice.choose(self.found.iter().map(|(_, chain)| chain));
        self
    }

    fn chosen(&self) -> &(Url, CertificateChain) {
        &self.found[self.place.unwrap_or(0)]
    }
}

/// Downloads a certificate with the chain that is wanted of those that the CA offers.
///
/// An alternate that cannot be fetched or read, or that is for another certificate, is a
/// [notice](Notice::AlternateUnusable). 16 alternates are fetched at most, and one with which the chains have more than
/// [`Certificate::MAX_NAMES`] names together is unusable too.
#[derive(Clone, Debug)]
pub struct GetChain {
    url: Url,
    choice: ChainChoice,
    choosing: Option<Choosing>,
}

impl GetChain {
    /// Creates the request; the URL is that of the order's `certificate`.
    pub const fn new(url: Url, choice: ChainChoice) -> Self {
        Self { url, choice, choosing: None }
    }

    fn current(&self) -> &Url {
        self.choosing.as_ref().and_then(Choosing::next).unwrap_or(&self.url)
    }

    fn go_on(&mut self, choosing: Choosing) -> Read<ChosenChain> {
        if choosing.next().is_none() {
            return Read::Response(choosing.finish());
        }
        self.choosing = Some(choosing);
        Read::NextRequest
    }
}

impl Operation for GetChain {
    type Response = ChosenChain;

    fn detach(&mut self) -> Option<Settle<ChosenChain>> {
        let choice = self.choice.detach()?;
        Some(Box::new(move |chosen| chosen.choose(&choice)))
    }
}

impl Hooks<ChosenChain> for GetChain {
    fn spec(&self) -> Spec {
        GetCertificate(self.current().clone()).spec()
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<ChosenChain> {
        let download = Download::read(received)?;
        let choosing = match self.choosing.take() {
            None => Choosing::new(Some(self.choice.clone()), self.url.clone(), download),
            Some(mut choosing) => {
                let unusable = choosing.take(Ok(download));
                received.notices.extend(unusable);
                choosing
            }
        };
        Ok(self.go_on(choosing))
    }

    /// Nothing that is wrong with an alternate chain costs the certificate.
    fn read_error(&mut self, error: Error, context: &mut Failure<'_>) -> Reading<ChosenChain> {
        let Some(mut choosing) = self.choosing.take() else { return Err(error) };
        context.notices.extend(choosing.take(Err(error)));
        Ok(self.go_on(choosing))
    }
}

/// The chains of one certificate that are known so far, and those that may have to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Choosing {
    choice: Option<ChainChoice>,
    alternates: Vec<Url>,
    /// The CA's own first.
    found: Vec<(Url, CertificateChain)>,
    /// How many names the chains in `found` have together: each is kept until the choice, and has the leaf's names.
    names: usize,
    left: VecDeque<Url>,
}

impl Choosing {
    /// Starts with the CA's own chain.
    pub(crate) fn new(choice: Option<ChainChoice>, url: Url, own: Download) -> Self {
        let mut left = VecDeque::new();
        for alternate in own.alternates.iter().filter(|alternate| **alternate != url) {
            if !left.contains(alternate) && left.len() < MOST_ALTERNATES {
                left.push_back(alternate.clone());
            }
        }
        let (names, found) = (own.chain.name_count(), alloc::vec![(url, own.chain)]);
        Self { choice, alternates: own.alternates, found, names, left }
    }

    /// Returns the alternate to fetch next, if no chain fits the choice yet.
    pub(crate) fn next(&self) -> Option<&Url> {
        let choice = self.choice.as_ref()?;
        let met = self.found.iter().any(|(_, chain)| choice.is_met_by(chain));
        self.left.front().filter(|_| !met)
    }

    /// Takes the response for the alternate that `next` named. If its chain is unusable, returns a notice.
    pub(crate) fn take(&mut self, download: Result<Download, Error>) -> Option<Notice> {
        let url = self.left.pop_front()?;
        let same_leaf = |chain: &CertificateChain| {
            self.found.iter().all(|(_, own)| own.leaf().as_der() == chain.leaf().as_der())
        };
        let error = match download {
            Ok(Download { chain, .. }) if !same_leaf(&chain) => {
                Error::peer(&url, PeerFault::OtherLeaf)
            }
            Ok(Download { chain, .. }) => {
                let names = self.names + chain.name_count();
                if names <= Certificate::MAX_NAMES {
                    self.names = names;
                    self.found.push((url, chain));
                    return None;
                }
                Error::peer(&url, PeerFault::TooManyNames)
            }
            Err(error) => error,
        };
        Some(Notice::AlternateUnusable { url, error: Box::new(error) })
    }

    /// Chooses among what is there.
    pub(crate) fn finish(self) -> ChosenChain {
        let chains = self.found.iter().map(|(_, chain)| chain);
        let place = self.choice.as_ref().map_or(Some(0), |choice| choice.choose(chains));
        ChosenChain { found: self.found, place, alternates: self.alternates }
    }
}
