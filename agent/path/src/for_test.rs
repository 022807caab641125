//! For the tests and benchmarks of whoever looks for paths: how many signatures that takes, and what is counted for them.

use std::cell::Cell;

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

use crate::budget;
use crate::public_key::KeyKind;

thread_local! {
    static VERIFIED: Cell<u32> = const { Cell::new(0) };
}

/// An algorithm, and a count of how often it verifies in this thread.
#[derive(Debug)]
pub struct Counting(pub &'static dyn SignatureVerificationAlgorithm);

impl Counting {
    /// What `act` returns, and how many signatures were verified meanwhile.
    pub fn during<T>(act: impl FnOnce() -> T) -> (T, u32) {
        let before = VERIFIED.get();
        let outcome = act();
        (outcome, VERIFIED.get() - before)
    }
}

impl SignatureVerificationAlgorithm for Counting {
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }

    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        VERIFIED.set(VERIFIED.get() + 1);
        self.0.verify_signature(key, message, signature)
    }
}

/// What the budget counts for a signature of that many octets, in hundredths of a P-256 verification.
pub fn signature_cost(key: &KeyKind, octets: usize) -> u32 {
    budget::signature_cost(key, octets)
}

/// What the budget counts for parsing that many octets of certificates, in hundredths of a P-256 verification.
pub fn parsing_cost(octets: usize) -> u32 {
    budget::parsing_cost(octets)
}
