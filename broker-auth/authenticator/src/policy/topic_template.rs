//! [`TopicTemplate`]: a topic filter with the client's identity in it.

use device_identity::DeviceId;

use super::topic::{TopicError, TopicFilter};
use crate::brace_template::{self, BraceError, Part};
use crate::identity::Client;
use crate::trust::TrustName;

/// A topic filter with `{device-id}`, `{identity}` or `{trust}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTemplate {
    source: Box<str>,
    parts: Vec<Part<Field>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    DeviceId,
    Identity,
    Trust,
}

/// Why a text is no topic template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicTemplateError {
    /// Something else between braces.
    #[error("{{{name}}} is no placeholder; there are {{device-id}}, {{identity}} and {{trust}}")]
    UnknownPlaceholder {
        /// What stood between the braces.
        name: String,
    },
    /// A brace that opens or closes nothing.
    #[error("a brace has no partner")]
    Brace,
    /// With an identity filled in, it is no topic filter.
    #[error("it is no topic filter: {0}")]
    Filter(#[from] TopicError),
}

impl std::str::FromStr for TopicTemplate {
    type Err = TopicTemplateError;

    fn from_str(source: &str) -> Result<Self, TopicTemplateError> {
        let parts = brace_template::parse(source, |name| match name {
            "device-id" => Ok(Field::DeviceId),
            "identity" => Ok(Field::Identity),
            "trust" => Ok(Field::Trust),
            _ => Err(TopicTemplateError::UnknownPlaceholder { name: name.to_owned() }),
        })
        .map_err(|error| match error {
            BraceError::Unclosed | BraceError::Unopened => TopicTemplateError::Brace,
            BraceError::Field(unknown) => unknown,
        })?;
        let template = Self { source: source.into(), parts };
        // The grammar of an identity has no character that means anything in a filter, so one example stands for all.
        TopicFilter::new(&template.fill("x", Some("x"), Some("x")).unwrap_or_default())?;
        Ok(template)
    }
}

impl TopicTemplate {
    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it stands for a topic of a device alone: no service has a device id.
    pub fn needs_device_id(&self) -> bool {
        self.parts.contains(&Part::Field(Field::DeviceId))
    }

    /// Whether clients have topics of their own by it: `{device-id}` or `{identity}` stands in it.
    pub(super) fn names_the_client(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Field(Field::DeviceId | Field::Identity)))
    }

    /// Whether `{trust}` stands in it.
    pub fn names_the_trust(&self) -> bool {
        self.parts.contains(&Part::Field(Field::Trust))
    }

    /// The filter for `client`. `None` where it asks for a device id and the client is none, or gets too long. Nothing fills
    /// it for a client of whom nothing is proven.
    pub(super) fn filter(&self, client: &Client) -> Option<TopicFilter<'static>> {
        match client {
            Client::Verified(client) => {
                let identity = client.identity();
                let device_id = identity.device_id().map(|id| id.as_str());
                self.filter_for(identity.name(), device_id, client.trust_name())
            }
            Client::Unproven(_) if self.has_fields() => None,
            Client::Unproven(_) => TopicFilter::new(&self.source).ok().map(TopicFilter::into_owned),
        }
    }

    /// Whether it is for topics of the broker itself.
    pub fn is_own(&self) -> bool {
        TopicFilter::new(&self.source).is_ok_and(|filter| filter.is_own())
    }

    /// Whether anything in it depends on the client.
    pub fn has_fields(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Field(_)))
    }

    /// The filter for a client called `name`, vouched for by `trust`. `None` where a text that it asks for cannot stand
    /// in a topic level.
    pub(super) fn filter_for(
        &self,
        name: &str,
        device_id: Option<&str>,
        trust: &TrustName,
    ) -> Option<TopicFilter<'static>> {
        // The name of a trust may be any text, and what it fills must not become several levels, or a wildcard.
        let trust = Some(trust.as_str()).filter(|name| DeviceId::new(name).is_ok());
        let text = self.fill(name, device_id, trust)?;
        // No name leads to the topics of the broker itself.
        let filter = TopicFilter::new(&text).ok().filter(|filter| filter.is_own() == self.is_own())?;
        Some(filter.into_owned())
    }

    fn fill(&self, identity: &str, device_id: Option<&str>, trust: Option<&str>) -> Option<String> {
        let mut text = String::with_capacity(self.source.len());
        for part in &self.parts {
            text.push_str(match part {
                Part::Literal(literal) => literal,
                Part::Field(Field::Identity) => identity,
                Part::Field(Field::DeviceId) => device_id?,
                Part::Field(Field::Trust) => trust?,
            });
        }
        Some(text)
    }
}
