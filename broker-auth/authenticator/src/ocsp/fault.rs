//! [`OcspFault`]: why what a responder sent is no answer.

use certificate_path::{EndEntityFault, Malformed};
use rustls_pki_types::UnixTime;

use crate::certificate::timestamp;

/// Why what a responder sent is no answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OcspFault {
    /// It is longer than any answer needs to be.
    #[error("it has {length} octets, and at most {limit} are read")]
    TooLong {
        /// Its octets.
        length: usize,
        /// How many are read.
        limit: usize,
    },
    /// It is no OCSPResponse in DER, or contradicts itself.
    #[error("it is no OCSP response that can be used: {0}")]
    Malformed(String),
    /// The responder gives no answer.
    #[error("the responder answered {0}")]
    NotSuccessful(ResponderError),
    /// Its type is not id-pkix-ocsp-basic (RFC 6960 §4.2.1), the only one.
    #[error("it is a response of the type {oid}, which is unknown")]
    UnknownType {
        /// The type, dotted.
        oid: String,
    },
    /// It is signed by an algorithm that is not accepted, such as one with SHA-1.
    #[error(
        "it is signed by an algorithm that is not accepted: let the responder sign with SHA-256 or better"
    )]
    UnsupportedSignature,
    /// More certificates came along than are looked at.
    #[error("more than {0} certificates came along")]
    TooManyCertificates(usize),
    /// It says to be by somebody who is neither the CA nor has a certificate along.
    #[error("it is signed by neither the CA nor anybody whose certificate came along")]
    UnknownSigner,
    /// Whoever it says to be by may not answer for the CA.
    #[error("whoever signed it may not answer for the CA: {0}")]
    UnfitSigner(#[from] SignerFault),
    /// The signature is not by the key of whoever it says to be by.
    #[error("its signature is not that of {signer}")]
    BadSignature {
        /// The subject of the signer.
        signer: String,
    },
    /// It, or what it says of the certificate, has a critical extension that is unknown here.
    #[error("it has the critical extension {oid}, which is unknown: what it says cannot be judged")]
    UnknownCritical {
        /// The extension's type, dotted.
        oid: String,
    },
    /// It is an answer to another question.
    #[error("its nonce is not that of the request: it answers another one")]
    OtherNonce,
    /// It says nothing about the certificate.
    #[error("it says nothing about the certificate that was asked about")]
    OtherCertificate,
    /// It speaks of the certificate twice.
    #[error("it speaks of the certificate twice")]
    Twice,
    /// It is from the future.
    #[error(
        "its {field} is {}, which is in the future: check the clocks of the responder and of this host",
        timestamp(*.time)
    )]
    NotYet {
        /// Which time.
        field: &'static str,
        /// When.
        time: UnixTime,
    },
    /// It no longer counts.
    #[error("it counted until {}", timestamp(*.end))]
    Over {
        /// The last second that it counted.
        end: UnixTime,
    },
}

/// What a responder says instead of an answer (RFC 6960 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponderError {
    /// `malformedRequest`
    #[error("malformedRequest: it cannot read the question")]
    MalformedRequest,
    /// `internalError`
    #[error("internalError: something is wrong with it")]
    InternalError,
    /// `tryLater`
    #[error("tryLater: it cannot answer now")]
    TryLater,
    /// `sigRequired`
    #[error("sigRequired: it answers signed questions alone")]
    SigRequired,
    /// `unauthorized`
    #[error("unauthorized: it has no answer for this CA or certificate (RFC 5019 §2.2.3)")]
    Unauthorized,
}

/// Why a certificate does not let its holder answer for a CA (RFC 6960 §4.2.2.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerFault {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It names another issuer than the CA.
    #[error("its certificate is issued by {issuer}, and not by the CA that is asked")]
    OtherIssuer {
        /// The issuer that it names.
        issuer: String,
    },
    /// It names the CA, whose key has not signed it.
    #[error("its certificate is not signed by the key of the CA")]
    BadSignature,
    /// By what it says itself it is no responder's.
    #[error("its certificate is not fit for that: {0}")]
    Unfit(#[from] EndEntityFault),
    /// It has not begun.
    #[error("its certificate begins only at {}", timestamp(*.0))]
    NotYetValid(UnixTime),
    /// It has ended.
    #[error("its certificate expired at {}", timestamp(*.0))]
    Expired(UnixTime),
    /// More signatures would have to be verified than an answer is worth.
    #[error("more than {0} signatures would have to be verified to find out")]
    TooMuchWork(u32),
}
