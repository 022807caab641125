//! [`KeyStore`]: where the keys of a device are made and kept.

use core::fmt;

use device_identity::image::PrivateKey;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use zeroize::Zeroizing;

use super::{SignError, Signer, SoftwareSigner};
use crate::ecdsa::{POINT_LEN, Signature};
use crate::platform::CryptoRngCore;

/// Where the keys of a device are made and kept: in the image, in a secure element, in TF-M, in a peripheral that signs.
///
/// A key goes by what an image says of it ([`PrivateKey`]): the scalar itself, or the number of a slot. All but
/// [`signer`](Self::signer) may wait, for a bus or for another core.
pub trait KeyStore {
    /// What signs with one key in TLS.
    type Signer: Signer;

    /// Makes a key, and leaves `in_use` as it is: until the new key is proven, the device lives on that one. A store of
    /// slots takes one that neither it nor `in_use` needs; what an interrupted renewal left there is overwritten.
    fn generate(
        &mut self,
        in_use: PrivateKey<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> impl Future<Output = Result<NewKey, KeyStoreError>>;

    /// The public key: an uncompressed point (SEC 1 §2.3.3).
    fn public_key(
        &mut self,
        key: PrivateKey<'_>,
    ) -> impl Future<Output = Result<[u8; POINT_LEN], KeyStoreError>>;

    /// Signs `message` (not its digest) with ECDSA and SHA-256.
    fn sign(
        &mut self,
        key: PrivateKey<'_>,
        message: &[u8],
    ) -> impl Future<Output = Result<Signature, KeyStoreError>>;

    /// Makes a key unusable for good. One that is in the image alone is erased with it, and there is nothing to do.
    fn destroy(&mut self, key: PrivateKey<'_>) -> impl Future<Output = Result<(), KeyStoreError>>;

    /// What signs with this key within a handshake, where nothing can be waited for: embedded-tls asks for the signature
    /// in the middle of a poll. How long its longest block is, is the [`Signer`]'s to say.
    fn signer(&mut self, key: PrivateKey<'_>) -> Result<Self::Signer, KeyStoreError>;
}

/// Why a key store has not done what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyStoreError {
    /// The key is in the image, or in a slot, and this store has none of that kind.
    #[error("the key store has no key of this kind")]
    Kind,
    /// The key is no P-256 key.
    #[error("the private key is no P-256 key")]
    NoKey,
    /// It does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The secure element or its driver reports an error.
    #[error("the key store reports an error (code {code:#x})")]
    Device {
        /// Its error code.
        code: u32,
    },
}

/// A key that was made just now, and where it is.
#[derive(Clone, PartialEq, Eq)]
pub enum NewKey {
    /// Here: the scalar, big endian.
    Scalar(Zeroizing<[u8; 32]>),
    /// In a slot of the key store.
    Slot(u32),
}

impl NewKey {
    /// As an image names it.
    pub fn as_private_key(&self) -> PrivateKey<'_> {
        match self {
            Self::Scalar(scalar) => PrivateKey::P256(scalar),
            Self::Slot(number) => PrivateKey::Slot(*number),
        }
    }
}

impl From<PrivateKey<'_>> for NewKey {
    fn from(key: PrivateKey<'_>) -> Self {
        match key {
            PrivateKey::P256(scalar) => Self::Scalar(Zeroizing::new(*scalar)),
            PrivateKey::Slot(number) => Self::Slot(number),
        }
    }
}

/// Never the key.
impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_private_key().fmt(f)
    }
}

/// Keys in the images themselves, computed with by the processor.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoftwareKeys;

impl SoftwareKeys {
    fn scalar(key: PrivateKey<'_>) -> Result<&[u8; 32], KeyStoreError> {
        match key {
            PrivateKey::P256(scalar) => Ok(scalar),
            PrivateKey::Slot(_) => Err(KeyStoreError::Kind),
        }
    }
}

impl KeyStore for SoftwareKeys {
    type Signer = SoftwareSigner;

    async fn generate(
        &mut self,
        _: PrivateKey<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<NewKey, KeyStoreError> {
        let key = p256::SecretKey::random(rng);
        let mut scalar = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&Zeroizing::new(key.to_bytes()));
        Ok(NewKey::Scalar(scalar))
    }

    async fn public_key(&mut self, key: PrivateKey<'_>) -> Result<[u8; POINT_LEN], KeyStoreError> {
        let key = p256::SecretKey::from_slice(Self::scalar(key)?).map_err(|_| KeyStoreError::NoKey)?;
        let point = key.public_key().to_encoded_point(false);
        point.as_bytes().try_into().map_err(|_| KeyStoreError::NoKey)
    }

    async fn sign(&mut self, key: PrivateKey<'_>, message: &[u8]) -> Result<Signature, KeyStoreError> {
        Ok(self.signer(key)?.sign(message)?)
    }

    async fn destroy(&mut self, _: PrivateKey<'_>) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn signer(&mut self, key: PrivateKey<'_>) -> Result<SoftwareSigner, KeyStoreError> {
        SoftwareSigner::new(Self::scalar(key)?).ok_or(KeyStoreError::NoKey)
    }
}
