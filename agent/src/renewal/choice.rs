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
/// Trials that are counted in flash come first, so that one that ends in a reset is not tried for ever. Then the two take
/// turns, however an attempt or a session ends: what is lost says nothing about either, and where the one on trial is refused
/// the device goes on with the other. Only a *refusal* speaks against the one on trial, and only a proven broker can refuse.
/// While there is one on trial no other certificate is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    last: Option<Next>,
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
            (true, None | Some(Next::OnTrial)) => Next::Current,
            (true, Some(Next::Current | Next::GiveUpTrial)) => Next::OnTrial,
        };
        if matches!(next, Next::GiveUpTrial) {
            *self = Self { last: Some(Next::Current), refusals: 0 };
        } else {
            self.last = Some(next);
        }
        next
    }

    /// The attempt or session that [`next`](Self::next) decided on has ended.
    pub const fn ended(&mut self, ending: Ending) {
        if matches!((ending, self.last), (Ending::Refused, Some(Next::OnTrial))) {
            self.refusals = self.refusals.saturating_add(1);
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
    fn the_two_take_turns_and_what_is_lost_never_speaks_against_the_trial() {
        assert_eq!(choices(4, &[Lost; 6]), [OnTrial, Current, OnTrial, Current, OnTrial, Current]);
        assert!(!choices(4, &[Lost; 1000]).contains(&GiveUpTrial));
        // Nor does what is said against the other one.
        assert_eq!(choices(4, &[Lost, Refused, Lost, Refused]), [OnTrial, Current, OnTrial, Current]);
        assert!(!choices(4, &[Lost, Refused].repeat(500)).contains(&GiveUpTrial));
    }

    #[test]
    fn three_refusals_give_the_trial_up() {
        let expected = [OnTrial, Current, OnTrial, Current, OnTrial, GiveUpTrial];
        assert_eq!(choices(4, &[Refused; 6]), expected);
        assert_eq!(choices(4, &[Refused, Lost].repeat(3)), expected);
        // Another one has three chances, too.
        let mut choice = Choice::default();
        let mut refused = || {
            let next = choice.next(true, true);
            choice.ended(Refused);
            next
        };
        let given_up =
            std::iter::repeat_with(&mut refused).take(12).filter(|next| *next == GiveUpTrial).count();
        assert_eq!(given_up, 2);
    }

    #[test]
    fn once_the_trials_are_used_up_the_current_one_comes_first() {
        assert_eq!(choices(0, &[Lost; 4]), [Current, OnTrial, Current, OnTrial]);
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
