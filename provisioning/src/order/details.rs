//! [`OrderDetails`]: the columns of an order besides the device id and the signing request.

use std::collections::BTreeMap;

use serde::Serialize;

use super::column::Column;
use crate::spelling::Meaning;

/// The columns of an order besides the device id and the signing request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct OrderDetails {
    /// The product.
    pub(crate) product: Option<String>,
    /// The serial number on the board's label; not that of a certificate.
    pub(crate) serial_number: Option<String>,
    /// The work order.
    pub(crate) work_order: Option<String>,
    /// Further columns, by their names.
    pub(crate) metadata: BTreeMap<String, String>,
}

impl OrderDetails {
    /// Sets a column, if it is one of these. An empty field counts as absent.
    pub(super) fn set(&mut self, column: &Column, value: &str) {
        if value.is_empty() {
            return;
        }
        let field = match column {
            Column::DeviceId | Column::Csr => return,
            Column::Product => &mut self.product,
            Column::SerialNumber => &mut self.serial_number,
            Column::WorkOrder => &mut self.work_order,
            Column::Metadata(name) => {
                self.metadata.insert(name.clone(), value.to_owned());
                return;
            }
        };
        *field = Some(value.to_owned());
    }

    /// The details as a person means them: texts by their meaning, and columns that were recorded as metadata under
    /// another spelling of their name in their place. Two details that mean the same are equal then.
    pub(crate) fn as_meant(&self) -> Self {
        let mut meant = Self::default();
        let metadata = self.metadata.iter().map(|(name, value)| (Column::meant_by(name), value));
        let own = [
            (Column::Product, &self.product),
            (Column::SerialNumber, &self.serial_number),
            (Column::WorkOrder, &self.work_order),
        ];
        let own = own.into_iter().filter_map(|(column, value)| value.as_ref().map(|value| (column, value)));
        for (column, value) in metadata.chain(own) {
            meant.set(&column, Meaning::of(value).as_str());
        }
        meant
    }
}
