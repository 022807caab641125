//! Decisions: what becomes of a client by what is known of it, with values alone.

mod certificates;
mod conditions;
mod factors;
mod fleet;
mod ocsp;
mod permits;
mod pki;
mod sessions;
