//! What a peer's own certificate must say about itself.

use crate::certificate::Certificate;
use crate::public_key::{MAX_PRESENTED_RSA_BITS, UnsupportedKey};
use crate::purpose::Purpose;

/// Why a certificate is not fit for a peer, by what it says itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndEntityFault {
    /// A critical extension that is not processed here (RFC 5280 §4.2).
    #[error("it has the critical extension {oid}, which is not processed here")]
    UnprocessedExtension {
        /// Which, dotted.
        oid: String,
    },
    /// No handshake can prove possession of its key.
    #[error(transparent)]
    UnsupportedKey(#[from] UnsupportedKey),
    /// The basic constraints call it a CA.
    #[error("a CA certificate is no peer's certificate")]
    Ca,
    /// The key usage leaves out digital signatures.
    #[error("its key usage does not allow digital signatures, which a handshake needs")]
    NoDigitalSignature,
    /// There is no extended key usage that names the purpose.
    #[error("its extended key usage does not name {0}")]
    NotForPurpose(Purpose),
    /// It has keyCertSign or name constraints, which are for CAs (RFC 5280 §4.2.1.3, §4.2.1.10).
    #[error("it is no CA, and yet has {0}, which is for CAs alone")]
    ClaimsToIssue(&'static str),
}

impl Certificate {
    /// Refuses what is no peer's certificate for `purpose`.
    ///
    /// RFC 5280 §4.2.1.12 reads an absent extended key usage as "any purpose", a server's included. The profile for
    /// operational device certificates (RFC 7925 §4.4.2 and its successor) requires the purpose, and the only ones
    /// without are manufacturer certificates (IEEE 802.1AR IDevID), which are for enrolment.
    ///
    /// # Errors
    /// The first fault.
    pub fn refuse_unfit_end_entity(&self, purpose: Purpose) -> Result<(), EndEntityFault> {
        if let Some(oid) = &self.unprocessed {
            return Err(EndEntityFault::UnprocessedExtension { oid: oid.to_string() });
        }
        self.public_key.refuse_unsupported(MAX_PRESENTED_RSA_BITS)?;
        if self.basic_constraints.is_some_and(|constraints| constraints.ca) {
            return Err(EndEntityFault::Ca);
        }
        if self.key_usage.is_some_and(|usage| !usage.digital_signature) {
            return Err(EndEntityFault::NoDigitalSignature);
        }
        if !self.extended_key_usage.is_some_and(|usage| purpose.is_named(usage)) {
            return Err(EndEntityFault::NotForPurpose(purpose));
        }
        Ok(())
    }

    /// Refuses a certificate that is no CA's and yet claims what only a CA may have. Fielded ones exist, so this is
    /// asked apart.
    ///
    /// # Errors
    /// It has keyCertSign or name constraints.
    pub fn refuse_claim_to_issue(&self) -> Result<(), EndEntityFault> {
        if self.key_usage.is_some_and(|usage| usage.key_cert_sign) {
            return Err(EndEntityFault::ClaimsToIssue("the key usage keyCertSign"));
        }
        if self.name_constraints.is_some() {
            return Err(EndEntityFault::ClaimsToIssue("name constraints"));
        }
        Ok(())
    }
}
