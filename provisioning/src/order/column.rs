//! [`Column`]: what a column of an order is, by its name in the header.

use crate::spelling::{Likeness, trimmed};

/// A column of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    DeviceId,
    Product,
    SerialNumber,
    WorkOrder,
    Csr,
    Metadata(String),
}

impl Column {
    /// The column that exactly this name was, before names were read as they are meant. The digests of orders that were
    /// made then rest on it.
    pub(super) fn spelled(name: &str) -> Self {
        match name {
            "device_id" => Self::DeviceId,
            "product" => Self::Product,
            "serial_number" => Self::SerialNumber,
            "work_order" => Self::WorkOrder,
            "csr" => Self::Csr,
            other => Self::Metadata(other.to_owned()),
        }
    }

    /// The column that a person means by this name: case, spaces and punctuation do not count, and the usual short
    /// names are known.
    pub(super) fn meant_by(name: &str) -> Self {
        match Likeness::of(name).alphanumeric().as_str() {
            "deviceid" => Self::DeviceId,
            "product" => Self::Product,
            "serialnumber" | "serialno" | "serialnr" | "serial" | "sn" | "boardserial"
            | "boardserialnumber" => Self::SerialNumber,
            "workorder" | "workordernumber" | "workorderno" | "workordernr" | "wo" => Self::WorkOrder,
            "csr" => Self::Csr,
            _ => Self::Metadata(trimmed(name).to_owned()),
        }
    }

    /// Whether two columns are one to a person.
    pub(super) fn means_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Metadata(one), Self::Metadata(other)) => Likeness::of(one) == Likeness::of(other),
            _ => self == other,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::DeviceId => "device_id",
            Self::Product => "product",
            Self::SerialNumber => "serial_number",
            Self::WorkOrder => "work_order",
            Self::Csr => "csr",
            Self::Metadata(name) => name,
        }
    }
}
