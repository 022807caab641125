//! [`LoadedTrust`]: one trust in force: its CAs, its revocation lists, and what they prove.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use certificate_path::{Algorithms, Budget, ConfiguredCas, EndEntityFault, PathCa, PathRequest, Purpose};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::anchor::{Anchor, load_intermediates};
use super::chain::{Link, VerifiedChain};
use super::chain_fault::{ChainFault, fit_anchor, of_end_entity, of_path};
use super::config::{CrlCheck, LegacyLeaf, TrustConfig, TrustName};
use super::crl::{CrlSet, LostRevocations, RefusedFile, Replacement, SignedCrl};
use super::end_entity::{FitEndEntity, refuse_unless_current};
use super::error::TrustError;
use super::proven_paths::{ProvenPath, ProvenPaths};
use super::report::{CrlReport, Freshness, TrustSummary};
use super::revocation::{Client, Coverage, RevocationCheck};
use super::signature_algorithms::SIGNATURE_ALGORITHMS;
use super::source::TrustSource;
use crate::certificate::{AuthorityCertificate, Fingerprint, PeerCertificate, Serial, timestamp};
use crate::reason::Reason;

/// A trust whose files have been read and checked.
#[derive(Clone, Debug)]
pub struct LoadedTrust {
    config: TrustConfig,
    anchors: Vec<Anchor>,
    intermediates: Vec<AuthorityCertificate>,
    /// The same CAs, and the paths among them.
    cas: Arc<ConfiguredCas>,
    crls: CrlSet,
    /// What these CAs have proven. It is shared by all that have the same CAs, whatever their lists.
    proven: Arc<ProvenPaths>,
}

/// That a CA of a trust issued a certificate.
pub(super) struct Proof {
    pub(super) path: ProvenPath,
    known_by: Fingerprint,
}

impl LoadedTrust {
    /// Loads everything `config` names. Lists that are the same in `present` are not verified again; what becomes of a trust
    /// of whose lists some are refused is the caller's decision.
    ///
    /// # Errors
    /// A file of CA certificates cannot be read, or is not what it should be.
    pub(super) fn load(
        config: &TrustConfig,
        present: Option<&Self>,
        source: &dyn TrustSource,
        now: UnixTime,
    ) -> Result<(Self, Vec<TrustError>), TrustError> {
        let anchors = Anchor::load_all(config, source)?;
        let intermediates = load_intermediates(config, source)?;
        let cas = ConfiguredCas::new(
            anchors.iter().map(|anchor| anchor.certificate.ca().clone()).collect(),
            intermediates.iter().map(|intermediate| intermediate.ca().clone()).collect(),
            SIGNATURE_ALGORITHMS,
        );
        let mut loaded = Self {
            anchors,
            intermediates,
            cas: Arc::new(cas),
            proven: Arc::default(),
            crls: present.map(|present| present.crls.clone()).unwrap_or_default(),
            config: config.clone(),
        };
        let refused = loaded.reload_crls(source, now);
        Ok((loaded, refused))
    }

    /// Puts copies of earlier lists in the place of files that were refused, and reads the files again: now they are compared
    /// with what a running broker would hold. Returns the copies, why others are of no use, and what is refused still.
    pub(super) fn put_kept_crls_in_place(
        &mut self,
        refused: &[TrustError],
        source: &dyn TrustSource,
        now: UnixTime,
    ) -> (Vec<Replacement>, Vec<TrustError>, Vec<TrustError>) {
        let mut files: Vec<_> = refused.iter().filter_map(|error| error.file().map(Path::to_owned)).collect();
        if self.refuse_uncovered_issuers().is_err() {
            // A folder that was emptied is no file that was refused.
            files.extend(self.config.crl.iter().map(|source| source.path().to_owned()));
        }
        let (replacements, errors) = {
            let anchors = self.anchors.iter().map(|anchor| &anchor.certificate);
            let authorities: Vec<_> = anchors.chain(&self.intermediates).collect();
            self.crls.put_kept_in_place(&self.config, &authorities, &files, source, now)
        };
        (replacements, errors, self.reload_crls(source, now))
    }

    /// The files of its revocation lists: the path, the SHA-256 of what was in it, and the CA of each list, in order.
    pub fn crl_files(&self) -> impl Iterator<Item = (&Path, Fingerprint, Vec<Fingerprint>)> {
        self.crls.files()
    }

