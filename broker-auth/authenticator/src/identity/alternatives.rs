//! [`Alternatives`]: several ways to read an identity, in order.

use std::str::FromStr;

use super::template::{NoValue, Pattern, Template, TemplateError};
use crate::certificate::PeerCertificate;

/// How an identity is read: by the first alternative that the certificate has the fields for. A field that it has several
/// times, or in a form that must not be used, refuses; no other alternative makes up for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternatives(Vec<Alternative>);

/// One way to read an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// What is read.
    pub template: Template,
    /// What of it is taken, if not all.
    pub pattern: Option<Pattern>,
}

impl Alternatives {
    /// These, in order.
    pub fn new(alternatives: Vec<Alternative>) -> Self {
        Self(alternatives)
    }

    /// The text for `certificate`; the error says why there is none.
    pub(super) fn expand(&self, certificate: &PeerCertificate) -> Result<String, String> {
        let mut absent = Vec::new();
        for alternative in &self.0 {
            match alternative.expand(certificate) {
                Ok(text) => return Ok(text),
                Err(NoValue::Absent(evidence)) => absent.push(evidence),
                Err(NoValue::Unfit(evidence)) => return Err(evidence),
            }
        }
        Err(absent.join("; "))
    }
}

impl Alternative {
    fn expand(&self, certificate: &PeerCertificate) -> Result<String, NoValue> {
        let text = self.template.expand(certificate)?;
        match &self.pattern {
            None => Ok(text),
            Some(pattern) => pattern.take(&text).map(str::to_owned).ok_or_else(|| {
                NoValue::Absent(format!(
                    "{text:?} of {:?} does not match the pattern",
                    self.template.as_str()
                ))
            }),
        }
    }
}

impl From<Template> for Alternatives {
    fn from(template: Template) -> Self {
        Self(vec![Alternative { template, pattern: None }])
    }
}

impl FromStr for Alternatives {
    type Err = TemplateError;

    fn from_str(source: &str) -> Result<Self, TemplateError> {
        source.parse::<Template>().map(Self::from)
    }
}

/// How identities are read: `[identity]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityTemplate {
    /// How a device's id is read from the certificates of a trust with role `device`.
    pub device_id: Alternatives,
    /// How a service's name is read from the certificates of a trust with role `service`.
    pub service_name: Alternatives,
}

impl Default for IdentityTemplate {
    /// The common name, which is what the factory writes.
    fn default() -> Self {
        let common_name = Alternatives::from(Template::common_name());
        Self { device_id: common_name.clone(), service_name: common_name }
    }
}
