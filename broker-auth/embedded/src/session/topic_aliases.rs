//! [`TopicAliases`]: the topic aliases that a client has set (MQTT 5 §3.3.2.3.4). They end with the connection.

use std::collections::HashMap;
use std::num::NonZeroU16;

use mqtt::{Publish, Text};

/// The topic aliases of one connection.
#[derive(Debug, Default)]
pub(super) struct TopicAliases {
    by_number: HashMap<NonZeroU16, Text>,
    /// How many the client may set.
    limit: u16,
}

/// Why a PUBLISH has no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTopic {
    /// It has neither a topic nor an alias.
    Missing,
    /// Its alias is over the limit.
    OverLimit { alias: NonZeroU16, limit: u16 },
    /// Its alias was never set.
    Unset { alias: NonZeroU16 },
}

impl TopicAliases {
    /// No aliases yet, and at most `limit`.
    pub(super) fn new(limit: u16) -> Self {
        Self { by_number: HashMap::new(), limit }
    }

    /// The topic of a PUBLISH, which may be an alias for one that the client has named before.
    pub(super) fn resolve(&mut self, publish: &Publish) -> Result<Text, NoTopic> {
        let Some(alias) = publish.properties.as_ref().and_then(|properties| properties.topic_alias) else {
            return if publish.topic.is_empty() { Err(NoTopic::Missing) } else { Ok(publish.topic.clone()) };
        };
        if alias.get() > self.limit {
            return Err(NoTopic::OverLimit { alias, limit: self.limit });
        }
        if publish.topic.is_empty() {
            return self.by_number.get(&alias).cloned().ok_or(NoTopic::Unset { alias });
        }
        // Copied, so that the alias does not keep the buffer the packet came in.
        self.by_number.insert(alias, Text::from(publish.topic.to_string()));
        Ok(publish.topic.clone())
    }
}
