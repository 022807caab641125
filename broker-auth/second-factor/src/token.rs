//! JSON Web Tokens (RFC 7519), judged by RFC 8725.
//!
//! A [`KeySet`] holds the keys of an issuer, [`TokenRules`] say what its tokens must be, and [`verify`] makes a
//! [`VerifiedToken`] of a token that is signed by the one and follows the other.

mod algorithm;
mod claims;
mod fault;
mod header;
mod json;
mod jwk;
mod key_set;
mod numeric_date;
mod public_key;
mod rules;
mod verify;

pub use algorithm::{Algorithm, AlgorithmError};
pub use fault::{Part, TokenFault};
pub use json::JsonFault;
pub use jwk::SkipReason;
pub use key_set::{KeySet, KeySetError, SkippedKey};
pub use public_key::KeyDigest;
pub use rules::{TokenRules, TokenRulesError};
pub use verify::{VerifiedToken, verify};
