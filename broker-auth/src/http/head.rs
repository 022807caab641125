//! [`RequestHead`]: the head of a request, read so strictly that no other server reads another one.

use std::fmt::Write;

use authenticator::http::{HttpMethod, RequestPath};
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue};

use super::authorization::Authorization;
use super::expected_host::ExpectedHost;
use super::head_fault::HeadFault;

/// The longest head, in bytes, with its empty line.
pub(super) const MAX_HEAD_LEN: usize = 16 * 1024;

/// The most fields.
const MAX_FIELDS: usize = 100;

/// A head that is longer than is read.
pub(super) const TOO_LARGE: HeadFault = HeadFault::TooLarge { max: MAX_HEAD_LEN, max_fields: MAX_FIELDS };

/// What hyper is given in place of a head that was refused, so that it answers.
pub(super) const REFUSED_FRAMING: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// The head of a request (RFC 9112 §2.1).
#[derive(Clone, Debug)]
pub(super) struct RequestHead {
    pub(super) method: HttpMethod,
    pub(super) path: RequestPath,
    /// What follows the question mark.
    pub(super) query: Option<Box<str>>,
    /// The value of Host.
    pub(super) host: HeaderValue,
    /// All fields, in order.
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: BodyFraming,
    expects_continue: bool,
    asks_to_close: bool,
}

/// How it is known where the body ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// So many bytes; none, if nothing is said.
    Length(u64),
    /// In chunks.
    Chunked,
}

