//! The rules in force, for whoever has the connections: a broker of its own, or a plugin in another one.
//!
//! | module | what it knows |
//! |---|---|
//! | [`clock`] | the time, passed in |
//! | [`audit`] | what a decision leaves behind |
//! | [`store`] | the rules of a listener: loaded whole, swapped while connections go on; and what is kept on disk |
//! | [`watch`] | new files, noticed by looking |
//!
//! What is proven and decided is the business of the crate `authenticator`; here is what it decides by. There is no task, no
//! socket, no TLS and no command line: who calls brings threads and connections, and tells when to look.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]
#![warn(missing_docs)]

pub mod audit;
pub mod clock;
pub mod store;
pub mod watch;
