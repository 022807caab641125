//! What a device may meet: certificates, images and a TLS server that are right unless told otherwise, and the judges
//! of what it makes of them.
//!
//! | module | what it is |
//! |---|---|
//! | [`pki`] | CAs, certificates and images |
//! | [`forge`] | certificates taken apart, changed where no library would, and signed again |
//! | [`judge`] | what other implementations have against a chain |
//! | [`server`] | a TLS 1.3 server at the level of records, which does what its script says |
//! | [`keys`] | the key schedule it has |
//! | [`random`] | randomness, real or the same every time |
//!
//! It knows no agent: whoever uses it brings one.

#![forbid(unsafe_code)]
#![expect(clippy::new_without_default, reason = "each new one is another")]

pub mod forge;
pub mod judge;
pub mod keys;
pub mod pki;
pub mod random;
pub mod server;
