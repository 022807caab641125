//! [`Shown`]: what a policy asks for beside the certificate, and what the client shows.

use crate::protocol::Protocol;

/// What the policy of a device asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    Nothing,
    Password,
    Token,
}

impl Asked {
    pub(crate) const ALL: [Self; 3] = [Self::Nothing, Self::Password, Self::Token];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Password => "password",
            Self::Token => "token",
        }
    }
}

/// What a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Factor {
    /// Nothing.
    Absent,
    /// A password that nobody asks for.
    Unasked,
    Right,
    /// A password that is nobody's.
    Wrong,
    /// A token that has ended.
    Ended,
    /// What would be right for another device.
    Anothers,
}

/// What is asked for, and what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) asked: Asked,
    pub(crate) factor: Factor,
}

impl Shown {
    /// All, with what is asked for and what is shown as the matrix has them.
    const NAMED: [(&str, &str, Self); 10] = [
        ("nothing", "nothing", Self { asked: Asked::Nothing, factor: Factor::Absent }),
        ("nothing", "a password", Self { asked: Asked::Nothing, factor: Factor::Unasked }),
        ("password", "right", Self { asked: Asked::Password, factor: Factor::Right }),
        ("password", "wrong", Self { asked: Asked::Password, factor: Factor::Wrong }),
        ("password", "another's", Self { asked: Asked::Password, factor: Factor::Anothers }),
        ("password", "none", Self { asked: Asked::Password, factor: Factor::Absent }),
        ("token", "right", Self { asked: Asked::Token, factor: Factor::Right }),
        ("token", "ended", Self { asked: Asked::Token, factor: Factor::Ended }),
        ("token", "another's", Self { asked: Asked::Token, factor: Factor::Anothers }),
        ("token", "none", Self { asked: Asked::Token, factor: Factor::Absent }),
    ];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::NAMED.into_iter().map(|(.., shown)| shown)
    }

    /// What a row of the matrix says.
    #[track_caller]
    pub(crate) fn called(asked: &str, what: &str) -> Self {
        let mut named = Self::NAMED.into_iter();
        let found = named.find_map(|(its, known, shown)| (its == asked && known == what).then_some(shown));
        found.unwrap_or_else(|| panic!("{asked}: {what}"))
    }

    /// Whether it is what is asked for, or nothing is.
    pub(crate) fn is_enough(self) -> bool {
        self.asked == Asked::Nothing || self.factor == Factor::Right
    }

    /// The device that shows this over `protocol`: each has one of its own, so that a wrong password is in nobody else's way.
    pub(crate) fn device(self, protocol: Protocol) -> String {
        let factor = format!("{:?}", self.factor).to_lowercase();
        format!("{}-{factor}-{}", self.asked.name(), protocol.name())
    }

    /// The word for it of `explain --factor`, if there is something to suppose.
    pub(crate) fn supposed(self) -> Option<&'static str> {
        match (self.asked, self.factor) {
            (Asked::Nothing, _) => None,
            (_, Factor::Right) => Some("right"),
            (_, Factor::Absent) => Some("none"),
            (_, Factor::Wrong | Factor::Ended | Factor::Anothers | Factor::Unasked) => Some("wrong"),
        }
    }
}
