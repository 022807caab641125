//! The fleet directory: the paths of its files, the locks of its writers, and how files are read and written.

mod durable;
mod folder;
mod layout;
mod limited_read;
mod lock;
mod ownership;
mod replace;

pub(crate) use durable::{directory_of, sync_directory};
pub(crate) use folder::Folder;
pub use layout::Fleet;
pub(crate) use limited_read::{ReadError, read_named, read_regular};
pub(crate) use lock::{Claim, Lock, LockError, LockKind};
pub(crate) use ownership::{create_private, create_private_directory};
pub(crate) use replace::{Replacement, Secrecy, move_over, replace, write_private};
