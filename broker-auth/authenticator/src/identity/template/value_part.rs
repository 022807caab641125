//! [`ValuePart`]: the part of a value that a template takes, as in `{SAN:email|local-part}`.
//!
//! Two certificates whose values share that part are one device, so a value is taken apart in one way or not at all:
//! whatever could be read in two ways refuses.

use std::borrow::Cow;
use std::str::FromStr;

use data_encoding::HEXLOWER;

/// The part of a value that a template takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValuePart {
    /// What stands before the only `@` of an address.
    LocalPart,
    /// What follows the last `/` of a path, or the last `:` of a URN without one.
    LastSegment,
    /// The text that the octets of a value in hex are: letters, digits, punctuation.
    Text,
}

/// A text that is the name of no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnknownPart;

/// Why a value does not have the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPart {
    #[error("it has a control character")]
    Control,
    #[error("an address has exactly one @, and this has {count}")]
    At { count: usize },
    #[error("an address has something on both sides of its @")]
    HalfAddress,
    #[error("a query or a fragment (? or #) follows its path")]
    AfterPath,
    #[error("it is percent-encoded, and one name must not have two spellings")]
    PercentEncoded,
    #[error("it has no path, and is no URN (RFC 8141)")]
    NoPath,
    #[error("its last segment is empty")]
    EmptySegment,
    #[error("its octets are no ASCII text without spaces")]
    NoText,
}

impl FromStr for ValuePart {
    type Err = UnknownPart;

    fn from_str(name: &str) -> Result<Self, UnknownPart> {
        match name {
            "local-part" => Ok(Self::LocalPart),
            "last-segment" => Ok(Self::LastSegment),
            "text" => Ok(Self::Text),
            _ => Err(UnknownPart),
        }
    }
}

impl ValuePart {
    /// The word in templates.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::LocalPart => "local-part",
            Self::LastSegment => "last-segment",
            Self::Text => "text",
        }
    }

    /// What has such a part, for people.
    pub(super) fn found_in(self) -> &'static str {
        match self {
            Self::LocalPart => {
                "{SAN:email}, {emailAddress}, and attributes that hold an address, such as {CN}"
            }
            Self::LastSegment => "{SAN:URI}, and attributes that hold a URI or a path, such as {CN}",
            Self::Text => "{SAN:hwSerialNum}",
        }
    }

    /// This part of `value`. Letters keep their case.
    pub(super) fn of(self, value: &str) -> Result<Cow<'_, str>, NoPart> {
        // What is left out must not end the value for anyone who reads it (NUL), or hide in a log.
        if value.chars().any(char::is_control) {
            return Err(NoPart::Control);
        }
        match self {
            Self::LocalPart => local_part(value).map(Cow::Borrowed),
            Self::LastSegment => last_segment(value).map(Cow::Borrowed),
            Self::Text => text(value).map(Cow::Owned),
        }
    }
}

fn local_part(address: &str) -> Result<&str, NoPart> {
    let mut sides = address.split('@');
    let (Some(local), Some(domain), None) = (sides.next(), sides.next(), sides.next()) else {
        return Err(NoPart::At { count: address.matches('@').count() });
    };
    if local.is_empty() || domain.is_empty() { Err(NoPart::HalfAddress) } else { Ok(local) }
}

fn text(hex: &str) -> Result<String, NoPart> {
    let octets = HEXLOWER.decode(hex.as_bytes()).map_err(|_| NoPart::NoText)?;
    if !octets.iter().all(u8::is_ascii_graphic) {
        return Err(NoPart::NoText);
    }
    String::from_utf8(octets).map_err(|_| NoPart::NoText)
}

fn last_segment(text: &str) -> Result<&str, NoPart> {
    if text.contains(['?', '#']) {
        return Err(NoPart::AfterPath);
    }
    if text.contains('%') {
        return Err(NoPart::PercentEncoded);
    }
    let segment = match after_urn(text) {
        // The namespace is no part of the name within it.
        Some(rest) => {
            let (namespace, name) = rest.split_once(':').ok_or(NoPart::NoPath)?;
            if namespace.is_empty() {
                return Err(NoPart::NoPath);
            }
            name.rsplit_once('/').or_else(|| name.rsplit_once(':')).map_or(name, |(_, segment)| segment)
        }
        None => {
            // A host is no segment of the path (RFC 3986 §3.2).
            let path = match text.split_once("//") {
                Some((_, authority)) => authority.find('/').and_then(|at| authority.get(at..)),
                None => Some(text),
            };
            path.and_then(|path| path.rsplit_once('/')).ok_or(NoPart::NoPath)?.1
        }
    };
    if segment.is_empty() { Err(NoPart::EmptySegment) } else { Ok(segment) }
}

