//! [`OrderDetails`]: what an order says about a device besides its id.

use std::collections::BTreeMap;

use serde::Serialize;

/// What an order says about a device besides its id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OrderDetails {
    /// What is made.
    pub product: Option<String>,
    /// The number on its label.
    pub serial_number: Option<String>,
    /// What it was made for.
    pub work_order: Option<String>,
    /// The other columns of the order.
    pub metadata: BTreeMap<String, String>,
}
