//! [`TrustedNow`]: the time by a clock that agrees with what was seen before. Certificates are made at no other.

use std::fmt;
use std::path::PathBuf;

use super::{DAY, EARLIEST, LEAP, Timestamp};

/// How far a clock may be behind what was seen: clocks are put right by seconds all the time, and `notBefore` lies an hour
/// before the time of issuance.
const TOLERANCE: u64 = 60;

/// The current time, by a clock that is behind no witness and, if it is a month ahead of the last act, that a person
/// agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrustedNow(Timestamp);

/// Something that knows a time in the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Witness {
    /// What it is.
    pub(crate) kind: WitnessKind,
    /// The time that has passed, by it.
    pub(crate) time: Timestamp,
}

/// What knows a time in the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WitnessKind {
    /// This program: it was made later.
    Program,
    /// The registry: something was done at that time.
    Registry,
    /// A list that this fleet's CA signed, and the registry does not know.
    List(PathBuf),
}

/// What a clock is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Witnesses {
    /// Those that say how late it is at least.
    pub(crate) seen: Vec<Witness>,
    /// The last act at a time that made sense; `None` if there was none.
    pub(crate) last_act: Option<Timestamp>,
}

/// Why no certificate is made now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this machine's clock says {now}, but {witness}")]
pub(crate) struct ClockBehind {
    /// What the clock says.
    pub(crate) now: Timestamp,
    /// The witness that says most.
    pub(crate) witness: Witness,
}

/// A clock that is far ahead of the last act: a wrong one, or a factory after its holidays. A person knows.
#[derive(Debug)]
pub(crate) struct Leap {
    now: Timestamp,
    last_act: Timestamp,
}

/// What became of the comparison.
#[derive(Debug)]
pub(crate) enum Compared {
    /// The clock agrees.
    Agrees(TrustedNow),
    /// A person has to agree.
    Leap(Leap),
}

impl Witnesses {
    /// Compares a clock that says `now`.
    pub(crate) fn compare(&self, now: Timestamp) -> Result<Compared, ClockBehind> {
        let program = Witness { kind: WitnessKind::Program, time: EARLIEST };
        let newest = self
            .seen
            .iter()
            .fold(&program, |newest, witness| if witness.time > newest.time { witness } else { newest });
        if now.after(TOLERANCE) < newest.time || now < EARLIEST {
            return Err(ClockBehind { now, witness: newest.clone() });
        }
        match self.last_act {
            Some(last_act) if now > last_act.after(LEAP) => Ok(Compared::Leap(Leap { now, last_act })),
            _ => Ok(Compared::Agrees(TrustedNow(now))),
        }
    }
}

impl Leap {
    /// The time, now that a person has agreed to it.
    pub(crate) fn agreed(self) -> TrustedNow {
        TrustedNow(self.now)
    }
}

impl TrustedNow {
    /// The time.
    pub(crate) fn time(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for Leap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.now.unix().saturating_sub(self.last_act.unix()) / DAY;
        write!(
            f,
            "this machine's clock says {}, {days} days after the last act ({})",
            self.now, self.last_act
        )
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            WitnessKind::Program => write!(f, "this program is from after {}", self.time),
            WitnessKind::Registry => write!(f, "the registry has seen {}", self.time),
            WitnessKind::List(path) => write!(f, "{} was signed at {}", path.display(), self.time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witnesses(seen: &[(WitnessKind, u64)], last_act: Option<u64>) -> Witnesses {
        let at = |seconds: u64| EARLIEST.after(seconds);
        let seen = seen.iter().map(|(kind, time)| Witness { kind: kind.clone(), time: at(*time) }).collect();
        Witnesses { seen, last_act: last_act.map(at) }
    }

    #[test]
    fn the_witness_that_says_most_decides_and_is_named() {
        let list = WitnessKind::List("a.crl".into());
        let seen = [(WitnessKind::Registry, 10 * DAY), (list.clone(), 20 * DAY)];
        let witnesses = witnesses(&seen, None);
        for behind in [0, DAY, 10 * DAY, 20 * DAY - TOLERANCE - 1] {
            let error = witnesses.compare(EARLIEST.after(behind)).unwrap_err();
            assert_eq!(error.witness.kind, list);
        }
        assert!(matches!(witnesses.compare(EARLIEST.after(20 * DAY - TOLERANCE)), Ok(Compared::Agrees(_))));
        let error = witnesses.compare(Timestamp::from_unix(0)).unwrap_err();
        assert_eq!(error.witness.kind, list);
    }

    #[test]
    fn before_this_program_nothing_is_right_even_without_a_witness() {
        for (clock, right) in
            [(EARLIEST.before(1), false), (Timestamp::from_unix(0), false), (EARLIEST, true)]
        {
            assert_eq!(witnesses(&[], None).compare(clock).is_ok(), right, "{clock}");
        }
    }

    #[test]
    fn a_month_after_the_last_act_a_person_has_to_agree() {
        let witnesses = witnesses(&[(WitnessKind::Registry, 5)], Some(5));
        let at = |seconds: u64| EARLIEST.after(5 + seconds);
        assert!(matches!(witnesses.compare(at(LEAP)), Ok(Compared::Agrees(now)) if now.time() == at(LEAP)));
        let Ok(Compared::Leap(leap)) = witnesses.compare(at(LEAP + 1)) else { panic!("no leap") };
        assert_eq!(leap.agreed().time(), at(LEAP + 1));
    }
}
