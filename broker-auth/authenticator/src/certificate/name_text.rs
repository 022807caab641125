//! [`NameText`]: a distinguished name as people write it.

use std::fmt;
use std::str::FromStr;

use certificate_path::DistinguishedName;

/// A distinguished name in the form of RFC 4514, as `explain` prints it: the most specific part first. Spaces around commas
/// and equals signs, and the case of attribute types, make no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameText(Box<str>);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no distinguished name: TYPE=value, TYPE=value, the most specific first, as `explain` prints it"
)]
pub struct NotAName;

impl NameText {
    /// Whether it is the name `name`, to the letter.
    pub fn is(&self, name: &DistinguishedName) -> bool {
        normal(&name.to_string()).as_deref() == Some(&*self.0)
    }
}

impl FromStr for NameText {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        normal(text).map(|normal| Self(normal.into())).ok_or(NotAName)
    }
}

impl fmt::Display for NameText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The same without what makes no difference.
fn normal(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in split(text) {
        let (attribute, value) = part.split_once('=')?;
        let (attribute, value) = (attribute.trim(), trimmed(value));
        if attribute.is_empty() || value.is_empty() {
            return None;
        }
        parts.push(format!("{}={value}", attribute.to_ascii_uppercase()));
    }
    Some(parts.join(","))
}

/// Splits at commas that no backslash stands before.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut escaped) = (Vec::new(), 0, false);
    for (place, character) in text.char_indices() {
        match character {
            ',' if !escaped => {
                parts.push(text.get(begin..place).unwrap_or_default());
                begin = place + 1;
            }
            _ => {}
        }
        escaped = character == '\\' && !escaped;
    }
    parts.push(text.get(begin..).unwrap_or_default());
    parts
}

/// Without spaces around it; one that a backslash stands before belongs to the value.
fn trimmed(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let short = value.trim_end_matches(' ');
    if short.ends_with('\\') && short.len() < value.len() {
        value.get(..short.len() + 1).unwrap_or(short)
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_difference_makes_none_and_the_rest_does() {
        let text = |text: &str| text.parse::<NameText>().unwrap();
        for same in ["CN=Acme CA,O=Acme", "cn = Acme CA, o = Acme", " CN=Acme CA , O=Acme "] {
            assert_eq!(text(same), text("CN=Acme CA,O=Acme"), "{same:?}");
        }
        for other in ["O=Acme,CN=Acme CA", "CN=acme CA,O=Acme", "CN=Acme CA", "CN=Acme CA,O=Acme,C=DE"] {
            assert_ne!(text(other), text("CN=Acme CA,O=Acme"), "{other:?}");
        }
        assert_eq!(text("CN=a\\,b , O=c\\ ").to_string(), "CN=a\\,b,O=c\\ ");
        for none in ["", "CN", "CN=", "=x", "CN=a,,O=b", "CN=a,"] {
            assert_eq!(none.parse::<NameText>(), Err(NotAName), "{none:?}");
        }
    }
}
