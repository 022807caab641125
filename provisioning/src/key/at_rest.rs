//! CA keys on disk: encrypted PKCS#8 (PBES2 with scrypt and AES-256-CBC), which `openssl pkey` reads too.

use pkcs8::der::pem::PemLabel as _;
use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::pkcs5::{EncryptionScheme, pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfo, LineEnding, ObjectIdentifier, PrivateKeyInfo};
use ring::rand::SecureRandom;
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use super::algorithm::{algorithm_name, key_name, unread_algorithm};
use super::{KeyPair, KeyPairError, Passphrase, Reading};
use crate::pem::{self, Label};

/// scrypt's cost: N = 2^14, r = 8, p = 5 (OWASP's equal of N = 2^17, p = 1). A larger N would need more memory than
/// OpenSSL 3 allows itself by default (32 MiB).
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 5;
const SCRYPT_KEY_LEN: usize = 32;

/// The most work a key file may demand: 128·N·r bytes of memory (128 MiB), and so many passes or iterations.
const MAX_SCRYPT_COST: u64 = 1 << 20;
const MAX_SCRYPT_PASSES: u16 = 16;
const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;

/// Why a key file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// The file is not a PEM `ENCRYPTED PRIVATE KEY`.
    #[error("it is no encrypted PKCS#8 private key in PEM")]
    Format,
    /// A private key that is not encrypted.
    #[error("its private key is not encrypted")]
    NotEncrypted,
    /// A key that is encrypted as OpenSSL did before PKCS#8: `Proc-Type` and `DEK-Info`.
    #[error("it is encrypted in OpenSSL's traditional way, not as PKCS#8")]
    Traditional,
    /// A key in the format of OpenSSH.
    #[error("it is a key of OpenSSH, not PKCS#8")]
    Openssh,
    /// It is encrypted by an algorithm that is not read.
    #[error("it is encrypted by means of {}, which is not read", algorithm_name(*.0))]
    Algorithm(ObjectIdentifier),
    /// The key derivation demands more memory or time than the limits above.
    #[error("its key derivation asks for more memory or time than is reasonable")]
    Cost,
    /// The passphrase is wrong, or the file is damaged.
    #[error("the passphrase does not open it, or it is damaged")]
    Passphrase,
    /// The decrypted key is of another kind.
    #[error("it holds {}, not a P-256 key", key_name(*.0))]
    OtherKey(ObjectIdentifier),
    /// The decrypted key has its private half only.
    #[error("it holds a private key without the public key beside it")]
    NoPublicKey,
    /// The decrypted key is not a P-256 key pair.
    #[error("it holds no P-256 key pair")]
    NotP256,
}

/// The hash of PBKDF2 where none is named.
const HMAC_WITH_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A decrypted key pair.
pub(crate) struct Unsealed {
    /// The key pair.
    pub(crate) key: KeyPair,
    /// By which reading of the passphrase it opened.
    pub(crate) reading: Reading,
}

