//! [`Deviation`]: what a broker did otherwise than it should.

/// The broker did not do what it owes.
#[derive(Clone, Debug)]
pub(super) struct Deviation(pub(super) String);

macro_rules! deviates {
    ($($words:tt)*) => { return Err($crate::torture::deviation::Deviation(format!($($words)*))) };
}
pub(super) use deviates;
