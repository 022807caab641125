//! Keys: a public key that is P-256, a key pair made for a device, a CA key and how it rests on disk.

mod at_rest;
mod ca;
mod pair;
mod public;

pub use at_rest::{KeyFileError, Passphrase, PassphraseError};
pub use ca::CaKey;
pub use pair::{KeyPair, KeyPairError};
pub use public::{P256PublicKey, PublicKeyError};
