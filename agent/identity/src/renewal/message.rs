//! The messages: reading and writing them.

use serde::{Deserialize, Serialize};

use super::MessageError;
use crate::DeviceId;
use crate::bytes;
use crate::shortest_form::is_shortest_form;

const MAGIC: [u8; 4] = *b"CSRN";
const VERSION: u8 = 1;
const HEADER_LEN: usize = MAGIC.len() + 1;

/// The longest CertificationRequest, in bytes: a P-256 key and a subject of several attributes.
pub const MAX_CSR_LEN: usize = 768;

/// The longest serial number, in content octets without a leading sign zero (RFC 5280 §4.1.2.2).
pub const MAX_SERIAL_LEN: usize = 20;

/// The length of a signature, in bytes: r and s, big endian, one after the other.
pub const SIGNATURE_LEN: usize = 64;

/// The longest message, in bytes. A device takes packets of 2048 bytes, the topic and the header included.
pub const MAX_MESSAGE_LEN: usize = 1900;

/// What a device publishes on `credential/request`.
///
/// *Warning:* this goes over the wire; add at the end, never reorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromDevice<'a> {
    /// A certificate for another key is asked for.
    #[serde(borrow)]
    Request(Request<'a>),
    /// The new certificate has been used: the one before is of no use any more.
    #[serde(borrow)]
    Confirmation(Confirmation<'a>),
}

/// What a request says, apart from who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestContent<'a> {
    device_id: DeviceId,
    #[serde(serialize_with = "bytes::one")]
    csr: &'a [u8],
    #[serde(serialize_with = "bytes::one")]
    serial: &'a [u8],
}

/// What a device says, and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement<'a, C> {
    content: C,
    #[serde(serialize_with = "bytes::one")]
    signature: &'a [u8],
}

/// A device asks for a certificate: the signature is that of the currently certified key over [`RequestContent::signed`].
pub type Request<'a> = Statement<'a, RequestContent<'a>>;

/// A device has connected with its new certificate: the signature is that of the new key over
/// [`ConfirmationContent::signed`].
pub type Confirmation<'a> = Statement<'a, ConfirmationContent<'a>>;

/// What a confirmation says, apart from who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationContent<'a> {
    device_id: DeviceId,
    #[serde(serialize_with = "bytes::one")]
    serial: &'a [u8],
}

/// What the service publishes on `credential/response`: the certificate for the key of a request.
///
/// *Warning:* this goes over the wire; a change is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued<'a> {
    #[serde(serialize_with = "bytes::one")]
    certificate: &'a [u8],
    #[serde(serialize_with = "bytes::one")]
    issuing_ca: &'a [u8],
}

impl<'a> RequestContent<'a> {
    /// `csr` is the DER of a CertificationRequest signed by the new key; `serial` is that of the certificate that is to
    /// be replaced, in content octets without a leading sign zero.
    pub fn new(device_id: &DeviceId, csr: &'a [u8], serial: &'a [u8]) -> Result<Self, MessageError> {
        let content = Self { device_id: device_id.clone(), csr, serial };
        content.check().map(|()| content)
    }

    fn check(&self) -> Result<(), MessageError> {
        length("CSR", self.csr, 1, MAX_CSR_LEN)?;
        length("serial", self.serial, 1, MAX_SERIAL_LEN)
    }

    /// The device.
    pub const fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// The CertificationRequest, DER; nothing of it has been looked at.
    pub const fn csr(&self) -> &'a [u8] {
        self.csr
    }

    /// The serial of the certificate whose key signs the request.
    pub const fn serial(&self) -> &'a [u8] {
        self.serial
    }
}

impl<'a, C> Statement<'a, C> {
    /// What is said, and r and s of the signature.
    pub const fn new(content: C, signature: &'a [u8; SIGNATURE_LEN]) -> Self {
        Self { content, signature }
    }

    /// What it says. Nobody has checked who says so.
    pub const fn content(&self) -> &C {
        &self.content
    }

    /// r and s.
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }
}

impl<'a> ConfirmationContent<'a> {
    /// `serial` is that of the new certificate, in content octets without a leading sign zero.
    pub fn new(device_id: &DeviceId, serial: &'a [u8]) -> Result<Self, MessageError> {
        let content = Self { device_id: device_id.clone(), serial };
        content.check().map(|()| content)
    }

