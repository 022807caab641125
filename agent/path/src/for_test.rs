//! For the tests of whoever looks for paths: how many signatures that takes.

use std::cell::Cell;

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

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
