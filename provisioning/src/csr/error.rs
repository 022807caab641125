//! Why a request is refused, each cause in its own words.

use device_identity::SubjectError;

use crate::fleet::ReadError;
use crate::key::PublicKeyError;
use crate::pem::PemError;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CsrError {
    /// It is not DER of a request.
    #[error("it is no PKCS#10 signing request in DER or PEM")]
    Malformed,
    /// It is base64 and has no PEM lines around it.
    #[error("it is base64 without the lines of PEM around it")]
    BareBase64,
    /// Its PEM is damaged.
    #[error("its PEM is damaged: {0}")]
    Pem(#[from] PemError),
    /// It is PEM of other things.
    #[error("it is no PKCS#10 signing request in DER or PEM, but {}", named(.labels))]
    Other {
        /// What begins in it.
        labels: Vec<String>,
    },
    /// It holds more than one request.
    #[error("it holds {count} signing requests")]
    Several {
        /// How many.
        count: usize,
    },
    /// Bytes follow the request.
    #[error("{length} bytes follow the signing request")]
    Trailing {
        /// How many.
        length: usize,
    },
    /// The public key is not certified.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyError),
    /// The signature cannot be verified here.
    #[error("it is signed with {found}; ECDSA with SHA-256 and with SHA-384 are verified")]
    SignatureAlgorithm {
        /// The name of the algorithm, or its OID.
        found: String,
    },
    /// The signature is not a DER SEQUENCE of two INTEGERs.
    #[error("its signature is {}, not a DER sequence of r and s", if *.raw { "64 octets, as r and s side by side are" } else { "encoded in another way" })]
    SignatureEncoding {
        /// Whether it is as long as r and s without DER.
        raw: bool,
    },
    /// The request is not signed by the key in it.
    #[error("its signature is not by the key in it, so nobody has proven to hold that key")]
    ProofOfPossession,
}

/// Why a request file was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CsrFileError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The request in it is refused.
    #[error(transparent)]
    Csr(#[from] CsrError),
}

/// Why a request claims no device id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Its subject is not what X.520 allows.
    #[error("its common name cannot be read")]
    Unreadable,
    /// Its common names are no device id.
    #[error(transparent)]
    Name(#[from] SubjectError),
}

fn named(labels: &[String]) -> String {
    if labels.is_empty() { "PEM of nothing that is known".to_owned() } else { labels.join(" and ") }
}
