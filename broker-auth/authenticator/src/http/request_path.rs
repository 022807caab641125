//! [`RequestPath`]: the path of a request that every origin reads alike.

use std::fmt;
use std::str::FromStr;

/// The path that says who the caller is, without an origin (RFC 8615).
pub const WHO_AM_I: &str = "/.well-known/countersign";

/// The longest path, in bytes.
const MAX_LEN: usize = 8 * 1024;

/// The path of a request (RFC 3986 §3.3), in a form that leaves an origin nothing to make of it: what one server takes for
/// a way up, a second separator or the end of the name is refused, escaped or not. Escapes of other characters are allowed,
/// and compared as what they stand for; what is handed on are the bytes that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    text: Box<str>,
    /// What stands between the slashes, unescaped; nothing for a slash at the end.
    segments: Vec<Box<str>>,
}

/// Why a text is not a path that is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It does not begin with a slash: an absolute form, `*`, or an authority (RFC 9112 §3.2).
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// It is longer than 8 KiB.
    #[error("the path is longer than {MAX_LEN} bytes")]
    TooLong,
    /// A byte that RFC 3986 has only escaped, a backslash among them.
    #[error("the path has the byte {0:#04x}, which does not stand in paths")]
    Octet(u8),
    /// A semicolon, behind which some servers see parameters, and others a part of the name.
    #[error("the path has a semicolon")]
    Parameter,
    /// Two slashes side by side.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..`
    #[error("the path has a dot segment")]
    DotSegment,
    /// A percent sign without two hexadecimal digits.
    #[error("the path has a percent sign that escapes nothing")]
    Escape,
    /// The escape of a character that must not hide: `/ \ . ; %`, or a control character.
    #[error("the path has the escape of {0:#04x}")]
    Hidden(u8),
    /// Escapes that are not UTF-8.
    #[error("the path has escapes that are not UTF-8")]
    NotText,
}

impl RequestPath {
    /// The bytes that were judged, and that are handed on.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is this path or lies below it, by whole segments: `/a` has `/a`, `/a/` and `/a/b`, and not `/ab`.
    pub fn is_within(&self, prefix: &Self) -> bool {
        self.segments.starts_with(&prefix.segments)
    }

    /// How many segments it has; of two prefixes of one path, the one with more is the longer.
    pub(super) fn depth(&self) -> usize {
        self.segments.len()
    }

    /// Whether it asks who the caller is.
    pub fn is_who_am_i(&self) -> bool {
        self.segments.iter().map(|segment| &**segment).eq(WHO_AM_I.split('/').skip(1))
    }
}

impl FromStr for RequestPath {
    type Err = PathFault;

    fn from_str(text: &str) -> Result<Self, PathFault> {
        if text.len() > MAX_LEN {
            return Err(PathFault::TooLong);
        }
        let below = text.strip_prefix('/').ok_or(PathFault::NotAbsolute)?;
        let mut segments = below.split('/').map(unescaped).collect::<Result<Vec<_>, _>>()?;
        // A slash at the end is no segment.
        segments.pop_if(|last| last.is_empty());
        if segments.iter().any(|segment| segment.is_empty()) {
            return Err(PathFault::EmptySegment);
        }
        Ok(Self { text: text.into(), segments })
    }
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What a segment stands for.
fn unescaped(segment: &str) -> Result<Box<str>, PathFault> {
    if segment == "." || segment == ".." {
        return Err(PathFault::DotSegment);
    }
    let mut octets = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => escape(rest.next(), rest.next())?,
            b';' => return Err(PathFault::Parameter),
            octet if is_of_paths(octet) => octet,
            octet => return Err(PathFault::Octet(octet)),
        });
    }
    String::from_utf8(octets).map(Into::into).map_err(|_| PathFault::NotText)
}

