//! [`KeyDescription`]: what can be said of a private key in a file without showing it.

use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::pkcs5::{EncryptionScheme, pbes2};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use sec1::{EcParameters, EcPrivateKey};

use super::pair::{EC_PUBLIC_KEY, KeyPair, PRIME256V1};
use super::public::P256PublicKey;

/// What can be said of a private key in a file without showing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyDescription {
    /// A P-256 key; the public key, if the file has it.
    P256 {
        /// The public key, which was compared with the private one.
        public: Option<P256PublicKey>,
    },
    /// A key of another kind.
    Other {
        /// What it is called.
        algorithm: String,
    },
    /// An encrypted key.
    Encrypted {
        /// How it is encrypted.
        scheme: String,
    },
}

/// Why nothing can be said of a private key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyDescriptionError {
    /// The section is damaged.
    #[error("damaged PEM: {0}")]
    Pem(String),
    /// The section holds no key of the kind that its label says.
    #[error("its content is no {label}")]
    Content {
        /// The label.
        label: &'static str,
    },
    /// The public key in it is not that of the private key.
    #[error("the public key in it does not belong to the private key in it")]
    Mismatch,
}

const PKCS8: &str = "PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

impl KeyDescription {
    /// Whether a PEM section of this label holds a private key.
    pub(crate) fn has_label(label: &str) -> bool {
        [PKCS8, SEC1, PKCS1, ENCRYPTED].contains(&label)
    }

    /// Describes the key of a PEM section whose label is one of those.
    pub(crate) fn of_pem(section: &str) -> Result<Self, KeyDescriptionError> {
        let (label, document) = SecretDocument::from_pem(section.trim_end())
            .map_err(|error| KeyDescriptionError::Pem(error.to_string()))?;
        let der = document.as_bytes();
        let content = |label| KeyDescriptionError::Content { label };
        match label {
            ENCRYPTED => {
                let sealed = EncryptedPrivateKeyInfo::try_from(der).map_err(|_| content(ENCRYPTED))?;
                Ok(Self::Encrypted { scheme: scheme(&sealed.encryption_algorithm) })
            }
            SEC1 => {
                let key = EcPrivateKey::from_der(der).map_err(|_| content(SEC1))?;
                match key.parameters {
                    Some(EcParameters::NamedCurve(curve)) if curve == PRIME256V1 => Self::p256(&key),
                    _ => Ok(Self::Other { algorithm: "elliptic curve key, not on P-256".to_owned() }),
                }
            }
            PKCS1 => Ok(Self::Other { algorithm: "RSA".to_owned() }),
            _ => {
                let key = PrivateKeyInfo::try_from(der).map_err(|_| content(PKCS8))?;
                let curve = key.algorithm.parameters_oid().ok();
                if key.algorithm.oid == EC_PUBLIC_KEY && curve == Some(PRIME256V1) {
                    return Self::p256(&EcPrivateKey::from_der(key.private_key).map_err(|_| content(PKCS8))?);
                }
                Ok(Self::Other {
                    algorithm: named(&key.algorithm.oid.to_string(), curve.map(|oid| oid.to_string())),
                })
            }
        }
    }

    fn p256(key: &EcPrivateKey<'_>) -> Result<Self, KeyDescriptionError> {
        let Some(point) = key.public_key else { return Ok(Self::P256 { public: None }) };
        let public = P256PublicKey::from_point(point).map_err(|_| KeyDescriptionError::Mismatch)?;
        let scalar = key.private_key.try_into().map_err(|_| KeyDescriptionError::Mismatch)?;
        KeyPair::from_scalar(scalar, &public).ok_or(KeyDescriptionError::Mismatch)?;
        Ok(Self::P256 { public: Some(public) })
    }
}

/// The usual name of an algorithm, or its object identifier.
fn named(algorithm: &str, curve: Option<String>) -> String {
    match (algorithm, curve.as_deref()) {
        ("1.2.840.113549.1.1.1", _) => "RSA".to_owned(),
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => "P-384".to_owned(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => "P-521".to_owned(),
        (algorithm, Some(parameters)) => format!("of algorithm {algorithm} with {parameters}"),
        (algorithm, None) => format!("of algorithm {algorithm}"),
    }
}

fn scheme(scheme: &EncryptionScheme<'_>) -> String {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return "PBES1".to_owned() };
    let derivation = match &parameters.kdf {
        pbes2::Kdf::Scrypt(scrypt) => format!(
            "scrypt (N = {}, r = {}, p = {})",
            scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization
        ),
        pbes2::Kdf::Pbkdf2(pbkdf2) => format!("PBKDF2 ({} iterations)", pbkdf2.iteration_count),
        _ => "a key derivation unknown here".to_owned(),
    };
    let cipher = match &parameters.encryption {
        pbes2::EncryptionScheme::Aes128Cbc { .. } => "AES-128-CBC".to_owned(),
        pbes2::EncryptionScheme::Aes256Cbc { .. } => "AES-256-CBC".to_owned(),
        other => format!("cipher {}", other.oid()),
    };
    format!("PBES2, {derivation}, {cipher}")
}
