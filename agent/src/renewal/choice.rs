//! With which of two credentials the next attempt is made.

use crate::ending::Ending;

/// What an attempt is made with, or what has to be done before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The credential that the device lives on.
    Current,
    /// The one that is to replace it. The trial is counted first.
    OnTrial,
    /// A proven broker has refused the one on trial so often that it is given up; then the current one.
    GiveUpTrial,
}

/// What attempts with a credential on trial have come to, since the boot.
///
/// Trials that are counted in flash come first, so that one that ends in a reset is not tried for ever. After a *lost*
/// attempt it is the other credential's turn: what is lost says nothing about either. Only a *refusal* speaks against the
/// one on trial, and only a proven broker can refuse. Once the trials are used up the current credential comes first, and
/// the one on trial has its turn after every session and every lost attempt, before another certificate is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    last: Option<Next>,
    lost: bool,
    refusals: u8,
}

impl Choice {
    /// Refusals after which the credential on trial is given up.
    pub const REFUSALS: u8 = 3;

    /// Whether there is a credential on trial, and whether trials of it are left to be counted.
    pub const fn next(&mut self, on_trial: bool, left: bool) -> Next {
        let next = match (on_trial, self.last) {
            (false, _) => Next::Current,
            (true, _) if self.refusals >= Self::REFUSALS => Next::GiveUpTrial,
            // The first attempt after a boot.
            (true, None) if left => Next::OnTrial,
            (true, None) => Next::Current,
            (true, Some(Next::OnTrial)) if self.lost => Next::Current,
            (true, Some(Next::OnTrial)) if left => Next::OnTrial,
            (true, Some(Next::OnTrial)) => Next::Current,
            (true, Some(Next::Current | Next::GiveUpTrial)) => Next::OnTrial,
        };
        if matches!(next, Next::GiveUpTrial) {
            *self = Self { last: Some(Next::Current), lost: false, refusals: 0 };
        } else {
            self.last = Some(next);
            self.lost = false;
        }
        next
    }

    /// The attempt or session that [`next`](Self::next) decided on has ended.
    pub const fn ended(&mut self, ending: Ending) {
        match ending {
            Ending::Lost => self.lost = true,
            Ending::Refused if matches!(self.last, Some(Next::OnTrial)) => {
                self.refusals = self.refusals.saturating_add(1);
            }
            Ending::Refused => {}
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    /// The choices, with so many trials left, while attempts end like this.
    fn choices(mut left: u8, endings: &[Ending]) -> Vec<Next> {
        let mut choice = Choice::default();
        endings
            .iter()
            .map(|&ending| {
                let next = choice.next(true, left > 0);
                left -= u8::from(left > 0 && next == OnTrial);
                choice.ended(ending);
                next
            })
            .collect()
    }

    use Ending::{Lost, Refused};
    use Next::{Current, GiveUpTrial, OnTrial};

    #[test]
    fn lost_attempts_alternate_and_never_speak_against_the_trial() {
        assert_eq!(choices(4, &[Lost; 6]), [OnTrial, Current, OnTrial, Current, OnTrial, Current]);
        assert!(!choices(4, &[Lost; 1000]).contains(&GiveUpTrial));
    }

    #[test]
    fn three_refusals_give_the_trial_up() {
        assert_eq!(choices(4, &[Refused; 4]), [OnTrial, OnTrial, OnTrial, GiveUpTrial]);
        assert_eq!(
            choices(4, &[Refused, Lost, Refused, Refused, Lost]),
            [OnTrial, OnTrial, Current, OnTrial, OnTrial]
        );
    }

    #[test]
    fn once_the_trials_are_used_up_the_current_one_comes_first() {
        assert_eq!(choices(0, &[Lost; 4]), [Current, OnTrial, Current, OnTrial]);
        assert_eq!(choices(1, &[Refused; 6]), [OnTrial, Current, OnTrial, Current, OnTrial, GiveUpTrial]);
    }

    #[test]
    fn without_a_trial_there_is_nothing_to_choose() {
        let mut choice = Choice::default();
        for ending in [Lost, Refused, Lost] {
            assert_eq!(choice.next(false, false), Current);
            choice.ended(ending);
        }
    }
}
