//! [`LoadedTrust`]: one trust in force: its CAs, its revocation lists, and what they prove.

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};

use super::anchor::{Anchor, load_intermediates};
use super::chain::{Link, VerifiedChain};
use super::config::{CrlCheck, StaleCrl, TrustConfig, TrustName};
use super::crl::{CrlSet, RefusedFile, SignedCrl};
use super::error::TrustError;
use super::path::{PathBuilder, PathFault, fit_anchor, is_fit_leaf};
use super::report::{CrlReport, Freshness, TrustSummary};
use super::signature_algorithms::SIGNATURE_ALGORITHMS;
use super::source::TrustSource;
use crate::certificate::{AuthorityCertificate, Fingerprint, PeerCertificate, timestamp};
use crate::reason::Reason;

/// A trust whose files have been read and checked.
#[derive(Clone, Debug)]
pub struct LoadedTrust {
    config: TrustConfig,
    anchors: Vec<Anchor>,
    webpki_anchors: Vec<TrustAnchor<'static>>,
    intermediates: Vec<AuthorityCertificate>,
    crls: CrlSet,
}

/// Whether a client is on its way in, or in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    New,
    Live,
}

impl LoadedTrust {
    /// Loads everything `config` names, or nothing. Lists that are the same in `present` are not verified again.
    ///
    /// # Errors
    /// A file cannot be read, is not what it should be, or an issuer whose certificates are to be checked has no list.
    pub fn load(
        config: &TrustConfig,
        present: Option<&Self>,
        source: &dyn TrustSource,
        now: UnixTime,
    ) -> Result<Self, TrustError> {
        let anchors = Anchor::load_all(config, source, now)?;
        let mut loaded = Self {
            webpki_anchors: anchors.iter().map(|anchor| anchor.webpki.clone()).collect(),
            anchors,
            intermediates: load_intermediates(config, source)?,
            crls: present.map(|present| present.crls.clone()).unwrap_or_default(),
            config: config.clone(),
        };
        let refused = loaded.reload_crls(source, now).into_iter().next();
        if let Some(error) = refused {
            return Err(error);
        }
        loaded.refuse_uncovered_issuers()?;
        Ok(loaded)
    }

    /// Reads the revocation lists again. What a refused file held before stays in force; returns why each was refused.
    pub fn reload_crls(&mut self, source: &dyn TrustSource, now: UnixTime) -> Vec<TrustError> {
        if self.config.crl_check == CrlCheck::Off {
            self.crls = CrlSet::default();
            return Vec::new();
        }
        let authorities: Vec<_> = self.authorities().collect();
        let (crls, refused) = CrlSet::read(&self.config, &authorities, &self.crls, source, now);
        self.crls = crls;
        refused.into_iter().map(|RefusedFile(error)| error).collect()
    }