/// What follows `urn:`, which may be written in capitals (RFC 8141 §3.1).
fn after_urn(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("urn").then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn local_part_of(value: &str) -> Result<String, NoPart> {
        ValuePart::LocalPart.of(value).map(Cow::into_owned)
    }

    fn last_segment_of(value: &str) -> Result<String, NoPart> {
        ValuePart::LastSegment.of(value).map(Cow::into_owned)
    }

    #[test]
    fn the_local_part_is_what_stands_before_the_only_at() {
        let part = local_part_of;
        for (address, local) in [
            ("pump-1@acme.test", "pump-1"),
            ("PUMP-1@acme.test", "PUMP-1"),
            ("a@b", "a"),
            ("pump-1@[IPv6:2001:db8::1]", "pump-1"),
            ("Pump 1@acme.test", "Pump 1"),
        ] {
            assert_eq!(part(address), Ok(local.to_owned()), "{address}");
        }
        for (address, fault) in [
            ("", NoPart::At { count: 0 }),
            ("pump-1", NoPart::At { count: 0 }),
            ("pump-1\u{ff20}acme.test", NoPart::At { count: 0 }),
            ("pump-1@evil@acme.test", NoPart::At { count: 2 }),
            ("\"pump-1@evil\"@acme.test", NoPart::At { count: 2 }),
            ("@@", NoPart::At { count: 2 }),
            ("@", NoPart::HalfAddress),
            ("@acme.test", NoPart::HalfAddress),
            ("pump-1@", NoPart::HalfAddress),
            ("pump-1\0@acme.test", NoPart::Control),
            ("pump-1@acme.test\0.evil.test", NoPart::Control),
            ("pump-1@acme.test\n", NoPart::Control),
        ] {
            assert_eq!(part(address), Err(fault), "{address:?}");
        }
    }

    #[test]
    fn the_last_segment_is_what_follows_the_last_slash_or_the_last_colon_of_a_urn() {
        let part = last_segment_of;
        for (text, segment) in [
            ("https://acme.test/devices/pump-1", "pump-1"),
            ("https://acme.test/Pump-1", "Pump-1"),
            ("spiffe://acme.test/hall-3/pump-1", "pump-1"),
            ("coap://[2001:db8::1]:5683/pump-1", "pump-1"),
            ("https://acme.test/a//pump-1", "pump-1"),
            ("file:///pump-1", "pump-1"),
            ("https://acme.test/urn:x:pump-1", "urn:x:pump-1"),
            ("hall-3/pump-1", "pump-1"),
            ("/pump-1", "pump-1"),
            ("urn:dev:mac:0024befffe804ff1", "0024befffe804ff1"),
            ("URN:dev:mac:0024befffe804ff1", "0024befffe804ff1"),
            ("urn:acme:pump-1", "pump-1"),
            ("urn:acme:hall-3/pump-1", "pump-1"),
            ("urn:acme:hall-3/dev:pump-1", "dev:pump-1"),
        ] {
            assert_eq!(part(text), Ok(segment.to_owned()), "{text}");
        }
        for (text, fault) in [
            ("", NoPart::NoPath),
            ("pump-1", NoPart::NoPath),
            ("https://pump-1", NoPart::NoPath),
            ("//pump-1", NoPart::NoPath),
            ("tag:acme.test,2030:pump-1", NoPart::NoPath),
            ("mailto:pump-1@acme.test", NoPart::NoPath),
            ("urn:pump-1", NoPart::NoPath),
            ("urn::pump-1", NoPart::NoPath),
            ("urn:acme:", NoPart::EmptySegment),
            ("urn:acme:pump-1:", NoPart::EmptySegment),
            ("urn:acme:pump-1/", NoPart::EmptySegment),
            ("https://acme.test/pump-1/", NoPart::EmptySegment),
            ("https://acme.test/", NoPart::EmptySegment),
            ("https://acme.test/pump-1?", NoPart::AfterPath),
            ("https://acme.test/a?b=/pump-1", NoPart::AfterPath),
            ("https://acme.test/a#/pump-1", NoPart::AfterPath),
            ("https://acme.test/pump%2D1", NoPart::PercentEncoded),
            ("https://acme.test/%61/pump-1", NoPart::PercentEncoded),
            ("https://acme.test/a\0/pump-1", NoPart::Control),
            ("https://acme.test\u{2215}pump-1", NoPart::NoPath),
        ] {
            assert_eq!(part(text), Err(fault), "{text:?}");
        }
    }

    proptest! {
        /// What is taken is there, once, at its end of the value, and nothing is changed about it.
        #[test]
        fn a_part_is_a_whole_end_of_the_value(value in "[a-b@:/?#%]{0,6}|urn:[a-b:/]{0,6}|[a-b]{1,2}://[a-b/]{0,6}|\\PC{0,8}") {
            if let Ok(local) = local_part_of(&value) {
                let domain = value.strip_prefix(local.as_str()).and_then(|rest| rest.strip_prefix('@'));
                prop_assert!(domain.is_some_and(|domain| !domain.is_empty() && !domain.contains('@')), "{}", value);
                prop_assert!(!local.is_empty() && !local.contains('@'));
            }
            if let Ok(segment) = last_segment_of(&value) {
                let before = value.strip_suffix(segment.as_str());
                prop_assert!(before.is_some_and(|before| before.ends_with(['/', ':'])), "{}", value);
                prop_assert!(!segment.is_empty() && !segment.contains(['/', '?', '#', '%']), "{}", value);
                let colon_ends_it = before.is_some_and(|before| before.ends_with(':'));
                prop_assert!(!colon_ends_it || value.to_ascii_lowercase().starts_with("urn:"), "{}", value);
            }
        }
    }
}
