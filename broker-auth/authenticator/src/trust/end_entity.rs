//! What a client's own certificate says about itself, judged before anything is looked up or verified.

use certificate_path::{Certificate, EndEntityFault, Purpose};
use rustls_pki_types::UnixTime;

use super::chain_fault::{ChainFault, of_end_entity, of_malformed};
use crate::certificate::{PeerCertificate, timestamp};
use crate::reason::Reason;

/// A client's certificate that is fit by what it says itself. Which CA signed it is not known yet.
pub(super) struct FitEndEntity {
    pub(super) certificate: Certificate,
    /// It claims what is for CAs alone; a trust may let that pass.
    pub(super) claims_to_issue: Result<(), EndEntityFault>,
}

impl FitEndEntity {
    /// Judges usage, key, extensions and validity. Faults of this kind are reported before any other, whichever CA signed
    /// the certificate.
    pub(super) fn judge(leaf: &PeerCertificate, now: UnixTime) -> Result<Self, ChainFault> {
        let read = Self::read(leaf)?;
        read.refuse_unfit(leaf, now)?;
        Ok(read)
    }

    /// Reads it, and judges nothing.
    pub(super) fn read(leaf: &PeerCertificate) -> Result<Self, ChainFault> {
        let certificate = Certificate::parse(leaf.der()).map_err(|fault| of_malformed(&fault))?;
        let claims_to_issue = certificate.refuse_claim_to_issue();
        Ok(Self { certificate, claims_to_issue })
    }

    /// Judges usage, key, extensions and validity.
    pub(super) fn refuse_unfit(&self, leaf: &PeerCertificate, now: UnixTime) -> Result<(), ChainFault> {
        self.certificate.refuse_unfit_end_entity(Purpose::Client).map_err(|fault| of_end_entity(&fault))?;
        refuse_unless_current(leaf, now)
    }
}

/// Refuses a certificate that is not valid at `now`.
pub(super) fn refuse_unless_current(leaf: &PeerCertificate, now: UnixTime) -> Result<(), ChainFault> {
    if now < leaf.not_before() {
        let begin = timestamp(leaf.not_before());
        let evidence = format!("the certificate begins only at {begin}, and it is {}", timestamp(now));
        return Err((Reason::NotYetValid, evidence));
    }
    if now > leaf.not_after() {
        let end = timestamp(leaf.not_after());
        return Err((
            Reason::Expired,
            format!("the certificate expired at {end}, and it is {}", timestamp(now)),
        ));
    }
    Ok(())
}
