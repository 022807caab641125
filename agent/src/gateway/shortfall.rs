//! What became of the lines that did not arrive.

use std::fmt;

use crate::ending::CauseKind;
use crate::session::State;

/// The lines that did not arrive, at least one, by what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    denied: u64,
    unusable: u64,
    unacknowledged: usize,
    state: State,
    last_end: Option<(CauseKind, String)>,
}

impl Shortfall {
    /// `None` if every line arrived. `state` and `last_end` say where the session stood, and why.
    pub(super) fn new(
        denied: u64,
        unusable: u64,
        unacknowledged: usize,
        state: State,
        last_end: Option<(CauseKind, String)>,
    ) -> Option<Self> {
        let any = denied > 0 || unusable > 0 || unacknowledged > 0;
        any.then_some(Self { denied, unusable, unacknowledged, state, last_end })
    }

    /// Whether the broker denied one of them.
    pub fn is_denied(&self) -> bool {
        self.denied > 0
    }

    /// Whether some were left over because this host's clock makes no sense.
    pub fn is_for_want_of_a_clock(&self) -> bool {
        self.unacknowledged > 0 && matches!(self.last_end, Some((CauseKind::Clock, _)))
    }

    /// Whether some were left over because there was no more time.
    pub fn is_for_want_of_time(&self) -> bool {
        self.unacknowledged > 0
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.denied > 0 {
            write!(f, "the broker denied {} telemetry lines", self.denied)?;
            separator = "; ";
        }
        if self.unusable > 0 {
            write!(f, "{separator}{} telemetry lines could not be sent", self.unusable)?;
            separator = "; ";
        }
        if self.unacknowledged > 0 {
            let (lines, state) = (self.unacknowledged, self.state);
            write!(f, "{separator}{lines} telemetry lines were not acknowledged by the broker; ")?;
            write!(f, "last state: {state}")?;
            if let Some((_, detail)) = self.last_end.as_ref().filter(|_| state != State::Online) {
                write!(f, " ({detail})")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_none_when_every_line_arrived() {
        assert_eq!(Shortfall::new(0, 0, 0, State::Offline, None), None);
    }

    #[test]
    fn its_words_name_every_kind_and_why_the_session_was_away() {
        let away = Some((CauseKind::Unreachable, "connection refused".to_owned()));
        let shortfall = Shortfall::new(1, 2, 3, State::Offline, away.clone()).unwrap();
        assert_eq!(
            shortfall.to_string(),
            "the broker denied 1 telemetry lines; 2 telemetry lines could not be sent; 3 telemetry lines were not \
             acknowledged by the broker; last state: offline (connection refused)"
        );
        let online = Shortfall::new(0, 0, 3, State::Online, away).unwrap();
        assert!(online.to_string().ends_with("last state: online"), "{online}");
    }
}
