//! [`Acknowledging`]: how a client acknowledges.

/// How a client acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledging {
    /// Everything at once.
    Prompt,
    /// Some of it, in any order.
    Lazy,
    /// Nothing.
    Mute,
}
