//! [`DetailFilter`]: devices of which a column of their order has a certain value.

use std::str::FromStr;

use super::OrderDetails;
use super::column::Column;
use crate::spelling::Meaning;

/// Devices of which a column of their order has a certain value, both as they are meant.
#[derive(Clone, Debug)]
pub(crate) struct DetailFilter {
    column: Column,
    value: Meaning,
}

/// The text is no `COLUMN=VALUE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write COLUMN=VALUE, for instance colour=red; COLUMN= finds devices without it")]
pub(crate) struct NoFilter;

impl DetailFilter {
    /// The devices of this product.
    pub(crate) fn product(value: Meaning) -> Self {
        Self { column: Column::Product, value }
    }

    /// The device of the board with this serial number on its label.
    pub(crate) fn serial_number(value: Meaning) -> Self {
        Self { column: Column::SerialNumber, value }
    }

    /// The devices of this work order.
    pub(crate) fn work_order(value: Meaning) -> Self {
        Self { column: Column::WorkOrder, value }
    }

    /// Whether the details of a device have the value. An empty value is had by those without the column.
    pub(crate) fn matches(&self, details: &OrderDetails) -> bool {
        let details = details.as_meant();
        let found = match &self.column {
            Column::Product => details.product.as_deref(),
            Column::SerialNumber => details.serial_number.as_deref(),
            Column::WorkOrder => details.work_order.as_deref(),
            Column::DeviceId | Column::Csr => None,
            Column::Metadata(name) => {
                let wanted = Column::Metadata(name.clone());
                let mut columns = details.metadata.iter();
                columns.find_map(|(name, value)| {
                    wanted.means_the_same_as(&Column::Metadata(name.clone())).then_some(value.as_str())
                })
            }
        };
        found.unwrap_or_default() == self.value.as_str()
    }
}

impl FromStr for DetailFilter {
    type Err = NoFilter;

    fn from_str(text: &str) -> Result<Self, NoFilter> {
        let (column, value) = text.split_once('=').ok_or(NoFilter)?;
        match Column::meant_by(column) {
            Column::DeviceId | Column::Csr => Err(NoFilter),
            Column::Metadata(name) if name.is_empty() => Err(NoFilter),
            column => Ok(Self { column, value: Meaning::of(value) }),
        }
    }
}
