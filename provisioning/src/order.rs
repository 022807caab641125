//! [`Order`]: a device that is to be issued, as an order line describes it.

mod column;
mod csv_file;
mod details;
mod fault;
mod file_kind;
mod filter;
mod header;
mod line_numbers;
mod work_order;

use device_identity::DeviceId;

pub(crate) use csv_file::read;
pub(crate) use details::OrderDetails;
pub(crate) use fault::{Duplicate, HeaderFault, LineFault, OrderError};
pub(crate) use file_kind::FileKind;
pub(crate) use filter::DetailFilter;
pub(crate) use work_order::WorkOrder;

use crate::csr::SigningRequest;
use crate::digest::Sha256;

/// A device that is to be issued.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The line of the order file, for error messages; 0 without a file.
    pub(crate) line: u64,
    /// The device id.
    pub(crate) device_id: DeviceId,
    /// The other columns.
    pub(crate) details: OrderDetails,
    /// The signing request of a device that made its own key.
    pub(crate) request: Option<SigningRequest>,
    /// The digest the line had before columns and fields were read as they are meant, if it differs.
    pub(crate) digest_as_spelled: Option<Sha256>,
    /// Whether other boards of the product may have the same serial number.
    pub(crate) shared_serial: bool,
}

impl Order {
    /// An order without details.
    pub(crate) fn for_device(device_id: DeviceId, request: Option<SigningRequest>) -> Self {
        Self {
            line: 0,
            device_id,
            details: OrderDetails::default(),
            request,
            digest_as_spelled: None,
            shared_serial: false,
        }
    }

    /// A digest of everything the order line says, to recognise the line when the order is run again. *Warning:* the
    /// registry stores it, so computing it differently needs a new schema version.
    pub(crate) fn digest(&self) -> Sha256 {
        self.digest_with(&self.details)
    }

    /// The digest this line has with other details.
    pub(crate) fn digest_with(&self, details: &OrderDetails) -> Sha256 {
        let mut text = Vec::new();
        // Every name and value is preceded by its length, so that no two orders give the same bytes.
        let mut field = |name: &str, value: &str| {
            for part in [name, value] {
                text.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                text.extend_from_slice(part.as_bytes());
            }
        };
        field("device_id", self.device_id.as_str());
        for (name, value) in [
            ("product", &details.product),
            ("serial_number", &details.serial_number),
            ("work_order", &details.work_order),
        ] {
            if let Some(value) = value {
                field(name, value);
            }
        }
        for (name, value) in &details.metadata {
            field(&format!("metadata.{name}"), value);
        }
        if let Some(request) = &self.request {
            field("csr", &request.public_key().spki_sha256().to_string());
        }
        Sha256::of(&text)
    }

    /// Whether a device with this digest and these details was made from a line that means the same.
    pub(crate) fn means_the_same_as(&self, digest: Option<Sha256>, details: &OrderDetails) -> bool {
        let Some(digest) = digest else { return false };
        let as_recorded = |details: &OrderDetails| self.digest_with(details) == digest;
        as_recorded(&self.details)
            || self.digest_as_spelled == Some(digest)
            // The same signing request, and details that differ only in how they are spelled.
            || (as_recorded(details) && self.details.as_meant() == details.as_meant())
    }
}
