//! [`OrderDetails`]: the columns of an order besides the device id and the signing request.

use std::collections::BTreeMap;

use serde::Serialize;

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