    /// Every CA of this trust.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &AuthorityCertificate> {
        self.anchors.iter().map(|anchor| &anchor.certificate).chain(&self.intermediates)
    }

    /// The anchors.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &AuthorityCertificate> {
        self.anchors.iter().map(|anchor| &anchor.certificate)
    }

    /// The name that policies refer to it by.
    pub fn name(&self) -> &TrustName {
        &self.config.name
    }

    /// What it was loaded by.
    pub fn config(&self) -> &TrustConfig {
        &self.config
    }

    /// Its revocation lists in force.
    pub fn crls(&self) -> impl Iterator<Item = &SignedCrl> {
        self.crls.lists()
    }

    /// Whether both hold the same revocation lists, file by file.
    pub fn has_same_crls(&self, other: &Self) -> bool {
        self.crls.is_same(&other.crls)
    }

    /// Without any list, every client of the issuer would be refused: better to say so at once.
    fn refuse_uncovered_issuers(&self) -> Result<(), TrustError> {
        let uncovered = self.authorities().skip(match self.config.crl_check {
            CrlCheck::Off => return Ok(()),
            // Leaves are issued by the intermediates, where there are any.
            CrlCheck::Leaf if !self.intermediates.is_empty() => self.anchors.len(),
            CrlCheck::Leaf | CrlCheck::Chain => 0,
        });
        for authority in uncovered {
            if self.crls.of(&authority.authority()).next().is_none() {
                return Err(TrustError::NoCrl {
                    trust: self.config.name.clone(),
                    issuer: authority.subject().to_string(),
                });
            }
        }
        Ok(())
    }

    /// Whether one of the anchors has the name of the leaf's issuer.
    pub(super) fn names_issuer_of(&self, leaf: &PeerCertificate) -> bool {
        self.anchors().any(|anchor| anchor.subject() == leaf.issuer())
    }

    /// Proves a new client's chain.
    pub(super) fn verify(
        &self,
        leaf: &PeerCertificate,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<VerifiedChain, PathFault> {
        self.verify_with(SIGNATURE_ALGORITHMS, leaf, presented, now)
    }

    fn verify_with(
        &self,
        signatures: &[&dyn SignatureVerificationAlgorithm],
        leaf: &PeerCertificate,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<VerifiedChain, PathFault> {
        self.refuse_claim_to_be_revoked(leaf, presented, now)?;
        let builder = PathBuilder {
            anchors: &self.anchors,
            webpki_anchors: &self.webpki_anchors,
            intermediates: &self.intermediates,
            signatures,
        };
        let links = builder.prove(leaf, presented, now)?;
        // What is known to be revoked is revoked, however old the list: staleness is the second question.
        self.refuse_any_revoked(&links)?;
        self.refuse_any_stale(&links, Client::New, now)?;
        Ok(VerifiedChain::new(leaf.clone(), self.config.name.clone(), self.config.role, links))
    }

    /// Refuses a certificate that says to be one that its only possible issuer has revoked. True or forged, it is refused
    /// in any case, so its signature need not be verified to know that; whatever else it says is reported first, as it
    /// always was.
    fn refuse_claim_to_be_revoked(
        &self,
        leaf: &PeerCertificate,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), PathFault> {
        // Another CA of that name may stand in the chain, or among the anchors while a CA changes its key.
        let mut issuers: Vec<_> =
            self.authorities().filter(|ca| ca.subject() == leaf.issuer()).map(|ca| ca.authority()).collect();
        issuers.dedup();
        let (CrlCheck::Leaf | CrlCheck::Chain, [], [issuer]) =
            (self.config.crl_check, presented, issuers.as_slice())
        else {
            return Ok(());
        };
        let link = Link { issuer: *issuer, serial: *leaf.serial(), not_after: leaf.not_after() };
        let Err((reason, evidence)) = self.refuse_revoked(&link) else { return Ok(()) };
        let same_anchor = self.anchors().filter(|anchor| anchor.authority() == *issuer);
        if !is_fit_leaf(leaf, now) || fit_anchor(same_anchor, 0, now).is_err() {
            return Ok(());
        }
        Err((
            reason,
            format!("{evidence}; that is what the certificate says, and its signature was not looked at"),
        ))
    }

    /// Judges the chain of a live session again by what can have changed.
    pub(super) fn recheck(&self, chain: &VerifiedChain, now: UnixTime) -> Result<(), PathFault> {
        if self.config.role != chain.role() {
            let evidence = format!("trust {} has another role now", self.config.name);
            return Err((Reason::UnknownCa, evidence));
        }
        let issuer = chain.links().last().map(|link| link.issuer);
        if !self.anchors().any(|anchor| Some(anchor.authority()) == issuer) {
            let evidence =
                format!("the CA that it leads to is no longer an anchor of trust {}", self.config.name);
            return Err((Reason::UnknownCa, evidence));
        }
        // Looked at before validity: a kept session whose certificate has expired ends when that is revoked.
        self.refuse_any_revoked(chain.links())?;
        let same_anchor = self.anchors().filter(|anchor| Some(anchor.authority()) == issuer);
        fit_anchor(same_anchor, chain.links().len().saturating_sub(1), now)?;
        if now > chain.not_after() {
            let end = timestamp(chain.not_after());
            return Err((Reason::Expired, format!("the certificate, or one above it, expired at {end}")));
        }
        self.refuse_any_stale(chain.links(), Client::Live, now)
    }

    fn refuse_any_stale(&self, links: &[Link], client: Client, now: UnixTime) -> Result<(), PathFault> {
        self.checked(links).try_for_each(|link| self.refuse_stale(link, client, now))
    }

    fn refuse_any_revoked(&self, links: &[Link]) -> Result<(), PathFault> {
        self.checked(links).try_for_each(|link| self.refuse_revoked(link))
    }

    /// The certificates that are looked up in revocation lists.
    fn checked<'a>(&self, links: &'a [Link]) -> impl Iterator<Item = &'a Link> + use<'a> {
        let checked = match self.config.crl_check {
            CrlCheck::Off => 0,
            CrlCheck::Leaf => 1,
            CrlCheck::Chain => links.len(),
        };
        links.iter().take(checked)
    }

    fn refuse_revoked(&self, link: &Link) -> Result<(), PathFault> {
        let found = self.crls.of(&link.issuer).filter_map(|list| Some((list, list.find(&link.serial)?)));
        // Of two lists, one may have it on hold and the other revoked: then it is revoked.
        let Some((list, revocation)) = found.max_by_key(|(_, revocation)| !revocation.is_hold()) else {
            return Ok(());
        };
        let (reason, what) = if revocation.is_hold() {
            (Reason::Suspended, "is on hold")
        } else {
            (Reason::Revoked, "was revoked")
        };
        Err((
            reason,
            format!(
                "serial {} of {} {what} at {} ({}; CRL number {})",
                link.serial,
                list.issuer_name,
                timestamp(revocation.at),
                revocation.reason(),
                list.number
            ),
        ))
    }

    fn refuse_stale(&self, link: &Link, client: Client, now: UnixTime) -> Result<(), PathFault> {
        let enforced = match (self.config.stale_crl, client) {
            (StaleCrl::DenyAll, _) | (StaleCrl::DenyNew, Client::New) => true,
            (StaleCrl::DenyNew, Client::Live) | (StaleCrl::Alarm, _) => false,
        };
        let grace = self.config.stale_grace.as_secs();
        let mut lists = self.crls.of(&link.issuer).peekable();
        if lists.peek().is_none() && client == Client::New {
            return Err((Reason::StaleCrl, format!("no revocation list covers serial {}", link.serial)));
        }
        match lists.find(|list| enforced && list.freshness(now, grace) == Freshness::Stale) {
            Some(list) => Err((
                Reason::StaleCrl,
                format!(
                    "the revocation list of {} was due to be replaced at {}",
                    list.issuer_name,
                    timestamp(list.next_update)
                ),
            )),
            None => Ok(()),
        }
    }

    /// How old the lists of each issuer are, the oldest counting.
    pub fn freshness(&self, now: UnixTime) -> Vec<(Fingerprint, Freshness)> {
        let grace = self.config.stale_grace.as_secs();
        let mut worst: Vec<(Fingerprint, Freshness)> = Vec::new();
        for list in self.crls.lists() {
            let freshness = list.freshness(now, grace);
            match worst.iter_mut().find(|(issuer, _)| *issuer == list.issuer) {
                Some((_, worst)) => *worst = freshness.max(*worst),
                None => worst.push((list.issuer, freshness)),
            }
        }
        worst
    }

    /// The subjects of the anchors that have expired.
    pub fn expired_anchors(&self, now: UnixTime) -> impl Iterator<Item = String> {
        self.anchors()
            .filter(move |anchor| now > anchor.not_after())
            .map(|anchor| anchor.subject().to_string())
    }

    /// What it holds, for reports.
    pub fn summary(&self, now: UnixTime) -> TrustSummary {
        let crls = self.freshness(now).into_iter().filter_map(|(issuer, freshness)| {
            let newest = self.crls.of(&issuer).max_by_key(|list| list.number)?;
            Some(CrlReport {
                authority: issuer,
                issuer: newest.issuer_name.clone(),
                number: newest.number,
                this_update: newest.this_update,
                next_update: self.crls.of(&issuer).map(|list| list.next_update).min()?,
                entries: self.crls.of(&issuer).map(|list| list.entries()).sum(),
                freshness,
            })
        });
        TrustSummary {
            name: self.config.name.clone(),
            role: self.config.role,
            crl_check: self.config.crl_check,
            stale_crl: self.config.stale_crl,
            anchors: self.anchors.iter().map(Anchor::report).collect(),
            crls: crls.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
