//! [`Verdict`].

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The device took something of it for good.
    Accepted,
    /// It took nothing.
    Refused,
}

impl Verdict {
    pub(crate) fn accepted_if(accepted: bool) -> Self {
        if accepted { Self::Accepted } else { Self::Refused }
    }
}
