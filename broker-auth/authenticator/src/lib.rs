//! What is proven about a client and what is decided about it, and nothing else.
//!
//! ```text
//! certificate → trust → identity → policy
//!             ↙      ↘      ↓      ↙
//!         ocsp → evidence → decide ← ruleset
//! ```
//!
//! Everything here is a value or a pure function: no task, no socket, no clock and no random source. Files are read
//! through the port [`trust::TrustSource`]; the time, and what else is known of a client, come in as
//! [`evidence::Evidence`]; [`decide::decide`] alone knows the order of the steps.
//!
//! A checked fact is a type that only the step before can make: [`certificate::PeerCertificate`] becomes a
//! [`trust::VerifiedChain`], that an [`identity::VerifiedClient`], and that a [`policy::Permit`].
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]
#![warn(missing_docs)]

pub mod brace_template;
pub mod certificate;
pub mod decide;
pub mod evidence;
pub mod factor;
#[cfg(any(test, feature = "for-test"))]
pub mod for_test;
pub mod http;
pub mod identity;
pub mod ocsp;
pub mod origin;
pub mod policy;
pub mod reason;
pub mod record;
pub mod ruleset;
pub mod trust;
pub mod verdict;
