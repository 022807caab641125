//! [`CertificateField`]: a part of a certificate, for conditions on its values.

use std::str::FromStr;

use super::error::TemplateError;
use super::field::Field;
use crate::certificate::PeerCertificate;

/// A part of a certificate, named as in templates: `CN`, `issuer:O`, `SAN:DNS`, `2.5.4.97`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateField(Field);

impl FromStr for CertificateField {
    type Err = TemplateError;

    fn from_str(name: &str) -> Result<Self, TemplateError> {
        name.parse().map(Self)
    }
}

impl CertificateField {
    /// Whether `certificate` has one of `wanted`, to the letter. Of a field that it has several times, any counts.
    pub(crate) fn has_any(&self, certificate: &PeerCertificate, wanted: &[Box<str>]) -> bool {
        let values = self.0.values(certificate);
        values.iter().flatten().any(|value| wanted.iter().any(|wanted| **wanted == **value))
    }
}
