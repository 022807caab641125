//! [`Order`]: what a factory was asked to make.

mod csv_file;
mod details;
mod fault;

use device_identity::DeviceId;

pub use csv_file::read;
pub use details::OrderDetails;
pub use fault::{Duplicate, LineFault, OrderError};

use crate::csr::SigningRequest;
use crate::digest::Sha256;

/// One device to make.
#[derive(Clone, Debug)]
pub struct Order {
    /// The line it came from, for messages; 0 if it did not come from a file.
    pub line: u64,
    /// What the device is called.
    pub device_id: DeviceId,
    /// What else the order says.
    pub details: OrderDetails,
    /// The device made its own key, and asks for a certificate.
    pub request: Option<SigningRequest>,
}

impl Order {
    /// An order for a device about which nothing else is known.
    pub fn for_device(device_id: DeviceId, request: Option<SigningRequest>) -> Self {
        Self { line: 0, device_id, details: OrderDetails::default(), request }
    }

    /// A digest of everything the order says, by which it is recognised when it is run again. *Warning:* it is
    /// stored in the registry; another way to compute it is a new schema version.
    pub fn digest(&self) -> Sha256 {
        let mut text = Vec::new();
        // Every field with its length in front, so that no two orders spell the same bytes.
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
