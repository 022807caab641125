//! [`Verdicts`]: the verdicts that a policy is for.

use std::str::FromStr;

use crate::reason::Reason;
use crate::verdict::Verdict;

/// The verdicts that a policy is for. By default it is for proven clients alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts(Vec<VerdictMatch>);

/// One verdict, or all failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictMatch {
    /// `SUCCESS`
    Success,
    /// `FAILED`: whatever the reason.
    AnyFailure,
    /// `FAILED:<reason>`
    Failed(Reason),
    /// `NONE`
    None,
}

/// The reasons that a handshake goes on with: all that are found about a certificate itself.
const FAILURES: [Reason; 11] = [
    Reason::Unsupported,
    Reason::UnknownCa,
    Reason::BadSignature,
    Reason::Expired,
    Reason::NotYetValid,
    Reason::WrongUsage,
    Reason::Revoked,
    Reason::Suspended,
    Reason::StaleCrl,
    Reason::NotPinned,
    Reason::OcspUnavailable,
];

/// Why a text is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerdictError {
    /// Another word.
    #[error("{0:?} is no verdict: SUCCESS, FAILED, FAILED:<reason> or NONE")]
    Unknown(Box<str>),
    /// No certificate ever fails for that reason.
    #[error(
        "no certificate fails for {0:?}: unsupported, unknown_ca, bad_signature, expired, not_yet_valid, wrong_usage, revoked, \
         suspended, stale_crl, not_pinned or ocsp_unavailable"
    )]
    NoFailure(Box<str>),
}

impl FromStr for VerdictMatch {
    type Err = VerdictError;

    fn from_str(text: &str) -> Result<Self, VerdictError> {
        match (text, text.strip_prefix("FAILED:")) {
            ("SUCCESS", _) => Ok(Self::Success),
            ("FAILED", _) => Ok(Self::AnyFailure),
            ("NONE", _) => Ok(Self::None),
            (_, Some(reason)) => match reason.parse() {
                Ok(found) if FAILURES.contains(&found) => Ok(Self::Failed(found)),
                _ => Err(VerdictError::NoFailure(reason.into())),
            },
            _ => Err(VerdictError::Unknown(text.into())),
        }
    }
}

impl VerdictMatch {
    fn fits(self, verdict: Verdict) -> bool {
        match (self, verdict) {
            (Self::Success, Verdict::Success)
            | (Self::AnyFailure, Verdict::Failed(_))
            | (Self::None, Verdict::None) => true,
            (Self::Failed(wanted), Verdict::Failed(found)) => wanted == found,
            _ => false,
        }
    }
}

impl Default for Verdicts {
    fn default() -> Self {
        Self(vec![VerdictMatch::Success])
    }
}

impl Verdicts {
    /// Any of these.
    pub fn new(any: Vec<VerdictMatch>) -> Self {
        Self(any)
    }

    /// Whether it is for proven clients, among others.
    pub fn include_success(&self) -> bool {
        self.0.contains(&VerdictMatch::Success)
    }

    /// Whether it is for clients of whom nothing is proven, among others.
    pub fn include_unproven(&self) -> bool {
        self.0.iter().any(|verdict| *verdict != VerdictMatch::Success)
    }

    /// Whether every verdict of `other` is among these.
    pub(super) fn cover(&self, other: &Self) -> bool {
        let covered = |wanted: &VerdictMatch| {
            let is_failure = matches!(wanted, VerdictMatch::Failed(_));
            self.0.contains(wanted) || (is_failure && self.0.contains(&VerdictMatch::AnyFailure))
        };
        other.0.iter().all(covered)
    }

    pub(super) fn fit(&self, verdict: Verdict) -> bool {
        self.0.iter().any(|wanted| wanted.fits(verdict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_read_and_fits_what_it_says() {
        let of = |texts: &[&str]| Verdicts::new(texts.iter().map(|text| text.parse().unwrap()).collect());
        for reason in FAILURES {
            let exact = of(&[&format!("FAILED:{reason}")]);
            for other in FAILURES {
                assert_eq!(exact.fit(Verdict::Failed(other)), other == reason);
            }
            assert!(of(&["FAILED"]).fit(Verdict::Failed(reason)));
            assert!(!Verdicts::default().fit(Verdict::Failed(reason)));
            assert!(!exact.fit(Verdict::Success) && !exact.fit(Verdict::None));
        }
        assert!(of(&["NONE"]).fit(Verdict::None) && !of(&["FAILED"]).fit(Verdict::None));
        assert!(Verdicts::default().fit(Verdict::Success) && !Verdicts::default().fit(Verdict::None));
        assert!(of(&["NONE", "SUCCESS"]).fit(Verdict::Success));
    }

    #[test]
    fn what_can_never_be_a_verdict_is_refused() {
        for text in
            ["", "success", "FAILED:", "FAILED:soon", "FAILED:malformed", "FAILED:topic_denied", "FAILED "]
        {
            assert!(text.parse::<VerdictMatch>().is_err(), "{text:?}");
        }
    }
}
