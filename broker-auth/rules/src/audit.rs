//! What a decision leaves behind, for people and machines.

mod beginning;

pub use beginning::beginning;
