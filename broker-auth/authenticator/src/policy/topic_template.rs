//! [`TopicTemplate`]: a topic filter with the client's identity in it.

use super::topic::{TopicError, TopicFilter};
use crate::brace_template::{self, BraceError, Part};
use crate::identity::Identity;

/// A topic filter with `{device-id}` or `{identity}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTemplate {
    source: Box<str>,
    parts: Vec<Part<Field>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    DeviceId,
    Identity,
}

/// Why a text is no topic template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicTemplateError {
    /// Something else between braces.
    #[error("{{{name}}} is no placeholder; there are {{device-id}} and {{identity}}")]
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
            _ => Err(TopicTemplateError::UnknownPlaceholder { name: name.to_owned() }),
        })
        .map_err(|error| match error {
            BraceError::Unclosed | BraceError::Unopened => TopicTemplateError::Brace,
            BraceError::Field(unknown) => unknown,
        })?;
        let template = Self { source: source.into(), parts };
        // The grammar of an identity has no character that means anything in a filter, so one example stands for all.
        TopicFilter::new(&template.fill("x", Some("x")).unwrap_or_default())?;
        Ok(template)
    }
}

impl TopicTemplate {
    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The filter for `identity`. `None` where it asks for a device id and the identity is none, or gets too long.
    pub(super) fn filter(&self, identity: &Identity) -> Option<TopicFilter<'static>> {
        let device_id = identity.device_id().map(|id| id.as_str());
        let text = self.fill(identity.as_str(), device_id)?;
        TopicFilter::new(&text).ok().map(TopicFilter::into_owned)
    }

    fn fill(&self, identity: &str, device_id: Option<&str>) -> Option<String> {
        let mut text = String::with_capacity(self.source.len());
        for part in &self.parts {
            text.push_str(match part {
                Part::Literal(literal) => literal,
                Part::Field(Field::Identity) => identity,
                Part::Field(Field::DeviceId) => device_id?,
            });
        }
        Some(text)
    }
}