    /// Whether it can admit anybody at `now`: an anchor is valid, and where lists are checked, there is one.
    pub(super) fn is_usable(&self, now: UnixTime) -> bool {
        let has_lists = self.config.crl_check == CrlCheck::Off || self.crls.lists().next().is_some();
        has_lists && self.refuse_unusable(now).is_ok()
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
        refused.into_iter().map(|RefusedFile(error)| error.of_fetched(&self.config.crl)).collect()
    }

    /// Every CA of this trust.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &AuthorityCertificate> {
        self.anchors.iter().map(|anchor| &anchor.certificate).chain(&self.intermediates)
    }

    /// The anchors.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &AuthorityCertificate> {
        self.anchors.iter().map(|anchor| &anchor.certificate)
    }

    /// Its anchors, each by its name and key.
    pub fn anchor_authorities(&self) -> impl Iterator<Item = Fingerprint> {
        self.anchors().map(AuthorityCertificate::authority)
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

    /// Whether both are of the same configuration, with the same CAs and revocation lists.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.config == other.config
            && self
                .authorities()
                .map(AuthorityCertificate::der)
                .eq(other.authorities().map(AuthorityCertificate::der))
            && self.has_same_crls(other)
    }

    /// Whether both hold the same revocation lists, file by file.
    pub fn has_same_crls(&self, other: &Self) -> bool {
        self.crls.is_same(&other.crls)
    }

    /// What its revocation lists say.
    fn revocation(&self) -> RevocationCheck<'_> {
        RevocationCheck::new(&self.config, &self.crls)
    }

    /// Without any list, every client of the issuer would be refused: better to say so at once.
    pub(super) fn refuse_uncovered_issuers(&self) -> Result<(), TrustError> {
        let uncovered = self.authorities().skip(match self.config.crl_check {
            CrlCheck::Off => return Ok(()),
            // Leaves are issued by the intermediates, where there are any.
            CrlCheck::Leaf if !self.intermediates.is_empty() => self.anchors.len(),
            CrlCheck::Leaf | CrlCheck::Chain => 0,
        });
        for authority in uncovered {
            let (trust, issuer) = (self.config.name.clone(), authority.subject().to_string());
            match self.revocation().coverage(&authority.authority()) {
                Coverage::Complete | Coverage::Partitions => {}
                Coverage::None => return Err(TrustError::NoCrl { trust, issuer }),
                Coverage::Missing(url) => {
                    return Err(TrustError::NoDistributionPoint { trust, issuer, url: url.to_owned() });
                }
            }
        }
        Ok(())
    }

    /// Whether one of its CAs has the name of the leaf's issuer.
    pub(super) fn names_issuer_of(&self, leaf: &PeerCertificate) -> bool {
        self.authorities().any(|authority| authority.subject().is_same_name(leaf.issuer()))
    }

    /// The chain of a client that was proven before, by what it presents. No signature is checked again; dates, revocation
    /// and the age of the lists are judged as the first time.
    pub(super) fn remembered(
        &self,
        leaf: &PeerCertificate,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Result<VerifiedChain, ChainFault>> {
        let path = self.remembered_path(leaf, presented, now)?;
        Some(refuse_unless_current(leaf, now).and_then(|()| self.chain_along(leaf, &path, now)))
    }

    /// The path of a client that was proven before, by what it presents.
    pub(super) fn remembered_path(
        &self,
        leaf: &PeerCertificate,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Arc<ProvenPath>> {
        self.proven.get(&leaf.fingerprint_sha256(), now).or_else(|| {
            let all = || fingerprint_of_all(leaf, presented);
            (!presented.is_empty()).then(all).and_then(|all| self.proven.get(&all, now))
        })
    }

    /// Judges what can change about a proven path.
    pub(super) fn chain_along(
        &self,
        leaf: &PeerCertificate,
        path: &ProvenPath,
        now: UnixTime,
    ) -> Result<VerifiedChain, ChainFault> {
        // What is known to be revoked is revoked, however old the list: staleness is the second question.
        self.revocation().refuse_revoked(&path.links)?;
        self.revocation().refuse_stale(&path.links, Client::New, now)?;
        self.revocation().refuse_unheld_list(&path.links)?;
        self.refuse_too_deep(&path.links)?;
        self.refuse_unpinned(leaf)?;
        let (issuer, links) = (path.issuer.clone(), path.links.clone());
        let claim_to_issue = path.claim_to_issue.clone();
        Ok(VerifiedChain::new(leaf.clone(), &self.config, issuer, links, path.between, claim_to_issue))
    }

    /// Refuses a proven certificate that is none of those that the trust is narrowed down to.
    fn refuse_unpinned(&self, leaf: &PeerCertificate) -> Result<(), ChainFault> {
        let TrustConfig { name, pins, issuers, .. } = &self.config;
        if !issuers.is_empty() && !issuers.iter().any(|issuer| issuer.is(leaf.issuer())) {
            let evidence = format!("its issuer {} is none of `issuers` of trust {name}", leaf.issuer());
            return Err((Reason::NotPinned, evidence));
        }
        if !pins.is_empty() && !pins.contain(leaf) {
            let (serial, fingerprint) = (leaf.serial(), leaf.fingerprint_sha256());
            let evidence = format!(
                "serial {serial} of {} ({fingerprint}) is none of the pins of trust {name}",
                leaf.issuer()
            );
            return Err((Reason::NotPinned, evidence));
        }
        Ok(())
    }

    /// Refuses a chain that is longer than the trust allows.
    fn refuse_too_deep(&self, links: &[Link]) -> Result<(), ChainFault> {
        let Some(depth) = self.config.depth else { return Ok(()) };
        let between = links.len().saturating_sub(1);
        if between <= depth {
            return Ok(());
        }
        let evidence = format!(
            "{between} CA certificates stand between it and the anchor, and `depth` of trust {} is {depth}",
            self.config.name
        );
        Err((Reason::UnknownCa, evidence))
    }

    /// Proves a new client's chain. `budget` is that of the handshake, which all trusts share.
    pub(super) fn verify(
        &self,
        leaf: &PeerCertificate,
        end_entity: &FitEndEntity,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
        budget: &mut Budget,
    ) -> Result<VerifiedChain, ChainFault> {
        self.verify_with(SIGNATURE_ALGORITHMS, leaf, end_entity, presented, now, budget)
    }

    fn verify_with(
        &self,
        algorithms: Algorithms<'_>,
        leaf: &PeerCertificate,
        end_entity: &FitEndEntity,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
        budget: &mut Budget,
    ) -> Result<VerifiedChain, ChainFault> {
        self.refuse_claim_to_be_revoked(leaf, presented, now)?;
        let proof = self.prove_with(algorithms, leaf, end_entity, presented, now, budget)?;
        let chain = self.chain_along(leaf, &proof.path, now);
        self.remember(proof);
        chain
    }

    /// Proves that a CA of the trust issued the certificate, whatever else is wrong with it: of a client that has not
    /// proven that, nothing is believed.
    ///
    /// # Errors
    /// What the path says of CAs is not proven either, so it is told as an unknown CA.
    pub(super) fn prove(
        &self,
        leaf: &PeerCertificate,
        end_entity: &FitEndEntity,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
        budget: &mut Budget,
    ) -> Result<Proof, ChainFault> {
        self.prove_with(SIGNATURE_ALGORITHMS, leaf, end_entity, presented, now, budget).map_err(
            |(reason, evidence)| match reason {
                Reason::UnknownCa | Reason::BadSignature | Reason::Malformed | Reason::Unsupported => {
                    (reason, evidence)
                }
                _ => (Reason::UnknownCa, format!("no CA is known to have issued it: {evidence}")),
            },
        )
    }

    fn prove_with(
        &self,
        algorithms: Algorithms<'_>,
        leaf: &PeerCertificate,
        end_entity: &FitEndEntity,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
        budget: &mut Budget,
    ) -> Result<Proof, ChainFault> {
        let ders: Vec<&[u8]> = presented.iter().map(|der| der.as_ref()).collect();
        let request = PathRequest {
            end_entity: &end_entity.certificate,
            presented: &ders,
            purpose: Purpose::Client,
            now,
            algorithms,
        };
        let path = self.cas.prove(&request, budget).map_err(|fault| of_path(&fault, leaf.issuer(), now))?;
        let claim_to_issue = end_entity.claims_to_issue.as_ref().err();
        self.refuse_claim_to_issue(claim_to_issue)?;
        // A path that leads over presented CAs is known by all that was presented: without them it would not be found.
        let is_configured = path.iter().all(|ca| matches!(ca, PathCa::Configured(_)));
        let known_by =
            if is_configured { leaf.fingerprint_sha256() } else { fingerprint_of_all(leaf, presented) };
        Ok(Proof { path: self.proven_path(leaf, &ders, &path, claim_to_issue)?, known_by })
    }

    /// Remembers what was proven of a certificate that is fit for a client.
    pub(super) fn remember(&self, proof: Proof) {
        self.proven.insert(proof.known_by, proof.path);
    }

    /// What a proven path is judged by again.
    fn proven_path(
        &self,
        leaf: &PeerCertificate,
        presented: &[&[u8]],
        path: &[PathCa],
        claim_to_issue: Option<&EndEntityFault>,
    ) -> Result<ProvenPath, ChainFault> {
        let unfit = || (Reason::UnknownCa, "the path ends at no configured anchor".to_owned());
        let mut links = Vec::with_capacity(1 + path.len());
        let (mut serial, mut not_after) = (*leaf.serial(), leaf.not_after());
        let mut listed_at = leaf.crl_distribution_points().cloned();
        let mut between = 0;
        let mut issuing = None;
        let (mut begin, mut end) =
            (UnixTime::since_unix_epoch(Duration::ZERO), UnixTime::since_unix_epoch(Duration::MAX));
        for (index, ca) in path.iter().enumerate() {
            let read;
            let issuer = match ca {
                PathCa::Configured(position) => self.authorities().nth(*position).ok_or_else(unfit)?,
                PathCa::Presented(position) => {
                    let der = presented.get(*position).ok_or_else(unfit)?;
                    read = AuthorityCertificate::parse_presented(der)
                        .map_err(|fault| (Reason::Malformed, fault.to_string()))?;
                    &read
                }
            };
            issuing.get_or_insert_with(|| issuer.clone());
            links.push(Link { issuer: issuer.authority(), serial, not_after, listed_at });
            (serial, not_after) = (*issuer.serial(), issuer.not_after());
            listed_at = issuer.crl_distribution_points().cloned();
            (begin, end) = (begin.max(issuer.not_before()), end.min(issuer.not_after()));
            let is_anchor = index + 1 == path.len();
            between += usize::from(!is_anchor && !issuer.ca().certificate().is_self_issued());
        }
        Ok(ProvenPath {
            issuer: issuing.ok_or_else(unfit)?,
            links,
            between,
            claim_to_issue: claim_to_issue.cloned(),
            cas_valid: begin..=end,
        })
    }

    /// Refuses a certificate that claims what is for CAs alone, unless that is let pass.
    fn refuse_claim_to_issue(&self, claim: Option<&EndEntityFault>) -> Result<(), ChainFault> {
        match (claim, self.config.legacy_leaf) {
            (Some(fault), LegacyLeaf::Refuse) => Err(of_end_entity(fault)),
            (Some(_), LegacyLeaf::Warn) | (None, _) => Ok(()),
        }
    }

    /// Refuses a certificate that says to be one that its only possible issuer has revoked. True or forged, it is refused
    /// in any case, so its signature need not be verified to know that; whatever else it says is reported first, as it
    /// always was.
    fn refuse_claim_to_be_revoked(
        &self,
        leaf: &PeerCertificate,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), ChainFault> {
        // Another CA of that name may stand in the chain, or among the anchors while a CA changes its key.
        let mut issuers: Vec<_> = self
            .authorities()
            .filter(|ca| ca.subject().is_same_name(leaf.issuer()))
            .map(|ca| ca.authority())
            .collect();
        issuers.dedup();
        let (CrlCheck::Leaf | CrlCheck::Chain, [], [issuer]) =
            (self.config.crl_check, presented, issuers.as_slice())
        else {
            return Ok(());
        };
        let (serial, not_after) = (*leaf.serial(), leaf.not_after());
        let link = Link { issuer: *issuer, serial, not_after, listed_at: None };
        let Err((reason, evidence)) = self.revocation().refuse_revoked(&[link]) else { return Ok(()) };
        let same_anchor = self.anchors().filter(|anchor| anchor.authority() == *issuer);
        if fit_anchor(same_anchor, 0, now).is_err() {
            return Ok(());
        }
        Err((
            reason,
            format!("{evidence}; that is what the certificate says, and its signature was not looked at"),
        ))
    }

    /// Whether all that lists say against a chain is that another certificate took the place of its leaf.
    pub(super) fn has_superseded(&self, chain: &VerifiedChain) -> bool {
        self.revocation().is_superseded(chain.links())
    }

    /// Judges the chain of a live session again by what can have changed.
    pub(super) fn recheck(&self, chain: &VerifiedChain, now: UnixTime) -> Result<(), ChainFault> {
        if self.config.role != chain.role() {
            let evidence = format!("trust {} has another role now", self.config.name);
            return Err((Reason::UnknownCa, evidence));
        }
        if self.config.namespace != *chain.namespace() {
            let (now, before) = (&self.config.namespace, chain.namespace());
            let evidence =
                format!("names of trust {} belong to namespace {now} now, not {before}", self.config.name);
            return Err((Reason::UnmappedIdentity, evidence));
        }
        let issuer = chain.links().last().map(|link| link.issuer);
        if !self.anchors().any(|anchor| Some(anchor.authority()) == issuer) {
            let evidence =
                format!("the CA that it leads to is no longer an anchor of trust {}", self.config.name);
            return Err((Reason::UnknownCa, evidence));
        }
        self.refuse_claim_to_issue(chain.claim_to_issue())?;
        // Looked at before validity: a kept session whose certificate has expired ends when that is revoked.
        self.revocation().refuse_revoked(chain.links())?;
        let same_anchor = self.anchors().filter(|anchor| Some(anchor.authority()) == issuer);
        fit_anchor(same_anchor, chain.cas_below_anchor(), now)?;
        if now > chain.not_after() {
            let end = timestamp(chain.not_after());
            return Err((Reason::Expired, format!("the certificate, or one above it, expired at {end}")));
        }
        self.refuse_too_deep(chain.links())?;
        self.refuse_unpinned(chain.leaf())?;
        self.revocation().refuse_stale(chain.links(), Client::Live, now)
    }

    /// Whether its revocation lists cover the leaf of `chain`, and none of them is too old at `now`, whatever becomes of
    /// clients where one is.
    pub(crate) fn has_fresh_lists(&self, chain: &VerifiedChain, now: UnixTime) -> bool {
        let leaf = chain.links().get(..1).unwrap_or_default();
        self.revocation().has_fresh_lists(leaf, now)
    }

    /// Whether one of its revocation lists has the certificate with this serial number of `issuer`.
    pub(crate) fn lists_as_revoked(&self, issuer: &AuthorityCertificate, serial: &Serial) -> bool {
        self.crls.of(&issuer.authority()).any(|list| list.find(serial).is_some())
    }

    /// Which certificates were revoked for good under `before`, the same trust earlier, and are on no list any more: a line
    /// each where the end of the certificate is known and has not come, and one for all whose end is not known.
    pub fn lost_revocations(&self, before: &Self, now: UnixTime) -> Vec<String> {
        let mut lines = Vec::new();
        for authority in self.authorities() {
            let lost = LostRevocations::of(&authority.authority(), &before.crls, &self.crls);
            if lost.count == 0 {
                continue;
            }
            let (issuer, name) = (authority.authority(), authority.subject());
            let mut known: Vec<_> = before.proven.leaves();
            known.retain(|leaf| leaf.issuer == issuer && lost.contains(&leaf.serial));
            known.sort_by_key(|leaf| leaf.serial);
            known.dedup_by_key(|leaf| leaf.serial);
            lines.extend(known.iter().filter(|leaf| now <= leaf.not_after).map(|leaf| {
                let end = timestamp(leaf.not_after);
                let serial = leaf.serial;
                format!("serial {serial} of {name} was revoked, and the new list does not have it: it is valid until {end}")
            }));
            let unknown = lost.count.saturating_sub(known.len());
            if unknown > 0 {
                lines.push(format!(
                    "{unknown} serial number(s) of {name} were revoked, and the new list does not have them: certificates \
                     that have not ended are let in again"
                ));
            }
        }
        lines
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

    /// Refuses a trust of whose anchors none is valid at `now`: it admits nobody.
    pub(crate) fn refuse_unusable(&self, now: UnixTime) -> Result<(), TrustError> {
        let mut verdicts = self.anchors.iter().map(|anchor| anchor.refuse_unless_current(&self.config, now));
        let Some(first) = verdicts.next() else { return Ok(()) };
        if verdicts.any(|verdict| verdict.is_ok()) { Ok(()) } else { first }
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
            let newest = self.crls.of(&issuer).max_by_key(|list| (list.number, list.this_update))?;
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
            legacy_leaf: self.config.legacy_leaf,
            anchors: self.anchors.iter().map(Anchor::report).collect(),
            crls: crls.collect(),
        }
    }
}

/// The SHA-256 of everything that was presented.
fn fingerprint_of_all(leaf: &PeerCertificate, presented: &[CertificateDer<'_>]) -> Fingerprint {
    let ders: Vec<&[u8]> =
        [leaf.der().as_ref()].into_iter().chain(presented.iter().map(|der| der.as_ref())).collect();
    Fingerprint::of_all(&ders)
}

#[cfg(test)]
mod tests;
