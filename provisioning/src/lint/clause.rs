//! [`Finding`]: one clause of a standard, and whether it is met.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

/// How strongly a clause is meant (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Must,
    MustNot,
    Should,
    ShouldNot,
}

/// Whether a clause is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It is.
    Met,
    /// It is not, on purpose.
    Deviates,
    /// It is not, and need not be: it is a recommendation.
    Advised,
    /// It is not, and must be.
    Wanting,
}

/// One clause, and whether it is met.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// The standard and its section.
    pub(crate) clause: &'static str,
    /// MUST, SHOULD.
    pub(crate) level: Level,
    /// What it wants.
    pub(crate) what: &'static str,
    /// Whether it is met.
    pub(crate) result: Outcome,
    /// Why it is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What was found out about one certificate, request or list.
#[derive(Debug, Serialize)]
pub(crate) struct Linted {
    /// The file it is in.
    #[serde(serialize_with = "displayed")]
    pub(crate) file: PathBuf,
    /// What it is.
    pub(crate) kind: &'static str,
    /// Whose it is, made safe to print.
    pub(crate) subject: String,
    /// The clauses, in the order of the standards.
    pub(crate) clauses: Vec<Finding>,
}

impl Linted {
    /// How many clauses are not met that must be.
    pub(crate) fn wanting(&self) -> usize {
        self.clauses.iter().filter(|finding| finding.result == Outcome::Wanting).count()
    }
}

/// The findings about one thing, as they are made.
#[derive(Default)]
pub(super) struct Clauses(Vec<Finding>);

impl Clauses {
    /// A clause that is met or not.
    pub(super) fn check(&mut self, clause: &'static str, level: Level, what: &'static str, holds: bool) {
        self.judge(clause, level, what, holds, None);
    }

    /// A clause from which the fleet's profile deviates for a reason, where `is_ours` says that this is how.
    pub(super) fn check_unless(
        &mut self,
        (clause, level, what): (&'static str, Level, &'static str),
        holds: bool,
        is_ours: bool,
        reason: &'static str,
    ) {
        self.judge(clause, level, what, holds, is_ours.then_some(reason));
    }

    /// A clause whose violation says in its own words what is wrong.
    pub(super) fn check_result(
        &mut self,
        (clause, level, what): (&'static str, Level, &'static str),
        result: Result<(), String>,
    ) {
        let (result, reason) = match result {
            Ok(()) => (Outcome::Met, None),
            Err(reason) => (level.violated(), Some(reason)),
        };
        self.0.push(Finding { clause, level, what, result, reason });
    }

    fn judge(
        &mut self,
        clause: &'static str,
        level: Level,
        what: &'static str,
        holds: bool,
        deviation: Option<&'static str>,
    ) {
        let (result, reason) = match (holds, deviation) {
            (true, _) => (Outcome::Met, None),
            (false, Some(reason)) => (Outcome::Deviates, Some(reason.to_owned())),
            (false, None) => (level.violated(), None),
        };
        self.0.push(Finding { clause, level, what, result, reason });
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.0
    }
}

impl Level {
    /// The word in the standard.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
        }
    }

    fn violated(self) -> Outcome {
        match self {
            Self::Must | Self::MustNot => Outcome::Wanting,
            Self::Should | Self::ShouldNot => Outcome::Advised,
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::Deviates => "deviates",
            Self::Advised => "not met",
            Self::Wanting => "WANTING",
        })
    }
}

fn displayed<S: Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
