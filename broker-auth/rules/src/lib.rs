//! The rules in force, for whoever has the connections: a broker of its own, or a plugin in another one.
//!
//! | module | what it knows |
//! |---|---|
//! | [`clock`] | the time, passed in |
//! | [`certificate_text`] | a certificate as text |
//! | [`audit`] | what a decision leaves behind: a line, an event |
//! | [`store`] | the rules of a listener: loaded whole, swapped while connections go on; and what is kept on disk |
//! | [`factors`] | what second factors are verified by |
//! | [`config`] | `broker.toml`, as far as it says who is let in |
//! | [`state_directory`] | where all that is kept |
//! | [`watch`] | new files, noticed by looking |
//! | [`explanation`] | a decision about one client, step by step |
//! | [`protocol`] | what operators ask, and are answered |
//! | [`admin_socket`] | where they ask, and who may |
//!
//! What is proven and decided is the business of the crate `authenticator`; here is what it decides by. There is no task, no
//! connection, no TLS and no command line: who calls brings threads and connections, and tells when to look.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]
#![warn(missing_docs)]

pub mod admin_socket;
pub mod audit;
pub mod certificate_text;
pub mod clock;
pub mod config;
pub mod explanation;
pub mod factors;
pub mod protocol;
pub mod state_directory;
pub mod store;
pub mod watch;