    fn check(&self) -> Result<(), MessageError> {
        length("serial", self.serial, 1, MAX_SERIAL_LEN)
    }

    /// The device.
    pub const fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// The serial of the certificate that was used.
    pub const fn serial(&self) -> &'a [u8] {
        self.serial
    }
}

impl<'a> FromDevice<'a> {
    /// Reads the payload of a PUBLISH on `credential/request`.
    pub fn read(payload: &'a [u8]) -> Result<Self, MessageError> {
        read(payload, |message: &Self| {
            let signature = match message {
                Self::Request(request) => {
                    request.content.check()?;
                    request.signature
                }
                Self::Confirmation(confirmation) => {
                    confirmation.content.check()?;
                    confirmation.signature
                }
            };
            length("signature", signature, SIGNATURE_LEN, SIGNATURE_LEN)
        })
    }

    /// Writes it to the start of `into`; its length in bytes.
    pub fn write(&self, into: &mut [u8]) -> Result<usize, MessageError> {
        write(self, into)
    }
}

impl<'a> Issued<'a> {
    /// The device certificate and the certificate of the CA that issued it, DER.
    pub fn new(certificate: &'a [u8], issuing_ca: &'a [u8]) -> Result<Self, MessageError> {
        let issued = Self { certificate, issuing_ca };
        issued.check().map(|()| issued)
    }

    fn check(&self) -> Result<(), MessageError> {
        length("certificate", self.certificate, 1, MAX_MESSAGE_LEN)?;
        length("certificate of the CA", self.issuing_ca, 1, MAX_MESSAGE_LEN)
    }

    /// Reads the payload of a PUBLISH on `credential/response`.
    pub fn read(payload: &'a [u8]) -> Result<Self, MessageError> {
        read(payload, Self::check)
    }

    /// Writes it to the start of `into`; its length in bytes.
    pub fn write(&self, into: &mut [u8]) -> Result<usize, MessageError> {
        write(self, into)
    }

    /// The device certificate, DER; nothing of it has been looked at.
    pub const fn certificate(&self) -> &'a [u8] {
        self.certificate
    }

    /// The certificate of its issuing CA, DER; nothing of it has been looked at.
    pub const fn issuing_ca(&self) -> &'a [u8] {
        self.issuing_ca
    }
}

fn length(field: &'static str, bytes: &[u8], least: usize, most: usize) -> Result<(), MessageError> {
    let length = bytes.len();
    if (least..=most).contains(&length) { Ok(()) } else { Err(MessageError::Length { field, length }) }
}

fn read<'a, T: Serialize + Deserialize<'a>>(
    payload: &'a [u8],
    check: impl FnOnce(&T) -> Result<(), MessageError>,
) -> Result<T, MessageError> {
    if payload.len() > MAX_MESSAGE_LEN {
        return Err(MessageError::TooLong { length: payload.len() });
    }
    let (&[found], body) =
        payload.strip_prefix(&MAGIC).and_then(|rest| rest.split_first_chunk()).ok_or(MessageError::Magic)?;
    if found != VERSION {
        return Err(MessageError::Version { found });
    }
    let (message, rest) = postcard::take_from_bytes(body).map_err(MessageError::Encoding)?;
    if !rest.is_empty() {
        return Err(MessageError::Trailing { length: rest.len() });
    }
    check(&message)?;
    if is_shortest_form(&message, body) { Ok(message) } else { Err(MessageError::Overlong) }
}

fn write<T: Serialize>(message: &T, into: &mut [u8]) -> Result<usize, MessageError> {
    let (header, rest) = into.split_at_mut_checked(HEADER_LEN).ok_or(MessageError::NoRoom)?;
    let fields = MAGIC.into_iter().chain([VERSION]);
    header.iter_mut().zip(fields).for_each(|(place, byte)| *place = byte);
    let body = postcard::to_slice(message, rest).map_err(|_| MessageError::NoRoom)?;
    let length = HEADER_LEN + body.len();
    if length > MAX_MESSAGE_LEN { Err(MessageError::TooLong { length }) } else { Ok(length) }
}
