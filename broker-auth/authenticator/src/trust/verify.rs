//! Proving a presented chain, and judging a proven one again.

use certificate_path::{Budget, refuse_too_much};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::chain::VerifiedChain;
use super::chain_fault::{ChainFault, of_path};
use super::chain_result::{ChainResult, UnprovenChain};
use super::end_entity::FitEndEntity;
use super::loaded_trust::LoadedTrust;
use crate::certificate::PeerCertificate;
use crate::reason::{Reason, Refusal};

/// Proves what a client presented, leaf first, under one of `trusts`: path, validity, usage and revocation at `now`.
///
/// The one function behind which a chain is verified. One [`Budget`] bounds the work for all trusts together.
pub fn verify_chain(
    trusts: &[LoadedTrust],
    presented: &[CertificateDer<'_>],
    now: UnixTime,
    order: FaultOrder,
) -> ChainResult {
    let Some((leaf, intermediates)) = presented.split_first() else { return ChainResult::NotPresented };
    let leaf = match PeerCertificate::parse(leaf) {
        Ok(leaf) => leaf,
        Err(error) => {
            let evidence = format!("the certificate cannot be read: {error}");
            let fault = Refusal::new(Reason::Malformed, evidence);
            return ChainResult::Unproven(UnprovenChain::unreadable(fault));
        }
    };
    let mut budget = Budget::new();
    let verified = match order {
        FaultOrder::CheapestFirst => verify_path(trusts, &leaf, intermediates, now, &mut budget),
        FaultOrder::ProofFirst => verify_issuer_first(trusts, &leaf, intermediates, now, &mut budget),
    };
    match verified {
        Ok(chain) => ChainResult::Proven(chain),
        Err((reason, evidence)) => {
            let fault = leaf.refused(reason, evidence);
            ChainResult::Unproven(UnprovenChain::new(presented, leaf, fault, budget.is_exceeded()))
        }
    }
}

/// Of several faults of a chain, which one is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOrder {
    /// The one that is found with the least work. It says what the certificate says, which may be a stranger's: good enough
    /// to refuse by.
    CheapestFirst,
    /// Who has issued it comes first. `expired`, `not_yet_valid`, `wrong_usage`, `revoked`, `suspended`, `stale_crl` and
    /// `not_pinned` are told of certificates alone that a CA of a trust is proven to have issued: good enough to decide by.
    ProofFirst,
}

fn verify_issuer_first(
    trusts: &[LoadedTrust],
    leaf: &PeerCertificate,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
    budget: &mut Budget,
) -> Result<VerifiedChain, ChainFault> {
    refuse_too_much(leaf.der(), intermediates).map_err(|fault| of_path(&fault, leaf.issuer(), now))?;
    let known =
        trusts.iter().find_map(|trust| Some((trust, trust.remembered_path(leaf, intermediates, now)?)));
    let end_entity = FitEndEntity::read(leaf)?;
    if let Some((trust, path)) = known {
        // Revoked is revoked, however long ago the certificate has ended.
        let chain = trust.chain_along(leaf, &path, now)?;
        return end_entity.refuse_unfit(leaf, now).map(|()| chain);
    }
    let (trust, proof) = first_of(trusts, leaf, |trust| {
        Ok((trust, trust.prove(leaf, &end_entity, intermediates, now, budget)?))
    })?;
    let chain = trust.chain_along(leaf, &proof.path, now)?;
    end_entity.refuse_unfit(leaf, now)?;
    trust.remember(proof);
    Ok(chain)
}

fn verify_path(
    trusts: &[LoadedTrust],
    leaf: &PeerCertificate,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
    budget: &mut Budget,
) -> Result<VerifiedChain, ChainFault> {
    refuse_too_much(leaf.der(), intermediates).map_err(|fault| of_path(&fault, leaf.issuer(), now))?;
    if let Some(remembered) = trusts.iter().find_map(|trust| trust.remembered(leaf, intermediates, now)) {
        return remembered;
    }
    let end_entity = FitEndEntity::judge(leaf, now)?;
    first_of(trusts, leaf, |trust| trust.verify(leaf, &end_entity, intermediates, now, budget))
}

/// What the first of `trusts` proves, or the fault that explains most.
///
/// The trust whose anchor has the issuer's name comes first; no two vouch for one certificate (see `refuse_ambiguity`), so
/// the order only saves work, and finds that fault.
fn first_of<'t, T>(
    trusts: &'t [LoadedTrust],
    leaf: &PeerCertificate,
    mut verify: impl FnMut(&'t LoadedTrust) -> Result<T, ChainFault>,
) -> Result<T, ChainFault> {
    let mut fault = (Reason::UnknownCa, "no trust is loaded".to_owned());
    let (named, others): (Vec<_>, Vec<_>) = trusts.iter().partition(|trust| trust.names_issuer_of(leaf));
    for trust in named.into_iter().chain(others) {
        match verify(trust) {
            Ok(proven) => return Ok(proven),
            Err(other) if fault.0 == Reason::UnknownCa => fault = other,
            Err(_) => {}
        }
    }
    Err(fault)
}

/// Judges a proven chain again at `now` by what can have changed since it was proven: its trust, anchors, revocation,
/// and the age of the revocation lists.
///
/// # Errors
/// The chain is no longer good.
pub fn recheck_chain(trusts: &[LoadedTrust], chain: &VerifiedChain, now: UnixTime) -> Result<(), Refusal> {
    let trust = trusts.iter().find(|trust| trust.name() == chain.trust_name());
    let verdict = match trust {
        Some(trust) => trust.recheck(chain, now),
        None => Err((Reason::UnknownCa, format!("there is no trust {} any more", chain.trust_name()))),
    };
    verdict.map_err(|(reason, evidence)| Refusal {
        is_superseded: reason == Reason::Revoked && trust.is_some_and(|trust| trust.has_superseded(chain)),
        ..chain.leaf().refused(reason, evidence)
    })
}
