//! [`Recheck`]: when sessions are judged again, and how.

use std::sync::Arc;

use authenticator::decide::{Granted, Request, Standing, decide};
use authenticator::policy::{ClientId, Permit};
use authenticator::reason::Refusal;
use authenticator::ruleset::Ruleset;
use rustls_pki_types::UnixTime;

use super::evidence;
use super::first_end::{FirstEnd, has_ended};
use super::rules::Rules;
use crate::sessions::{Sessions, Verdict};

/// Every how many seconds all sessions are judged again, though no rule has changed: certificates end, lists grow old.
pub(super) const RECHECK_SECONDS: u64 = 10;

/// When sessions are judged again: all of them when something has changed, and now and then; one whose token ends, then.
#[derive(Debug, Default)]
pub(super) struct Recheck {
    judged: Option<Judged>,
    first_end: FirstEnd,
}

/// What becomes of a session that was judged.
pub(super) enum News<'a> {
    /// It goes on by another permit.
    Changed(&'a Permit),
    /// It is over.
    Over(Refusal),
}

/// By what all sessions were judged last.
#[derive(Debug)]
struct Judged {
    rules: Arc<Ruleset>,
    generation: u64,
    /// When that was, in Unix seconds.
    at: u64,
}

impl Recheck {
    /// There is a new session by `permit`.
    pub(super) fn note(&mut self, permit: &Permit) {
        self.first_end.note(permit);
    }

    /// Judges those of `sessions` that are due, and tells what became of them; the client ids of those that are over and
    /// connected.
    pub(super) fn sessions<R: Rules>(
        &mut self,
        sessions: &mut Sessions,
        by: &R,
        now: UnixTime,
        mut tell: impl FnMut(&ClientId, News<'_>),
    ) -> Vec<Box<str>> {
        let (rules, generation) = (by.in_force(), by.generation());
        let are_all_due = self.judged.as_ref().is_none_or(|judged| {
            !Arc::ptr_eq(&judged.rules, &rules)
                || judged.generation != generation
                || now.as_secs().abs_diff(judged.at) >= RECHECK_SECONDS
        });
        if !are_all_due && !self.first_end.has_come(now) {
            return Vec::new();
        }
        let mut first_end = FirstEnd::default();
        let closed = sessions.judge(|permit, client_id| {
            let verdict = if are_all_due || has_ended(permit, now) {
                judge(permit, client_id, (by, &rules), now, &mut tell)
            } else {
                Verdict::Unchanged
            };
            match &verdict {
                Verdict::Unchanged => first_end.note(permit),
                Verdict::Changed(permit) => first_end.note(permit),
                Verdict::Over => {}
            }
            verdict
        });
        self.first_end = first_end;
        if are_all_due {
            self.judged = Some(Judged { rules, generation, at: now.as_secs() });
        }
        closed
    }
}

/// Judges a session by the rules in force, which come from `by`.
fn judge<R: Rules>(
    permit: &Permit,
    client_id: &ClientId,
    (by, rules): (&R, &Ruleset),
    now: UnixTime,
    tell: &mut impl FnMut(&ClientId, News<'_>),
) -> Verdict {
    let evidence = evidence::of_session(permit, by.factor_of_session(permit), rules, now);
    match decide(rules, &evidence, &Request::Continue(permit, client_id)).outcome {
        Ok(Granted::Continued(Standing::Unchanged)) => Verdict::Unchanged,
        Ok(Granted::Continued(Standing::Changed(permit))) => {
            tell(client_id, News::Changed(&permit));
            Verdict::Changed(permit)
        }
        Ok(_) => Verdict::Over,
        Err(refusal) => {
            tell(client_id, News::Over(refusal));
            Verdict::Over
        }
    }
}
