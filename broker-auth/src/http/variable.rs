//! [`Variable`]: what an origin can be told of a client.

use std::fmt::Write;
use std::str::FromStr;

use authenticator::certificate::{PeerCertificate, timestamp};
use authenticator::identity::Client;
use authenticator::policy::Permit;
use authenticator::record::DecisionId;
use broker_rules::certificate_text::{escaped_pem, pem};
use broker_rules::clock::seconds_until;
use data_encoding::BASE64;
use rustls_pki_types::UnixTime;

/// Something that an origin can be told of a client. What `explain --json` has under the same name, with underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Identity,
    DeviceId,
    Namespace,
    Trust,
    Policy,
    Verdict,
    Subject,
    SubjectParts,
    Issuer,
    Serial,
    FingerprintSha256,
    FingerprintSha1,
    NotBefore,
    NotAfter,
    SecondsRemaining,
    DaysRemaining,
    Pem,
    PemEscaped,
    ByteSequence,
    DecisionId,
}

/// A word that names no variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no variable; the nearest is {nearest:?}")]
pub(crate) struct NotAVariable {
    name: String,
    nearest: &'static str,
}

/// What variables are filled from.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) permit: &'a Permit,
    pub(super) decision: DecisionId,
    pub(super) now: UnixTime,
}

/// The variables that templates have.
const NAMES: [(&str, Variable); 16] = [
    ("identity", Variable::Identity),
    ("device-id", Variable::DeviceId),
    ("namespace", Variable::Namespace),
    ("trust", Variable::Trust),
    ("policy", Variable::Policy),
    ("verdict", Variable::Verdict),
    ("subject", Variable::Subject),
    ("issuer", Variable::Issuer),
    ("serial", Variable::Serial),
    ("fingerprint-sha256", Variable::FingerprintSha256),
    ("fingerprint-sha1", Variable::FingerprintSha1),
    ("not-before", Variable::NotBefore),
    ("not-after", Variable::NotAfter),
    ("seconds-remaining", Variable::SecondsRemaining),
    ("pem-escaped", Variable::PemEscaped),
    ("decision-id", Variable::DecisionId),
];

impl FromStr for Variable {
    type Err = NotAVariable;

    fn from_str(name: &str) -> Result<Self, NotAVariable> {
        if let Some((_, variable)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(*variable);
        }
        let likeness = |known: &str| strsim::jaro_winkler(known, name);
        let nearest = NAMES.iter().map(|(known, _)| *known);
        let nearest = nearest.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        Err(NotAVariable { name: name.to_owned(), nearest: nearest.unwrap_or_default() })
    }
}

impl Variable {
    /// Its value, of visible ASCII and spaces within. `None`: the client has none.
    pub(super) fn value(self, facts: Facts<'_>) -> Option<String> {
        let client = facts.permit.client();
        let of_certificate =
            |text: fn(&PeerCertificate) -> String| client.certificate().map(text).map(|text| visible(&text));
        let remaining = || client.certificate().map(|leaf| seconds_until(leaf.not_after(), facts.now));
        match self {
            Self::Identity => Some(client.identity().name().to_owned()),
            Self::DeviceId => client.identity().device_id().map(|id| id.as_str().to_owned()),
            Self::Namespace => Some(client.identity().namespace().to_string()),
            Self::Trust => client.trust_name().map(|trust| visible(trust.as_str())),
            Self::Policy => Some(visible(facts.permit.policy_name())),
            Self::Verdict => Some(client.verdict().to_string()),
            Self::Subject => of_certificate(|leaf| leaf.subject().to_string()),
            Self::SubjectParts => {
                of_certificate(|leaf| leaf.subject().to_string()).map(|subject| subject_parts(&subject))
            }
            Self::Issuer => of_certificate(|leaf| leaf.issuer().to_string()),
            Self::Serial => of_certificate(|leaf| leaf.serial().to_string()),
            Self::FingerprintSha256 => of_certificate(|leaf| leaf.fingerprint_sha256().to_string()),
            Self::FingerprintSha1 => of_certificate(PeerCertificate::fingerprint_sha1),
            Self::NotBefore => of_certificate(|leaf| timestamp(leaf.not_before())),
            Self::NotAfter => of_certificate(|leaf| timestamp(leaf.not_after())),
            Self::SecondsRemaining => remaining().map(|seconds| seconds.to_string()),
            Self::DaysRemaining => remaining().map(|seconds| seconds.div_euclid(86_400).to_string()),
            Self::Pem => client.certificate().map(|leaf| pem(leaf.der()).trim_end().replace('\n', " ")),
            Self::PemEscaped => client.certificate().map(|leaf| escaped_pem(leaf.der())),
            // An origin takes Client-Cert for proven (RFC 9440 §2.1), so nobody else's is told by it.
            Self::ByteSequence => match client {
                Client::Verified(client) => Some(format!(":{}:", BASE64.encode(client.certificate().der()))),
                Client::Unproven(_) => None,
            },
            Self::DecisionId => Some(facts.decision.to_string()),
        }
    }
}

/// The parts of a subject side by side, as `TYPE=value; TYPE=value`, the most specific first.
fn subject_parts(subject: &str) -> String {
    let mut parts = String::new();
    let mut escaped = false;
    for character in subject.chars() {
        match character {
            ',' if !escaped => parts.push_str("; "),
            ';' => parts.push_str("%3B"),
            other => parts.push(other),
        }
        escaped = character == '\\' && !escaped;
    }
    parts
}

/// Text that a field can hold (RFC 9110 §5.5): what is not visible ASCII is percent-encoded, and so is the percent sign; a
/// space stays where it is not the first or last character.
pub(super) fn visible(text: &str) -> String {
    let mut visible = String::new();
    let last = text.len().saturating_sub(1);
    for (place, octet) in text.bytes().enumerate() {
        let stays = match octet {
            b'%' => false,
            b' ' => place > 0 && place < last,
            octet => octet.is_ascii_graphic(),
        };
        if stays {
            visible.push(char::from(octet));
        } else {
            // Writing to a String does not fail.
            let _ = write!(visible, "%{octet:02X}");
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_visible_ascii_and_can_be_told_apart() {
        for (text, wanted) in [
            ("CN=pump 1,O=Acme", "CN=pump 1,O=Acme"),
            (" a ", "%20a%20"),
            ("a\r\nx: y", "a%0D%0Ax: y"),
            ("\u{e9}", "%C3%A9"),
            ("100%", "100%25"),
            ("a\tb\0\u{7f}", "a%09b%00%7F"),
            ("", ""),
            (" ", "%20"),
        ] {
            assert_eq!(visible(text), wanted, "{text:?}");
        }
        assert_eq!(subject_parts("CN=a\\,b;c,O=Acme"), "CN=a\\,b%3Bc; O=Acme");
    }

    #[test]
    fn an_unknown_variable_is_told_with_the_nearest() {
        let error = "fingerprint_sha256".parse::<Variable>().unwrap_err();
        assert_eq!(error.nearest, "fingerprint-sha256");
        for (name, variable) in NAMES {
            assert_eq!(name.parse(), Ok(variable));
        }
    }
}
