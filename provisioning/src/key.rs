//! Keys: P-256 public keys, key pairs generated here, CA keys and how they are encrypted on disk.

mod algorithm;
mod at_rest;
mod ca;
mod description;
mod pair;
mod passphrase;
mod public;
mod reseal;

pub use at_rest::KeyFileError;
pub use ca::CaKey;
pub(crate) use description::KeyDescription;
pub use pair::KeyPair;
pub(crate) use pair::KeyPairError;
pub(crate) use passphrase::Reading;
pub(crate) use passphrase::Weak;
pub use passphrase::{Passphrase, PassphraseError};
pub(crate) use public::{P256PublicKey, PublicKeyError};
pub(crate) use reseal::{ResealError, reseal};
