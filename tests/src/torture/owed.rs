//! [`Owed`]: the answers that a client must get.

/// What a reason code must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Exactly(u8),
    Either(u8, u8),
    /// 0x80 or more.
    Failure,
    Any,
}

impl Code {
    pub(super) fn admits(self, code: u8) -> bool {
        match self {
            Self::Exactly(wanted) => code == wanted,
            Self::Either(one, other) => code == one || code == other,
            Self::Failure => code >= 0x80,
            Self::Any => true,
        }
    }
}

/// An answer that must come.
#[derive(Clone, Debug)]
pub(super) enum Owed {
    PubAck { id: u16, code: Code, keeps: Option<String> },
    PubRec { id: u16, code: Code, keeps: Option<String> },
    PubRel { id: u16, code: Code },
    PubComp { id: u16, code: Code },
    SubAck { id: u16, codes: Vec<(String, Code)> },
    UnsubAck { id: u16, codes: Vec<(String, Code)> },
    PingResp,
}
