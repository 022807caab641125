//! Proving a presented chain, and judging a proven one again.

use rustls_pki_types::{CertificateDer, UnixTime};

use super::chain::VerifiedChain;
use super::chain_result::{ChainResult, UnprovenChain};
use super::loaded_trust::LoadedTrust;
use super::path::PathFault;
use crate::certificate::PeerCertificate;
use crate::reason::{Reason, Refusal};

/// Certificates a client may send along with its own. No path has more than six CAs (rustls-webpki), and each that
/// claims to be of the right one costs a signature to find out.
pub const MAX_PRESENTED_INTERMEDIATES: usize = 8;

/// Proves what a client presented, leaf first, under one of `trusts`: path, validity, usage and revocation at `now`.
///
/// The one function behind which a chain is verified. Work is bounded by what rustls-webpki allows itself.
pub fn verify_chain(trusts: &[LoadedTrust], presented: &[CertificateDer<'_>], now: UnixTime) -> ChainResult {
    let Some((leaf, intermediates)) = presented.split_first() else { return ChainResult::NotPresented };
    let leaf = match PeerCertificate::parse(leaf) {
        Ok(leaf) => leaf,
        Err(error) => {
            let evidence = format!("the certificate proves nothing: {error}");
            return ChainResult::Unproven(UnprovenChain::unreadable(Refusal::new(
                Reason::BadSignature,
                evidence,
            )));
        }
    };
    match verify_path(trusts, &leaf, intermediates, now) {
        Ok(chain) => ChainResult::Proven(chain),
        Err((reason, evidence)) => {
            let fault = leaf.refused(reason, evidence);
            ChainResult::Unproven(UnprovenChain::new(leaf, fault))
        }
    }
}

fn verify_path(
    trusts: &[LoadedTrust],
    leaf: &PeerCertificate,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<VerifiedChain, PathFault> {
    if intermediates.len() > MAX_PRESENTED_INTERMEDIATES {
        let evidence = format!(
            "the chain proves nothing: {} certificates came with the client's, and more than \
             {MAX_PRESENTED_INTERMEDIATES} are not looked at",
            intermediates.len()
        );
        return Err((Reason::BadSignature, evidence));
    }
    let mut fault = (Reason::UnknownCa, "no trust is loaded".to_owned());
    // The trust whose anchor has the issuer's name comes first; no two vouch for one certificate (see
    // `refuse_ambiguity`), so the order only saves work, and finds the fault that explains most.
    let (named, others): (Vec<_>, Vec<_>) = trusts.iter().partition(|trust| trust.names_issuer_of(leaf));
    for trust in named.into_iter().chain(others) {
        match trust.verify(leaf, intermediates, now) {
            Ok(chain) => return Ok(chain),
            Err((Reason::UnknownCa, evidence)) if fault.0 == Reason::UnknownCa => {
                fault = (Reason::UnknownCa, evidence);
            }
            Err((Reason::UnknownCa, _)) => {}
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
    let verdict = match trusts.iter().find(|trust| trust.name() == chain.trust_name()) {
        Some(trust) => trust.recheck(chain, now),
        None => Err((Reason::UnknownCa, format!("there is no trust {} any more", chain.trust_name()))),
    };
    verdict.map_err(|(reason, evidence)| chain.leaf().refused(reason, evidence))
}
