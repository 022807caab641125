//! Keys: P-256 public keys, key pairs generated here, CA keys and how they are encrypted on disk.

mod at_rest;
mod ca;
mod description;
mod pair;
mod public;

pub use at_rest::{KeyFileError, Passphrase, PassphraseError};
pub use ca::CaKey;
pub(crate) use description::KeyDescription;
pub use pair::KeyPair;
pub(crate) use pair::KeyPairError;
pub(crate) use public::{P256PublicKey, PublicKeyError};
