//! Second factors: what a client shows beside its proven certificate, and whether that is the same client's.
//!
//! | module | what it knows |
//! |---|---|
//! | [`password`] | password files: Argon2id hashes by identity, verified and edited |
//! | [`token`] | JSON Web Tokens: key sets, rules, and the verification of a token |
//! | [`back_off`] | how long an identity waits after a wrong password |
//!
//! Everything here is a value or a pure function: no task, no file, no clock and no random source. Texts, salts and the
//! time are passed in. A factor that was shown is a type that only its verification makes: a
//! [`password::PasswordProof`], a [`token::VerifiedToken`]. Neither says whose session it is for: the caller compares
//! it with the identity that the certificate proves.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]
#![warn(missing_docs)]

pub mod back_off;
pub mod password;
mod shown;
pub mod token;
