//! The least that a server's half of a handshake can cost: its public-key work, and nothing else.

use std::time::{Duration, Instant};

use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey as Verifier,
};

/// Handshakes in a row, of which the mean is taken.
const ROUNDS: u32 = 200;

/// So often; the fastest counts, as everything else was disturbed.
const REPEATS: usize = 5;

/// A key exchange, a signature of its own, and two to verify: the client's certificate's and the client's.
pub(crate) fn crypto() -> Result<Duration, ring::error::Unspecified> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random)
        .map_err(|_| ring::error::Unspecified)?;
    let public = key.public_key().as_ref().to_vec();
    let signature = key.sign(&random, b"what a handshake signs")?;
    let peer = EphemeralPrivateKey::generate(&X25519, &random)?.compute_public_key()?;

    let mut fastest = Duration::MAX;
    for _ in 0..REPEATS {
        let since = Instant::now();
        for _ in 0..ROUNDS {
            let share = EphemeralPrivateKey::generate(&X25519, &random)?;
            share.compute_public_key()?;
            agree_ephemeral(share, &UnparsedPublicKey::new(&X25519, &peer), |_| ())?;
            key.sign(&random, b"what a handshake signs")?;
            for _ in 0..2 {
                Verifier::new(&ECDSA_P256_SHA256_ASN1, &public)
                    .verify(b"what a handshake signs", signature.as_ref())?;
            }
        }
        fastest = fastest.min(since.elapsed() / ROUNDS);
    }
    Ok(fastest)
}
