//! CA keys on disk: encrypted PKCS#8 (PBES2 with scrypt and AES-256-CBC), which `openssl pkey` reads too.

use pkcs8::der::pem::PemLabel as _;
use pkcs8::der::{Document, SecretDocument};
use pkcs8::pkcs5::{EncryptionScheme, pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo};
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use super::{KeyPair, KeyPairError, Passphrase, Reading};

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
    /// The file is not a PEM `ENCRYPTED PRIVATE KEY` with PBES2.
    #[error("it is no encrypted PKCS#8 private key in PEM")]
    Format,
    /// The key derivation demands more memory or time than the limits above.
    #[error("its key derivation asks for more memory or time than is reasonable")]
    Cost,
    /// The passphrase is wrong, or the file is damaged.
    #[error("the passphrase does not open it, or it is damaged")]
    Passphrase,
    /// The decrypted key is not a P-256 key pair.
    #[error("it holds no P-256 key pair")]
    NotP256,
}

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
        let (label, document) = Document::from_pem(pem).map_err(|_| KeyFileError::Format)?;
        if label != EncryptedPrivateKeyInfo::PEM_LABEL {
            return Err(KeyFileError::Format);
        }
        let sealed =
            EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|_| KeyFileError::Format)?;
        check_cost(&sealed.encryption_algorithm)?;
        let open = |(reading, octets)| sealed.decrypt(octets).ok().map(|opened| (reading, opened));
        let (reading, opened): (Reading, SecretDocument) =
            passphrase.readings().find_map(open).ok_or(KeyFileError::Passphrase)?;
        let key = Self::from_pkcs8(Zeroizing::new(opened.as_bytes().to_vec()));
        Ok(Unsealed { key: key.ok_or(KeyFileError::NotP256)?, reading })
    }
}

fn check_cost(scheme: &EncryptionScheme<'_>) -> Result<(), KeyFileError> {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return Err(KeyFileError::Format) };
    let within_limits = match &parameters.kdf {
        pbes2::Kdf::Scrypt(scrypt) => {
            let cost = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size));
            cost <= MAX_SCRYPT_COST && scrypt.parallelization <= MAX_SCRYPT_PASSES
        }
        pbes2::Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_PBKDF2_ITERATIONS,
        _ => return Err(KeyFileError::Format),
    };
    if within_limits { Ok(()) } else { Err(KeyFileError::Cost) }
}
