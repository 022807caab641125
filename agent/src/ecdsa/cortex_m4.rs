//! p256-cm4: assembler for the multiplier of Cortex-M4 and M7, some 15 times faster.
//!
//! It takes numbers of eight words, the lowest first, and indexes what it is given without looking. So all that goes in
//! has its length by type, and its range by the type it is made from: signatures and keys are in 1..n, a digest is
//! reduced modulo n. It has no nonces of its own; ours are those of RFC 6979.
//!
//! Of what gives a key away, the key, its words and the nonce are cleared. Not cleared, because the crates offer no
//! way: the state of the generator of nonces, and what p256-cm4 leaves of nonce and inverse on the stack.

use p256::elliptic_curve::Curve as _;
use p256::elliptic_curve::bigint::ArrayEncoding as _;
use p256::elliptic_curve::ops::Reduce;
use p256::{FieldBytes, NistP256, Scalar, U256};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use p256::ecdsa::Signature;

use super::public_key::{BadSignature, PublicKey};

/// A number of 256 bits, the lowest word first.
type Words = [u32; 8];

/// A private key, in 1..n. Cleared when dropped.
pub(crate) struct SecretKey(p256::SecretKey);

impl SecretKey {
    /// The key of this scalar, big endian; `None` for zero or more than the order of the curve.
    pub(crate) fn new(scalar: &[u8; 32]) -> Option<Self> {
        p256::SecretKey::from_slice(scalar).ok().map(Self)
    }

    /// Signs `message`. `None` for one nonce in 2²⁵⁵.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Signature> {
        let digest = digest(message);
        let scalar = Zeroizing::new(self.0.to_bytes());
        let order = NistP256::ORDER.to_be_byte_array();
        let nonce = Zeroizing::new(rfc6979::generate_k::<Sha256, _>(&scalar, &order, &digest, b""));

        let (mut r, mut s) = (Words::default(), Words::default());
        let (key, nonce) = (Zeroizing::new(words(&scalar)), Zeroizing::new(words(&nonce)));
        if !p256_cm4::sign(&mut r, &mut s, &digest, &key, &nonce) {
            return None;
        }
        Signature::from_scalars(bytes(&r), bytes(&s)).ok()
    }
}

/// Checks `signature` over `message`.
pub(super) fn verify(key: PublicKey<'_>, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
    let (mut x, mut y) = (Words::default(), Words::default());
    // 65 bytes that start with 0x04; here they are found to be two numbers below p, and a point on the curve.
    if !p256_cm4::octet_string_to_point(&mut x, &mut y, key.as_bytes()) {
        return Err(BadSignature);
    }
    let (r, s) = signature.split_bytes();
    if p256_cm4::verify(&x, &y, &digest(message), &words(&r), &words(&s)) {
        Ok(())
    } else {
        Err(BadSignature)
    }
}

/// SHA-256 of `message` as a scalar, big endian (RFC 6979 §2.3.4): one digest in 2³² is not below n.
fn digest(message: &[u8]) -> FieldBytes {
    <Scalar as Reduce<U256>>::reduce_bytes(&Sha256::digest(message)).to_bytes()
}

fn words(bytes: &FieldBytes) -> Words {
    let mut words = Words::default();
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    words
}

fn bytes(words: &Words) -> FieldBytes {
    let mut bytes = FieldBytes::default();
    for (bytes, word) in bytes.rchunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}
