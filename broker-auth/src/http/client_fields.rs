//! [`ClientFields`]: the fields that tell an origin who the client is.

use std::collections::BTreeMap;

use authenticator::brace_template::{self, BraceError, Part};
use http::{HeaderName, HeaderValue};

use super::field_name::{Folded, is_framing};
use super::variable::{Facts, NotAVariable, Variable};

/// Under which names an origin is told who the client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldStyle {
    /// Azion's names.
    #[default]
    Azion,
    /// Application Gateway's names.
    AppGateway,
    /// `Client-Cert` (RFC 9440), for proven certificates alone.
    ClientCert,
    /// None.
    None,
}

use Variable as V;

const AZION: &[(&str, Variable)] = &[
    ("x-ssl-client-fingerprint", V::FingerprintSha1),
    ("x-ssl-client-escaped-cert", V::PemEscaped),
    ("x-ssl-client-cert", V::Pem),
    ("x-ssl-client-s-dn", V::Subject),
    ("x-ssl-client-s-dn-parsed", V::SubjectParts),
    ("x-ssl-client-i-dn", V::Issuer),
    ("x-ssl-client-serial", V::Serial),
    ("x-ssl-client-v-start", V::NotBefore),
    ("x-ssl-client-v-end", V::NotAfter),
    ("x-ssl-client-v-remain", V::DaysRemaining),
    ("x-ssl-client-verify", V::Verdict),
];

const APP_GATEWAY: &[(&str, Variable)] = &[
    ("x-client-certificate", V::PemEscaped),
    ("x-client-certificate-end-date", V::NotAfter),
    ("x-client-certificate-fingerprint", V::FingerprintSha1),
    ("x-client-certificate-issuer", V::Issuer),
    ("x-client-certificate-serial", V::Serial),
    ("x-client-certificate-start-date", V::NotBefore),
    ("x-client-certificate-subject", V::Subject),
    ("x-client-certificate-verification", V::Verdict),
];

const CLIENT_CERT: &[(&str, Variable)] = &[("client-cert", V::ByteSequence)];

/// What is set by other proxies for the same purpose: no client's own is handed on, whatever the style.
const OF_OTHERS: &[&str] = &["client-cert-chain", "x-ssl-cert", "ssl-client-cert", "x-real-ip"];

/// The fields that tell an origin who the client is. Nothing that a client sends under a name of any style gets through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientFields {
    style: FieldStyle,
    set: Vec<(HeaderName, Vec<Part<Variable>>)>,
}

/// Why a field cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientFieldsError {
    /// It is no name of a field.
    #[error("{0:?} is no name of a field")]
    Name(String),
    /// It has a meaning for the connection, or is set anyway.
    #[error("the field {0:?} belongs to the connection: choose another name")]
    Reserved(String),
    /// A server that takes `_` for `-` could not tell it from another one.
    #[error("the field {0:?} is set already, perhaps in another spelling")]
    Twice(String),
    /// A brace without its partner.
    #[error("{0:?} has a brace without its partner")]
    Brace(String),
    /// An unknown variable.
    #[error(transparent)]
    Variable(#[from] NotAVariable),
    /// Text between the variables that no field can hold.
    #[error("{0:?} has more than visible ASCII and spaces")]
    Text(String),
}

