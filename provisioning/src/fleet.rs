//! The fleet directory: the paths of its files, the locks of its writers, and how its files are written.

mod durable;
mod layout;
mod lock;
mod ownership;
mod replace;

pub(crate) use durable::{directory_of, sync_directory};
pub use layout::Fleet;
pub(crate) use lock::{Claim, Lock, LockError, LockKind};
pub(crate) use ownership::{create_private, create_private_directory};
pub(crate) use replace::{Replacement, Secrecy, move_over, replace, write_private};
