//! [`CaKey`]: a key that signs certificates and CRLs.

use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use super::{KeyPair, P256PublicKey};

/// A key that signs certificates and CRLs. It replaces rcgen's own type, which keeps a second copy of the key that is
/// not zeroized; a key in an HSM would implement the same two traits.
pub struct CaKey {
    signer: EcdsaKeyPair,
    public: P256PublicKey,
    rng: SystemRandom,
}

impl CaKey {
    /// From a key pair; `None` if the private and the public key do not match.
    pub fn new(pair: &KeyPair) -> Option<Self> {
        let rng = SystemRandom::new();
        let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.pkcs8(), &rng).ok()?;
        Some(Self { signer, public: pair.public().clone(), rng })
    }

    /// The public key.
    pub(crate) fn public(&self) -> &P256PublicKey {
        &self.public
    }
}

impl PublicKeyData for CaKey {
    fn der_bytes(&self) -> &[u8] {
        self.public.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.public.algorithm()
    }
}

impl SigningKey for CaKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self.signer.sign(&self.rng, message) {
            Ok(signature) => Ok(signature.as_ref().to_vec()),
            Err(_) => Err(rcgen::Error::RingUnspecified),
        }
    }
}