impl ClientFields {
    /// Fields of `style`, and those of `set`: templates with `{variables}`, by name.
    pub(crate) fn new(style: FieldStyle, set: &BTreeMap<String, String>) -> Result<Self, ClientFieldsError> {
        let mut fields = Self { style, set: Vec::new() };
        for (text, template) in set {
            let name =
                HeaderName::from_bytes(text.as_bytes()).map_err(|_| ClientFieldsError::Name(text.clone()))?;
            let folded = Folded::of(name.as_str());
            if is_framing(&folded) || folded.is_forwarded() {
                return Err(ClientFieldsError::Reserved(text.clone()));
            }
            let of_style = fields.of_style().iter().map(|(name, _)| *name);
            let mut taken = of_style.chain(fields.set.iter().map(|(name, _)| name.as_str()));
            if taken.any(|name| Folded::of(name) == folded) {
                return Err(ClientFieldsError::Twice(text.clone()));
            }
            let parts = brace_template::parse(template, |name| name.parse::<Variable>()).map_err(
                |error| match error {
                    BraceError::Field(error) => ClientFieldsError::Variable(error),
                    BraceError::Unclosed | BraceError::Unopened => ClientFieldsError::Brace(template.clone()),
                },
            )?;
            let is_clean = |part: &Part<Variable>| match part {
                Part::Literal(text) => text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()),
                Part::Field(_) => true,
            };
            if !parts.iter().all(is_clean) {
                return Err(ClientFieldsError::Text(template.clone()));
            }
            fields.set.push((name, parts));
        }
        Ok(fields)
    }

    fn of_style(&self) -> &'static [(&'static str, Variable)] {
        match self.style {
            FieldStyle::Azion => AZION,
            FieldStyle::AppGateway => APP_GATEWAY,
            FieldStyle::ClientCert => CLIENT_CERT,
            FieldStyle::None => &[],
        }
    }

    /// Whether a field of a client is dropped, because an origin would take it for one of ours.
    pub(super) fn are_called(&self, name: &Folded) -> bool {
        let of_styles = [AZION, APP_GATEWAY, CLIENT_CERT].into_iter().flatten().map(|(name, _)| *name);
        let mut ours =
            of_styles.chain(OF_OTHERS.iter().copied()).chain(self.set.iter().map(|(name, _)| name.as_str()));
        ours.any(|ours| Folded::of(ours) == *name)
    }

    /// The fields about one client. One with a variable that the client has none of is left out.
    pub(super) fn about(&self, facts: Facts<'_>) -> Vec<(HeaderName, HeaderValue)> {
        let of_style = self.of_style().iter().filter_map(|(name, variable)| {
            Some((HeaderName::from_static(name), HeaderValue::try_from(variable.value(facts)?).ok()?))
        });
        let set = self.set.iter().filter_map(|(name, parts)| {
            let mut text = String::new();
            for part in parts {
                match part {
                    Part::Literal(literal) => text.push_str(literal),
                    Part::Field(variable) => text.push_str(&variable.value(facts)?),
                }
            }
            Some((name.clone(), HeaderValue::try_from(text.trim()).ok()?))
        });
        of_style.chain(set).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(style: FieldStyle, name: &str, template: &str) -> Result<ClientFields, ClientFieldsError> {
        ClientFields::new(style, &BTreeMap::from([(name.to_owned(), template.to_owned())]))
    }

    #[test]
    fn names_that_an_origin_could_mistake_are_refused_or_dropped() {
        use ClientFieldsError::{Brace, Name, Reserved, Text, Twice, Variable};
        for (name, template) in [("x-device", "{identity}"), ("X_Device.Id", "a {serial} b")] {
            let fields = with(FieldStyle::Azion, name, template).unwrap();
            for spelling in
                ["x-ssl-client-verify", "X_SSL_CLIENT_VERIFY", "x.ssl-client_verify", "Client_Cert"]
            {
                assert!(fields.are_called(&Folded::of(spelling)), "{spelling}");
            }
            assert!(fields.are_called(&Folded::of(&name.replace('-', "_"))));
            assert!(!fields.are_called(&Folded::of("x-ssl-client")));
        }
        for name in
            ["Connection", "content_length", "HOST", "x-forwarded-for", "X_Forwarded_Host", "forwarded", "te"]
        {
            assert!(matches!(with(FieldStyle::None, name, ""), Err(Reserved(_))), "{name}");
        }
        assert!(matches!(with(FieldStyle::None, "a b", ""), Err(Name(_))));
        assert!(matches!(with(FieldStyle::Azion, "X-SSL_Client-Verify", ""), Err(Twice(_))));
        assert!(with(FieldStyle::None, "X-SSL_Client-Verify", "").is_ok());
        assert!(matches!(with(FieldStyle::None, "a", "{"), Err(Brace(_))));
        assert!(matches!(with(FieldStyle::None, "a", "{identiti}"), Err(Variable(_))));
        assert!(matches!(with(FieldStyle::None, "a", "x\r\ny: z"), Err(Text(_))));
        let two = ["a-b", "A_B"].map(|name| (name.to_owned(), String::new()));
        assert!(matches!(ClientFields::new(FieldStyle::None, &BTreeMap::from(two)), Err(Twice(_))));
    }
}
