//! Distinguished names (RFC 5280 §4.1.2.4): compared as bytes, read only for a device's common name.

use device_identity::{DeviceId, SubjectError};

use super::CertificateError;
use super::der::{Element, Reader, tag};
use super::oid;

/// A `Name`, checked to be a well-formed `RDNSequence`.
///
/// Two names are equal when their bytes are. RFC 5280 §7.1 would also call `Acme` and `ACME` equal; a CA of ours
/// copies its subject into what it issues, so anything else is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    der: &'a [u8],
}

impl<'a> Name<'a> {
    pub(super) fn read(from: &mut Reader<'a>) -> Result<Self, CertificateError> {
        let name = from.expect(tag::SEQUENCE)?;
        let mut rdns = Reader::new(name.content);
        while !rdns.is_empty() {
            let mut attributes = Reader::new(rdns.expect(tag::SET)?.content);
            loop {
                read_attribute(&mut attributes)?;
                if attributes.is_empty() {
                    break;
                }
            }
        }
        Ok(Self { der: name.whole })
    }

    /// The whole `Name`, DER.
    pub const fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Whether it has no attribute, so that it identifies no subject.
    pub(super) fn is_empty(&self) -> bool {
        self.der.len() <= 2
    }

    /// The device this name, as the subject of a certificate, names: exactly one common name, and a device id.
    pub fn device_id(&self) -> Result<DeviceId, SubjectError> {
        // A common name that is no text is no device's either, and must not hide behind another that is.
        DeviceId::from_common_names(self.common_names().map(Option::unwrap_or_default))
    }

    /// The values of all CN attributes; `None` for one that is neither UTF8String nor PrintableString.
    fn common_names(&self) -> impl Iterator<Item = Option<&'a str>> {
        let mut rdns = Reader::new(self.der).sequence().unwrap_or(Reader::new(&[]));
        let mut attributes = Reader::new(&[]);
        core::iter::from_fn(move || {
            loop {
                if attributes.is_empty() {
                    attributes = Reader::new(rdns.expect(tag::SET).ok()?.content);
                }
                let (kind, value) = read_attribute(&mut attributes).ok()?;
                if kind == oid::COMMON_NAME {
                    return Some(text(value));
                }
            }
        })
    }
}

fn read_attribute<'a>(from: &mut Reader<'a>) -> Result<(&'a [u8], Element<'a>), CertificateError> {
    let mut attribute = from.sequence()?;
    let kind = attribute.object_identifier()?;
    let value = attribute.element()?;
    attribute.end()?;
    Ok((kind, value))
}

fn text(value: Element<'_>) -> Option<&str> {
    match value.tag {
        tag::UTF8_STRING | tag::PRINTABLE_STRING => core::str::from_utf8(value.content).ok(),
        _ => None,
    }
}
