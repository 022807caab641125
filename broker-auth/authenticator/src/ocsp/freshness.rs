//! How long an answer counts.

use rustls_pki_types::UnixTime;
use std::time::Duration;

use super::fault::OcspFault;

/// How far the clock of a responder may be ahead of this host's.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// How long after it was signed an answer counts that says when the next one comes. Responders that prepare their answers
/// sign them anew within days (RFC 5019 §4.1); one whose nextUpdate is years away would never be asked again.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long an answer counts that does not say when the next one comes: newer information is there all the time
/// (RFC 6960 §4.2.2.1).
const MAX_AGE_WITHOUT_NEXT: Duration = Duration::from_secs(3600);

/// The times in an answer (RFC 6960 §2.4).
pub(super) struct Times {
    pub(super) produced_at: UnixTime,
    pub(super) this_update: UnixTime,
    pub(super) next_update: Option<UnixTime>,
}

/// What of the nonce of a request came back in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// The same: the answer was made after the question.
    Nonce,
    /// None. Responders that prepare their answers have no other way (RFC 5019 §4).
    Nothing,
}

impl Times {
    /// The last second that the answer counts.
    ///
    /// It counts until nextUpdate, or for an hour after thisUpdate if it has none; for a week, or that hour, after it was
    /// signed; and without a nonce, for a week after thisUpdate: somebody on the way could hand out an old answer for longer.
    pub(super) fn valid_until(&self, echo: Echo, now: UnixTime) -> Result<UnixTime, OcspFault> {
        // The later one first: it says how far the clocks are apart.
        for (field, time) in [("producedAt", self.produced_at), ("thisUpdate", self.this_update)] {
            if time > later(now, CLOCK_SKEW) {
                return Err(OcspFault::NotYet { field, time });
            }
        }
        let age = match self.next_update {
            Some(_) => MAX_AGE,
            None => MAX_AGE_WITHOUT_NEXT,
        };
        let next_update = self.next_update.unwrap_or_else(|| later(self.this_update, age));
        if next_update <= self.this_update {
            return Err(OcspFault::Malformed("its nextUpdate is not after its thisUpdate".to_owned()));
        }
        let mut end = next_update.min(later(self.produced_at, age));
        if echo == Echo::Nothing {
            end = end.min(later(self.this_update, age));
        }
        if now > end { Err(OcspFault::Over { end }) } else { Ok(end) }
    }
}

fn later(time: UnixTime, by: Duration) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time.as_secs()).saturating_add(by))
}