/// The byte that two hexadecimal digits stand for.
fn escape(high: Option<u8>, low: Option<u8>) -> Result<u8, PathFault> {
    let digit = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
    let octet = digit(high).zip(digit(low)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
    match octet.ok_or(PathFault::Escape)? {
        octet if octet.is_ascii_control() || b"/\\.;%".contains(&octet) => Err(PathFault::Hidden(octet)),
        octet => Ok(octet),
    }
}

/// `pchar` (RFC 3986 §3.3) without the escapes and the semicolon.
fn is_of_paths(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&octet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> RequestPath {
        text.parse().unwrap()
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        use PathFault::{
            DotSegment, EmptySegment, Escape, Hidden, NotAbsolute, NotText, Octet, Parameter, TooLong,
        };
        for (text, fault) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("a", NotAbsolute),
            ("http://a/", NotAbsolute),
            ("//", EmptySegment),
            ("//a", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a//", EmptySegment),
            ("/.", DotSegment),
            ("/..", DotSegment),
            ("/a/../b", DotSegment),
            ("/a/./b", DotSegment),
            ("/a/..", DotSegment),
            ("/..%2f", Hidden(b'/')),
            ("/a%2Fb", Hidden(b'/')),
            ("/a%5cb", Hidden(b'\\')),
            ("/a\\b", Octet(b'\\')),
            ("/%2e%2e/a", Hidden(b'.')),
            ("/a%2Etxt", Hidden(b'.')),
            ("/%252e", Hidden(b'%')),
            ("/a%00", Hidden(0)),
            ("/a%0d%0a", Hidden(b'\r')),
            ("/a%7f", Hidden(0x7f)),
            ("/a;b", Parameter),
            ("/..;/a", Parameter),
            ("/a%3bb", Hidden(b';')),
            ("/a%", Escape),
            ("/a%2", Escape),
            ("/a%2/b", Escape),
            ("/a%zz", Escape),
            ("/a%u002f", Escape),
            ("/%c0%af", NotText),
            ("/%ff", NotText),
            ("/a b", Octet(b' ')),
            ("/a\"b", Octet(b'"')),
            ("/a#b", Octet(b'#')),
            ("/a?b", Octet(b'?')),
            ("/a\u{e9}", Octet(0xc3)),
            ("/a\0", Octet(0)),
        ] {
            assert_eq!(text.parse::<RequestPath>(), Err(fault), "{text:?}");
        }
        assert_eq!(format!("/{}", "a".repeat(MAX_LEN)).parse::<RequestPath>(), Err(TooLong));
        for text in ["/", "/a", "/a/", "/a.b/c..d", "/...", "/%61", "/%C3%A9", "/a%20b", "/~!$&'()*+,=:@-_"] {
            assert_eq!(path(text).as_str(), text);
        }
    }

    #[test]
    fn prefixes_are_whole_segments_and_escapes_hide_nothing() {
        for (text, prefix, within) in [
            ("/firmware", "/firmware", true),
            ("/firmware/", "/firmware", true),
            ("/firmware", "/firmware/", true),
            ("/firmware/x", "/firmware", true),
            ("/firmwarex", "/firmware", false),
            ("/Firmware", "/firmware", false),
            ("/%66irmware/x", "/firmware", true),
            ("/firmware", "/%66irmware", true),
            ("/", "/", true),
            ("/a", "/", true),
            ("/", "/a", false),
            ("/a", "/a/b", false),
        ] {
            assert_eq!(path(text).is_within(&path(prefix)), within, "{text} {prefix}");
        }
        assert!(path(WHO_AM_I).is_who_am_i() && path("/.well-known/%63ountersign").is_who_am_i());
        assert!(!path("/.well-known/countersign/a").is_who_am_i() && !path("/.well-known").is_who_am_i());
    }

    proptest! {
        /// Whatever is accepted keeps its bytes, and no unescaping, done once or twice, makes it climb or split.
        #[test]
        fn no_unescaping_of_what_is_accepted_changes_its_shape(text in "/([a-c/.%;\\\\]|%2[ef5]|%5c|%25|%c3%a9){0,12}") {
            let Ok(path) = text.parse::<RequestPath>() else { return Ok(()) };
            prop_assert_eq!(path.as_str(), &text);
            let decode = |text: &[u8]| {
                let mut decoded = Vec::new();
                let mut rest = text;
                while let Some((first, after)) = rest.split_first() {
                    let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                    match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                        Some(octet) if *first == b'%' => {
                            decoded.push(octet);
                            rest = &after[2..];
                        }
                        _ => {
                            decoded.push(*first);
                            rest = after;
                        }
                    }
                }
                decoded
            };
            let once = decode(text.as_bytes());
            prop_assert_eq!(&decode(&once), &once);
            let slashes = |octets: &[u8]| octets.iter().filter(|octet| b"/\\".contains(octet)).count();
            prop_assert_eq!(slashes(&once), slashes(text.as_bytes()));
            prop_assert!(once.split(|octet| *octet == b'/').all(|segment| segment != b"." && segment != b".."));
        }
    }
}
