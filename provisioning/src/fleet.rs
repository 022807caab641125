//! The fleet directory: where a fleet's files lie, and who may write to them now.

mod durable;
mod layout;
mod lock;

pub(crate) use durable::private_options;
pub use durable::{create_private_directory, directory_of, sync_directory, write_private};
pub use layout::Fleet;
pub use lock::{Duty, Lock, LockError};
