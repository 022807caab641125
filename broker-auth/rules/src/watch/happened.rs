//! [`Happened`]: what a look at the files has found, and its line in the log.

use std::fmt;

use authenticator::certificate::timestamp;
use authenticator::trust::{CrlReport, Freshness};

/// Something that a look at the files has found, and that is in force.
#[derive(Clone, Debug)]
pub enum Happened {
    /// The clock was set, and every session is judged again.
    ClockSet {
        /// By how many seconds; negative: it was set back.
        seconds: i128,
    },
    /// A revocation list is in force, which is new or stands beside a new one.
    ListInForce {
        /// The list.
        list: CrlReport,
        /// The generation of the rules that have it.
        generation: u64,
    },
    /// A certificate was revoked for good, and is on no list any more.
    RevocationLost(String),
    /// Files were refused, and what they held before stays.
    ListRefused(String),
    /// A list is no longer, or again, as fresh as it was.
    Freshness(CrlReport),
    /// An anchor has expired, and its clients are cut off.
    AnchorExpired {
        /// Its subject.
        subject: String,
    },
    /// Second factors are verified by other files than before.
    FactorsInForce,
    /// Files of second factors were refused, and what they held before stays.
    FactorsRefused(String),
}

impl Happened {
    /// Writes its line into the log.
    pub fn log(&self) {
        match self {
            Self::ClockSet { seconds } => {
                tracing::warn!(seconds, "the clock was set: every session is judged again");
            }
            Self::ListInForce { list, generation } => tracing::info!(
                issuer = list.issuer,
                number = list.number.map(tracing::field::display),
                entries = list.entries,
                next_update = timestamp(list.next_update),
                generation,
                "revocation list in force"
            ),
            Self::RevocationLost(lost) => tracing::warn!("{lost}"),
            Self::FactorsInForce => tracing::info!("{self}"),
            Self::ListRefused(why) | Self::FactorsRefused(why) => {
                tracing::error!("{why}");
            }
            Self::Freshness(list) => log_freshness(list),
            Self::AnchorExpired { subject } => {
                tracing::error!("the anchor {subject} has expired: its clients are cut off");
            }
        }
    }
}

/// The same for a log that has no fields.
impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClockSet { seconds } => {
                write!(f, "the clock was set by {seconds} s: every session is judged again")
            }
            Self::ListInForce { list, .. } => {
                write!(f, "revocation list of {} in force: ", list.issuer)?;
                if let Some(number) = list.number {
                    write!(f, "number {number}, ")?;
                }
                write!(f, "{} revoked, until {}", list.entries, timestamp(list.next_update))
            }
            Self::FactorsInForce => f.write_str("second factors are verified by other files than before"),
            Self::RevocationLost(what) | Self::ListRefused(what) | Self::FactorsRefused(what) => {
                f.write_str(what)
            }
            Self::Freshness(list) => {
                let (issuer, next_update) = (&list.issuer, timestamp(list.next_update));
                let standing = match list.freshness {
                    Freshness::Current => "is current: it counts until",
                    Freshness::Due => "must be replaced before",
                    Freshness::Late => "is late, and its grace is running out: it was due at",
                    Freshness::Stale => "is stale: it was due at",
                };
                write!(f, "the revocation list of {issuer} {standing} {next_update}")
            }
            Self::AnchorExpired { subject } => {
                write!(f, "the anchor {subject} has expired: its clients are cut off")
            }
        }
    }
}

fn log_freshness(list: &CrlReport) {
    let next_update = timestamp(list.next_update);
    let issuer = &list.issuer;
    match list.freshness {
        Freshness::Current => {
            tracing::info!("the revocation list of {issuer} is current, until {next_update}");
        }
        Freshness::Due => {
            tracing::warn!(
                "the revocation list of {issuer} must be replaced before {next_update}: sign a fresh one"
            );
        }
        Freshness::Late => {
            tracing::warn!(
                "the revocation list of {issuer} was due at {next_update}: its grace is running out"
            );
        }
        Freshness::Stale => {
            tracing::error!("the revocation list of {issuer} was due at {next_update}: it is stale now");
        }
    }
}
