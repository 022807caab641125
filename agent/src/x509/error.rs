//! Why bytes are no certificate of the profile.

use super::der::DerError;
use super::max_len::MAX_LEN;

/// Why bytes are no certificate of the profile. The certificate has to be issued again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Longer than any certificate of a fleet.
    #[error("the certificate has {length} bytes, at most {MAX_LEN} are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Not the DER of a certificate.
    #[error("the certificate is malformed: {0}")]
    Der(#[from] DerError),
    /// Not X.509 v3.
    #[error("the certificate is not X.509 version 3")]
    Version,
    /// A serial number of zero, or of more than 20 octets.
    #[error("the certificate's serial number has {length} octets, 1 to 20 are allowed")]
    SerialNumber {
        /// Its length in octets, without a leading sign zero.
        length: usize,
    },
    /// The algorithm inside the signature is not the one outside.
    #[error("the certificate names two different signature algorithms")]
    AlgorithmMismatch,
    /// Not signed with ecdsa-with-SHA256, without parameters.
    #[error("the certificate is not signed with ECDSA and SHA-256")]
    SignatureAlgorithm,
    /// The issuer's name is empty.
    #[error("the certificate names no issuer")]
    NoIssuer,
    /// A time that does not exist or is not in its DER form; or the end before the beginning.
    #[error("the certificate's validity is no period of time")]
    Validity,
    /// Not a key on P-256.
    #[error("the certificate's key is not on P-256")]
    KeyAlgorithm,
    /// The key is not an uncompressed point.
    #[error("the certificate's key is not an uncompressed point")]
    Point,
    /// The same extension twice.
    #[error("the certificate has the same extension twice")]
    DuplicateExtension,
    /// A critical extension that is not understood here, or nameConstraints.
    #[error("the certificate has a critical extension that is not understood")]
    UnknownCriticalExtension,
    /// pathLenConstraint where CA is FALSE.
    #[error("the certificate limits the path below it, and is no CA")]
    PathLengthWithoutCa,
    /// A subjectAltName with something malformed in it.
    #[error("the certificate's subjectAltName is malformed")]
    SubjectAltName,
}
