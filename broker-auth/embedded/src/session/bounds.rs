//! Topics and wills that are too long to be kept, whatever the permit says.

use std::fmt;

use crate::limits::SessionLimits;
use mqtt::LastWill;

/// A topic or filter that is longer than the limits allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicTooLong {
    /// In bytes.
    Bytes { limit: usize },
    /// In levels.
    Levels { limit: usize },
}

impl fmt::Display for TopicTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { limit } => write!(f, "a topic of more than {limit} bytes"),
            Self::Levels { limit } => write!(f, "a topic of more than {limit} levels"),
        }
    }
}

/// Checks the length of a topic or filter.
pub(super) fn check_topic(text: &str, limits: &SessionLimits) -> Result<(), TopicTooLong> {
    if text.len() > limits.max_topic_length {
        return Err(TopicTooLong::Bytes { limit: limits.max_topic_length });
    }
    if text.split('/').count() > limits.max_topic_levels {
        return Err(TopicTooLong::Levels { limit: limits.max_topic_levels });
    }
    Ok(())
}

/// A will that is not kept for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfitWill {
    /// Its topic.
    Topic(TopicTooLong),
    /// All of it, in bytes.
    Size { limit: usize },
}

impl fmt::Display for UnfitWill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(fault) => fault.fmt(f),
            Self::Size { limit } => write!(f, "a will of more than {limit} bytes"),
        }
    }
}

/// Checks the length of a will.
pub fn check_will(will: &LastWill, limits: &SessionLimits) -> Result<(), UnfitWill> {
    check_topic(&will.topic, limits).map_err(UnfitWill::Topic)?;
    if super::will::message_of(will).weight() > limits.max_will_size {
        return Err(UnfitWill::Size { limit: limits.max_will_size });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_measured_in_bytes_and_levels() {
        let limits = SessionLimits { max_topic_length: 10, max_topic_levels: 3, ..SessionLimits::default() };
        let check = |text| check_topic(text, &limits);
        for fits in ["", "a", "a/b/c", "0123456789", "//", "ééééé"] {
            assert_eq!(check(fits), Ok(()), "{fits}");
        }
        for long in ["01234567890", "éééééé"] {
            assert_eq!(check(long), Err(TopicTooLong::Bytes { limit: 10 }), "{long}");
        }
        for deep in ["a/b/c/d", "///"] {
            assert_eq!(check(deep), Err(TopicTooLong::Levels { limit: 3 }), "{deep}");
        }
    }
}
