//! Topic names and filters (MQTT 5 §4.7; the same in 3.1.1), and which filter covers which.

use std::borrow::Cow;
use std::fmt;

/// The longest topic name or filter, in bytes: its length is a 16-bit number (MQTT 5 §1.5.4).
const MAX_LEN: usize = 65_535;

/// Where a message is published: no wildcards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName<'a>(Cow<'a, str>);

/// Which messages a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter<'a> {
    text: Cow<'a, str>,
    /// How many octets come before the first wildcard.
    literal_len: usize,
}

/// The two parts of a shared subscription, `$share/{group}/{filter}` (MQTT 5 §4.8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFilter<'a> {
    /// The share name.
    pub group: &'a str,
    /// The filter that messages are matched against.
    pub filter: TopicFilter<'a>,
}

/// Why a text is no topic name or filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// At least one character is required.
    #[error("it is empty")]
    Empty,
    /// Its length does not fit into 16 bits.
    #[error("it has {length} bytes, at most 65535 fit")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// U+0000 is not allowed.
    #[error("it contains NUL")]
    Nul,
    /// `+` or `#` in a topic name.
    #[error("a topic to publish to has no wildcards")]
    Wildcard,
    /// `#` that is not the last level on its own.
    #[error("# must be the whole last level")]
    MisplacedHash,
    /// `+` beside other characters.
    #[error("+ must be a whole level")]
    MisplacedPlus,
    /// `$share/` without a group and a filter.
    #[error("a shared subscription is written $share/GROUP/FILTER")]
    Share,
}

fn checked(text: &str) -> Result<&str, TopicError> {
    match text {
        "" => Err(TopicError::Empty),
        long if long.len() > MAX_LEN => Err(TopicError::TooLong { length: long.len() }),
        nul if nul.as_bytes().contains(&0) => Err(TopicError::Nul),
        text => Ok(text),
    }
}

/// The first level of the topics that the broker itself publishes to, and nobody else.
pub const OWN_LEVEL: &str = "countersign";

