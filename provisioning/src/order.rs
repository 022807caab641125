//! [`Order`]: a device that is to be issued, as an order line describes it.

mod csv_file;
mod details;
mod fault;

use device_identity::DeviceId;

pub(crate) use csv_file::read;
pub(crate) use details::OrderDetails;
pub(crate) use fault::{Duplicate, LineFault, OrderError};

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
}

impl Order {
    /// An order without details.
    pub(crate) fn for_device(device_id: DeviceId, request: Option<SigningRequest>) -> Self {
        Self { line: 0, device_id, details: OrderDetails::default(), request }
    }

    /// A digest of everything the order line says, to recognise the line when the order is run again. *Warning:* the
    /// registry stores it, so computing it differently needs a new schema version.
    pub(crate) fn digest(&self) -> Sha256 {
        let mut text = Vec::new();
        // Every name and value is preceded by its length, so that no two orders give the same bytes.
        let mut field = |name: &str, value: &str| {
            for part in [name, value] {
                text.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                text.extend_from_slice(part.as_bytes());
            }
        };
        field("device_id", self.device_id.as_str());
        let details = &self.details;
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
}
