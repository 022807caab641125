//! Lets in exactly the devices that should be let in, says why it refused the others, and cuts a stolen device off.
//!
//! Data flows one way, and a module imports only from its left:
//!
//! ```text
//! certificate → trust → identity → policy → config → listener → session → engine
//! ```
//!
//! A checked fact is a value: [`certificate::PeerCertificate`] becomes a [`trust::VerifiedChain`], that a
//! [`identity::VerifiedDevice`], and that a [`policy::Permit`]. None of them can be made in any other way.
#![forbid(unsafe_code)]

mod admin;
pub mod args;
pub mod audit;
mod broker;
pub mod certificate;
pub mod cli;
mod command;
pub mod config;
mod descriptors;
mod engine;
pub mod identity;
mod listener;
mod packet;
pub mod policy;
pub mod reason;
mod session;
pub mod trust;
