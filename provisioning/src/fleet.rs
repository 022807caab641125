//! The fleet directory: the paths of its files, the locks of its writers, and how its files are written.

mod durable;
mod layout;
mod lock;

pub(crate) use durable::private_options;
pub(crate) use durable::{create_private_directory, directory_of, sync_directory, write_private};
pub use layout::Fleet;
pub(crate) use lock::{Lock, LockError, LockKind};
