//! What an image says, and reading and writing it.

use serde::{Deserialize, Serialize};

use super::{BodyError, ImageError, MAX_LEN, PrivateKey, SLOT_LEN, WriteError, header};
use crate::DeviceId;
use crate::bytes;
use crate::shortest_form::is_shortest_form;

/// DER certificates, borrowed from the image; at most `N`.
pub type Certificates<'a, const N: usize> = heapless::Vec<&'a [u8], N>;

/// A credential image: everything a device needs to prove who it is and to recognise its broker.
///
/// *Warning:* this type is stored in flash. Its fields are written in this order by postcard; a change is a new
/// version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image<'a> {
    /// What the fleet calls the device.
    pub device_id: DeviceId,
    /// The private key of `certificate`, or where it is kept.
    #[serde(borrow)]
    pub key: PrivateKey<'a>,
    /// The device certificate, DER. The device sends this one alone.
    #[serde(serialize_with = "bytes::one")]
    pub certificate: &'a [u8],
    /// One to three CA certificates, DER; the broker's chain must end at one of them.
    #[serde(borrow, serialize_with = "bytes::each")]
    pub broker_anchors: Certificates<'a, 3>,
    /// Up to two CA certificates of the device's own chain, DER, for those who ask for them.
    #[serde(borrow, serialize_with = "bytes::each")]
    pub device_anchors: Certificates<'a, 2>,
    /// Where to connect: a DNS name or an IP address.
    pub broker_host: &'a str,
    /// The TCP port to connect to.
    pub broker_port: u16,
    /// The name the broker's certificate must carry as a SAN: a DNS name or an IP address.
    pub server_name: &'a str,
    /// Unix seconds. The device has existed since then, so nothing that ended before is still valid.
    pub time_floor: u64,
}

/// The longest DNS name in text form, in bytes (RFC 1035 §2.3.4).
const MAX_NAME_LEN: usize = 253;

impl<'a> Image<'a> {
    /// Reads an image in place. `slot` is a whole slot, or any region of flash that starts with an image and is
    /// erased (0xFF) behind it, up to the slot state.
    pub fn read(slot: &'a [u8]) -> Result<Self, ImageError> {
        let (body, after) = header::read(slot)?;
        let body_end = header::LEN + body.len();
        // The slot state at the end of a whole slot is the credential store's, not the image's.
        let padding = after.get(..MAX_LEN.saturating_sub(body_end)).unwrap_or(after);
        if let Some(stray) = padding.iter().position(|&byte| byte != 0xff) {
            return Err(ImageError::Trailing { offset: body_end + stray });
        }
        let (image, left) = postcard::take_from_bytes::<Self>(body).map_err(BodyError::Encoding)?;
        if !left.is_empty() {
            return Err(ImageError::Trailing { offset: body_end - left.len() });
        }
        image.check()?;
        if !is_shortest_form(&image, body) {
            return Err(BodyError::Overlong.into());
        }
        Ok(image)
    }

    /// Writes the image and fills the rest of the slot with 0xFF. Returns the length of the image itself, in
    /// bytes. On an error the slot is left erased.
    pub fn write(&self, slot: &mut [u8; SLOT_LEN]) -> Result<usize, WriteError> {
        slot.fill(0xff);
        let encoded = self.encoded()?;
        encoded.copy(0, slot);
        Ok(encoded.len())
    }

    /// What the types cannot say.
    pub(super) fn check(&self) -> Result<(), BodyError> {
        if self.certificate.is_empty() {
            return Err(BodyError::NoCertificate);
        }
        if self.broker_anchors.is_empty() {
            return Err(BodyError::NoBrokerAnchor);
        }
        for name in [self.broker_host, self.server_name] {
            let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
            if name.is_empty() || name.len() > MAX_NAME_LEN || !printable {
                return Err(BodyError::Name { length: name.len() });
            }
        }
        if self.broker_port == 0 {
            return Err(BodyError::NoPort);
        }
        Ok(())
    }
}
