//! Checking certificates, signing requests and CRLs clause by clause, against RFC 5280 and the certificate profile of
//! draft-ietf-uta-tls13-iot-profile (here: IoT).
//!
//! `verify` asks whether a certificate is what was to be made; this asks whether what was to be made is right. Where the
//! fleet's own profile deviates, on purpose, the finding carries the reason.

mod certificate;
mod clause;
mod extensions;
mod list;
mod read;
mod request;

pub(crate) use clause::Linted;
pub(crate) use read::{LintError, lint};