impl KeyPair {
    /// Encrypts the key pair: PEM, `ENCRYPTED PRIVATE KEY`.
    pub(crate) fn seal(
        &self,
        passphrase: &Passphrase,
        rng: &dyn SecureRandom,
    ) -> Result<Zeroizing<String>, KeyPairError> {
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        rng.fill(&mut salt).map_err(|_| KeyPairError::Random)?;
        rng.fill(&mut iv).map_err(|_| KeyPairError::Random)?;
        let sealed = || {
            let cost = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P, SCRYPT_KEY_LEN).ok()?;
            let parameters = pbes2::Parameters::scrypt_aes256cbc(cost, &salt, &iv).ok()?;
            let key = PrivateKeyInfo::try_from(self.pkcs8()).ok()?;
            let document = key.encrypt_with_params(parameters, passphrase.octets()).ok()?;
            document.to_pem(EncryptedPrivateKeyInfo::PEM_LABEL, LineEnding::LF).ok()
        };
        sealed().ok_or(KeyPairError::Malformed)
    }

    /// Decrypts a key pair that `seal` or OpenSSL encrypted (PEM, `ENCRYPTED PRIVATE KEY`).
    pub fn unseal(pem: &str, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        Self::unseal_by(pem, passphrase).map(|unsealed| unsealed.key)
    }

    /// The same, with the reading of the passphrase that opened it.
    pub(crate) fn unseal_by(pem: &str, passphrase: &Passphrase) -> Result<Unsealed, KeyFileError> {
        let sections = pem::decode(pem.as_bytes()).map_err(|_| KeyFileError::Format)?;
        let encrypted = sections.iter().find(|section| section.label == Label::EncryptedPrivateKey);
        let encrypted = encrypted.ok_or_else(|| other_format(pem))?;
        if let Some(algorithm) = unread_algorithm(&encrypted.der) {
            return Err(KeyFileError::Algorithm(algorithm));
        }
        let sealed = EncryptedPrivateKeyInfo::try_from(encrypted.der.as_slice());
        let sealed = sealed.map_err(|_| KeyFileError::Format)?;
        check_cost(&sealed.encryption_algorithm)?;
        let open = |(reading, octets)| sealed.decrypt(octets).ok().map(|opened| (reading, opened));
        let (reading, opened): (Reading, SecretDocument) =
            passphrase.readings().find_map(open).ok_or(KeyFileError::Passphrase)?;
        check_kind(opened.as_bytes())?;
        let key = Self::from_pkcs8(Zeroizing::new(opened.as_bytes().to_vec()));
        Ok(Unsealed { key: key.ok_or(KeyFileError::NotP256)?, reading })
    }
}

/// What a file is that is no PEM `ENCRYPTED PRIVATE KEY`.
fn other_format(text: &str) -> KeyFileError {
    let label = pem::labels(text.as_bytes()).into_iter().find(|label| label.ends_with("PRIVATE KEY"));
    match label.as_deref() {
        Some("OPENSSH PRIVATE KEY") => KeyFileError::Openssh,
        None => KeyFileError::Format,
        Some(_) if text.contains("ENCRYPTED") => KeyFileError::Traditional,
        Some(_) => KeyFileError::NotEncrypted,
    }
}

/// Checks that a decrypted key is one on P-256 with its public key beside it.
fn check_kind(pkcs8: &[u8]) -> Result<(), KeyFileError> {
    let key = PrivateKeyInfo::try_from(pkcs8).map_err(|_| KeyFileError::NotP256)?;
    if key.algorithm.oid != EC_PUBLIC_KEY {
        return Err(KeyFileError::OtherKey(key.algorithm.oid));
    }
    match (key.algorithm.parameters_oid(), EcPrivateKey::from_der(key.private_key)) {
        (Ok(P256), Ok(EcPrivateKey { public_key: None, .. })) => Err(KeyFileError::NoPublicKey),
        (Ok(P256), Ok(_)) => Ok(()),
        (Ok(curve), _) if curve != P256 => Err(KeyFileError::OtherKey(curve)),
        _ => Err(KeyFileError::NotP256),
    }
}

fn check_cost(scheme: &EncryptionScheme<'_>) -> Result<(), KeyFileError> {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return Err(KeyFileError::Format) };
    let within_limits = match &parameters.kdf {
        pbes2::Kdf::Scrypt(scrypt) => {
            let cost = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size));
            cost <= MAX_SCRYPT_COST && scrypt.parallelization <= MAX_SCRYPT_PASSES
        }
        pbes2::Kdf::Pbkdf2(pbkdf2) if pbkdf2.prf == pbes2::Pbkdf2Prf::HmacWithSha1 => {
            return Err(KeyFileError::Algorithm(HMAC_WITH_SHA1));
        }
        pbes2::Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_PBKDF2_ITERATIONS,
        _ => return Err(KeyFileError::Format),
    };
    if within_limits { Ok(()) } else { Err(KeyFileError::Cost) }
}