impl RequestHead {
    /// Reads a head with its empty line, of a connection whose requests are for this host.
    pub(super) fn parse(head: &[u8], expected: &ExpectedHost) -> Result<Self, HeadFault> {
        let lines = head.strip_suffix(b"\r\n\r\n").ok_or(HeadFault::Line)?;
        if lines.len() + 4 > MAX_HEAD_LEN {
            return Err(TOO_LARGE);
        }
        let mut lines = Lines(Some(lines));
        let (method, path, query) = request_line(lines.next().ok_or(HeadFault::RequestLine)??)?;
        let mut fields = Vec::new();
        for line in lines {
            if fields.len() == MAX_FIELDS {
                return Err(TOO_LARGE);
            }
            fields.push(field(line?)?);
        }
        let values =
            |name: HeaderName| fields.iter().filter(move |(found, _)| *found == name).map(|(_, value)| value);
        if values(UPGRADE).next().is_some() {
            return Err(HeadFault::Upgrade);
        }
        let host = only(values(HOST)).ok_or(HeadFault::Host)?.ok_or(HeadFault::Host)?.clone();
        let name = host_of(&host).ok_or(HeadFault::Host)?;
        if !expected.is(name) {
            return Err(HeadFault::Misdirected);
        }
        let expects_continue = match only(values(EXPECT)).ok_or(HeadFault::Expect)? {
            Some(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => true,
            Some(_) => return Err(HeadFault::Expect),
            None => false,
        };
        let mut options = values(CONNECTION).flat_map(|value| value.as_bytes().split(|octet| *octet == b','));
        let asks_to_close = options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
        let body = body_framing(only(values(CONTENT_LENGTH)), only(values(TRANSFER_ENCODING)))?;
        Ok(Self { method, path, query, host, body, expects_continue, asks_to_close, fields })
    }

    /// What it shows beside the certificate of its client, if that is said once.
    pub(super) fn authorization(&self) -> Option<Authorization> {
        let values = self.fields.iter().filter(|(name, _)| *name == AUTHORIZATION);
        only(values.map(|(_, value)| value))?.and_then(Authorization::parse)
    }

    /// Whether no request follows it on its connection: the client says so, or its body is in chunks, whose end is found by
    /// another reader than the one that judges heads.
    pub(super) fn is_last(&self) -> bool {
        self.asks_to_close || self.body == BodyFraming::Chunked
    }

    /// Whether a body follows it.
    pub(super) fn has_body(&self) -> bool {
        self.body != BodyFraming::Length(0)
    }

    /// A head that says where the body ends, whether it is waited for and whether the connection goes on, and nothing else.
    pub(super) fn framing(&self) -> Vec<u8> {
        let mut head = format!("{} / HTTP/1.1\r\nhost: judged\r\n", self.method);
        match self.body {
            BodyFraming::Length(0) => {}
            BodyFraming::Length(length) => {
                // Writing to a String does not fail.
                let _ = write!(head, "content-length: {length}\r\n");
            }
            BodyFraming::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
        }
        if self.expects_continue {
            head.push_str("expect: 100-continue\r\n");
        }
        if self.is_last() {
            head.push_str("connection: close\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// Lines that end with CR LF. One with another CR, LF or control character is none.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], HeadFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.take()?;
        let line =
            match rest.windows(2).position(|pair| pair == b"\r\n").and_then(|end| rest.split_at_checked(end))
            {
                Some((line, after)) => {
                    self.0 = after.get(2..);
                    line
                }
                None => rest,
            };
        let is_clean = line.iter().all(|octet| *octet == b'\t' || !octet.is_ascii_control());
        Some(if is_clean { Ok(line) } else { Err(HeadFault::Line) })
    }
}

fn request_line(line: &[u8]) -> Result<(HttpMethod, RequestPath, Option<Box<str>>), HeadFault> {
    let line = std::str::from_utf8(line).map_err(|_| HeadFault::RequestLine)?;
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(HeadFault::RequestLine);
    };
    if version != "HTTP/1.1" {
        let is_version = version.strip_prefix("HTTP/").is_some_and(|number| !number.is_empty());
        return Err(if is_version { HeadFault::Version } else { HeadFault::RequestLine });
    }
    let method = method.parse().map_err(|_| HeadFault::Method)?;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = path.parse()?;
    if query.is_some_and(|query| !query.bytes().all(is_of_queries)) {
        return Err(HeadFault::Query);
    }
    Ok((method, path, query.map(Into::into)))
}

/// Visible ASCII without what ends a query or a URI (RFC 3986 §3.4, appendix C). Brackets and the like are common there.
fn is_of_queries(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"#\"<>\\^`".contains(&octet)
}

fn field(line: &[u8]) -> Result<(HeaderName, HeaderValue), HeadFault> {
    let colon = line.iter().position(|octet| *octet == b':').ok_or(HeadFault::Field)?;
    let (name, value) = line.split_at_checked(colon).ok_or(HeadFault::Field)?;
    let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
    let name = HeaderName::from_bytes(name).map_err(|_| HeadFault::Field)?;
    Ok((name, HeaderValue::from_bytes(value).map_err(|_| HeadFault::Field)?))
}

/// `None`: there are several.
fn only<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> Option<Option<&'a HeaderValue>> {
    let first = values.next();
    values.next().is_none().then_some(first)
}

/// The host of a Host field, without the port.
fn host_of(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let (host, port) = match text.strip_prefix('[') {
        Some(_) => {
            let end = text.find(']')? + 1;
            text.split_at_checked(end)?
        }
        None => text.split_at_checked(text.find(':').unwrap_or(text.len()))?,
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            (1..=5).contains(&port.len()) && port.bytes().all(|octet| octet.is_ascii_digit())
        });
    let is_host = match host.strip_prefix('[') {
        Some(rest) => {
            rest.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => {
            !host.is_empty()
                && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet))
        }
    };
    (is_port && is_host).then_some(host)
}

fn body_framing(
    length: Option<Option<&HeaderValue>>,
    coding: Option<Option<&HeaderValue>>,
) -> Result<BodyFraming, HeadFault> {
    match (length.ok_or(HeadFault::Length)?, coding.ok_or(HeadFault::TransferEncoding)?) {
        (Some(_), Some(_)) => Err(HeadFault::LengthTwice),
        (None, None) => Ok(BodyFraming::Length(0)),
        (None, Some(coding)) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(BodyFraming::Chunked)
        }
        (None, Some(_)) => Err(HeadFault::TransferEncoding),
        (Some(length), None) => {
            let text = length.to_str().map_err(|_| HeadFault::Length)?;
            // `u64::from_str` takes a plus sign.
            if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
                return Err(HeadFault::Length);
            }
            text.parse().map(BodyFraming::Length).map_err(|_| HeadFault::Length)
        }
    }
}

#[cfg(test)]
mod tests;
