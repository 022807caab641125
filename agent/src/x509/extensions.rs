//! Extensions (RFC 5280 §4.2): each at most once, and nothing critical that is not understood.

use super::CertificateError;
use super::der::{DerError, Reader, tag};
use super::oid;
use super::subject_alt_name::SubjectAltName;

/// What the extensions of a certificate say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extensions<'a> {
    pub(super) constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    /// `None` without an extendedKeyUsage.
    pub(super) purposes: Option<Purposes>,
    pub(super) subject_alt_name: Option<SubjectAltName<'a>>,
}

/// basicConstraints (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug)]
pub(super) struct BasicConstraints {
    pub(super) critical: bool,
    pub(super) ca: bool,
    pub(super) path_len: Option<u8>,
}

/// keyUsage (RFC 5280 §4.2.1.3), its first eight bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyUsage(u8);

/// extendedKeyUsage (RFC 5280 §4.2.1.12), as far as TLS has a use for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Purposes {
    pub(super) server_auth: bool,
    pub(super) client_auth: bool,
}

impl KeyUsage {
    pub(super) const fn digital_signature(self) -> bool {
        self.0 & 0x80 != 0
    }

    pub(super) const fn key_cert_sign(self) -> bool {
        self.0 & 0x04 != 0
    }
}

impl<'a> Extensions<'a> {
    /// Reads a non-empty SEQUENCE OF Extension.
    pub(super) fn read(list: Reader<'a>) -> Result<Self, CertificateError> {
        let mut found = Self::default();
        let mut rest = list;
        loop {
            let before = rest;
            let (id, critical, value) = read_one(&mut rest)?;
            if occurs_before(list, before, id)? {
                return Err(CertificateError::DuplicateExtension);
            }
            let mut value = Reader::new(value);
            match id {
                oid::BASIC_CONSTRAINTS => {
                    found.constraints = Some(basic_constraints(&mut value, critical)?);
                    value.end()?;
                }
                oid::KEY_USAGE => {
                    found.key_usage = Some(KeyUsage(value.named_bits()?));
                    value.end()?;
                }
                oid::EXTENDED_KEY_USAGE => {
                    found.purposes = Some(purposes(value.sequence()?)?);
                    value.end()?;
                }
                oid::SUBJECT_ALT_NAME => {
                    found.subject_alt_name = Some(SubjectAltName::read(&mut value)?);
                    value.end()?;
                }
                // It must be critical, says RFC 5280 §4.2.1.10. One that is not would be honoured by others.
                oid::NAME_CONSTRAINTS => return Err(CertificateError::UnknownCriticalExtension),
                _ if critical => return Err(CertificateError::UnknownCriticalExtension),
                _ => {}
            }
            if rest.is_empty() {
                return Ok(found);
            }
        }
    }
}

fn read_one<'a>(from: &mut Reader<'a>) -> Result<(&'a [u8], bool, &'a [u8]), DerError> {
    let mut extension = from.sequence()?;
    let id = extension.object_identifier()?;
    let critical = extension.boolean_or_false()?;
    let value = extension.expect(tag::OCTET_STRING)?.content;
    extension.end()?;
    Ok((id, critical, value))
}

/// Walks the list again instead of remembering it: a certificate is short, and memory is shorter.
fn occurs_before(list: Reader<'_>, end: Reader<'_>, id: &[u8]) -> Result<bool, DerError> {
    let mut earlier = list;
    while earlier.left() > end.left() {
        if read_one(&mut earlier)?.0 == id {
            return Ok(true);
        }
    }
    Ok(false)
}

fn basic_constraints(value: &mut Reader<'_>, critical: bool) -> Result<BasicConstraints, CertificateError> {
    let mut constraints = value.sequence()?;
    let ca = constraints.boolean_or_false()?;
    let path_len = if constraints.is_empty() {
        None
    } else {
        // More than 255 links is as good as any number above ours; RFC 5280 has no limit, webpki's is the same.
        let &[length] = constraints.unsigned()? else { return Err(DerError::Integer.into()) };
        Some(length)
    };
    constraints.end()?;
    if path_len.is_some() && !ca {
        return Err(CertificateError::PathLengthWithoutCa);
    }
    Ok(BasicConstraints { critical, ca, path_len })
}

fn purposes(mut list: Reader<'_>) -> Result<Purposes, DerError> {
    let mut found = Purposes::default();
    loop {
        match list.object_identifier()? {
            oid::SERVER_AUTH => found.server_auth = true,
            oid::CLIENT_AUTH => found.client_auth = true,
            _ => {}
        }
        if list.is_empty() {
            return Ok(found);
        }
    }
}