/// Whether the first level is the broker's own.
pub(super) fn is_own(text: &str) -> bool {
    text.strip_prefix(OWN_LEVEL).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether no wildcard stands for the first level.
fn is_hidden(text: &str) -> bool {
    text.starts_with('$') || is_own(text)
}

impl<'a> TopicName<'a> {
    /// Parses a topic name.
    pub fn new(text: &'a str) -> Result<Self, TopicError> {
        // By octets, all of them and without a branch: it is asked for every message, and a wildcard in UTF-8 is no part of
        // another character.
        let is_clean = text.bytes().fold(true, |clean, octet| clean & !matches!(octet, 0 | b'+' | b'#'));
        if !is_clean || text.is_empty() || text.len() > MAX_LEN {
            return Err(checked(text).err().unwrap_or(TopicError::Wildcard));
        }
        Ok(Self(Cow::Borrowed(text)))
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> TopicFilter<'a> {
    /// Parses a topic filter.
    pub fn new(text: &'a str) -> Result<Self, TopicError> {
        let mut levels = checked(text)?.split('/').peekable();
        while let Some(level) = levels.next() {
            match level {
                "#" if levels.peek().is_none() => {}
                "+" => {}
                level if level.contains('#') => return Err(TopicError::MisplacedHash),
                level if level.contains('+') => return Err(TopicError::MisplacedPlus),
                _ => {}
            }
        }
        let filter = Self::of(Cow::Borrowed(text));
        if filter.is_shared() && filter.shared().is_none() {
            return Err(TopicError::Share);
        }
        Ok(filter)
    }

    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same, owned.
    pub fn into_owned(self) -> TopicFilter<'static> {
        TopicFilter { text: Cow::Owned(self.text.into_owned()), literal_len: self.literal_len }
    }

    fn of(text: Cow<'a, str>) -> Self {
        let wildcard = text.bytes().position(|octet| matches!(octet, b'+' | b'#'));
        Self { literal_len: wildcard.unwrap_or(text.len()), text }
    }

    fn is_shared(&self) -> bool {
        self.text.split('/').next() == Some("$share")
    }

    /// Group and filter, if this is a shared subscription.
    pub fn shared(&self) -> Option<SharedFilter<'_>> {
        let (group, filter) = self.share()?;
        let complete = !group.is_empty() && group != "#" && !filter.is_empty();
        complete.then_some(SharedFilter { group, filter: TopicFilter::of(Cow::Borrowed(filter)) })
    }

    /// Whether it is for topics of the broker itself, and says so.
    pub(super) fn is_own(&self) -> bool {
        is_own(self.matched_part())
    }

    /// What messages are matched against.
    fn matched_part(&self) -> &str {
        self.share().map_or(&self.text, |(_, filter)| filter)
    }

    /// What stands for the group and for the filter of a shared subscription, checked or not.
    fn share(&self) -> Option<(&str, &str)> {
        self.text.strip_prefix("$share/")?.split_once('/')
    }

    /// Whether a message published to `topic` is asked for.
    ///
    /// A wildcard in the first level does not match a topic that starts with `$` (MQTT 5 §4.7.2), nor one of the broker's
    /// own, which start with `countersign/`.
    pub fn matches(&self, topic: &TopicName<'_>) -> bool {
        if self.text.starts_with(['+', '#']) && is_hidden(&topic.0) {
            return false;
        }
        // By octets, since this is asked twice for every message: first all before the first wildcard.
        let (literal, mut wanted) = self.text.as_bytes().split_at(self.literal_len);
        let topic = topic.0.as_bytes();
        let Some(mut found) = topic.strip_prefix(literal) else {
            // `a/#` matches `a` too: `#` includes the parent level (§4.7.1.2).
            return wanted == b"#" && literal.strip_suffix(b"/") == Some(topic);
        };
        // `+` is a whole level, and `#` the last.
        loop {
            match (wanted, found) {
                ([b'#'], _) | (b"/#" | [], []) => return true,
                ([b'+', rest @ ..], _) => {
                    let level = found.iter().position(|octet| *octet == b'/').unwrap_or(found.len());
                    (wanted, found) = (rest, found.get(level..).unwrap_or_default());
                }
                ([one, rest @ ..], [other, later @ ..]) if one == other => (wanted, found) = (rest, later),
                _ => return false,
            }
        }
    }

    /// Whether some topic is matched by both filters, the groups of shared subscriptions aside.
    pub fn overlaps(&self, other: &TopicFilter<'_>) -> bool {
        let (one, other) = (self.matched_part(), other.matched_part());
        let hides = |from: &str, filter: &str| from.starts_with(['+', '#']) && is_hidden(filter);
        if hides(one, other) || hides(other, one) {
            return false;
        }
        let (mut one, mut other) = (one.split('/'), other.split('/'));
        loop {
            match (one.next(), other.next()) {
                // `a/#` matches `a` too (MQTT 5 §4.7.1.2).
                (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
                (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
                (Some(level), Some(found)) if level == found => {}
                _ => return false,
            }
        }
    }

    /// Whether every topic that this filter matches is matched by `allowed` too.
    pub fn is_within(&self, allowed: &TopicFilter<'_>) -> bool {
        let hides = |allowed: &str, asked: &str| allowed.starts_with(['+', '#']) && is_hidden(asked);
        if hides(&allowed.text, &self.text) || hides(allowed.matched_part(), self.matched_part()) {
            return false;
        }
        // `a/#` asks for `a` as well, but what `#` and `/#` would add in this way is the empty text, which is no topic.
        let asked = match &*self.text {
            "#" => "+/#",
            "/#" => "/+/#",
            asked => asked,
        };
        let mut asked = asked.split('/');
        let mut permitted = allowed.text.split('/');
        loop {
            match (permitted.next(), asked.next()) {
                (Some("#"), _) => return true,
                // `a/#` also asks for `a`, and for every depth; only a `#` in the same place allows that.
                (_, Some("#")) => return false,
                (Some("+"), Some(_)) => {}
                (Some(level), Some(found)) if level == found => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

impl fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests;
