//! [`ReservedName`]: names that the fleet's own programs go by, and that no new device gets.

use std::fmt;

use device_identity::DeviceId;

use crate::order::Order;
use crate::registry::{Registry, RegistryError};
use crate::tally::Counted;

/// The service that renews certificates: the broker's configuration lets it read every device's requests.
const RENEWAL_SERVICE: &str = "provisioning";

/// What the broker calls clients that have proven nothing: one of these, and 16 hexadecimal digits.
const UNPROVEN: [&str; 2] = ["unverified-", "anonymous-"];

/// Who has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    RenewalService,
    UnprovenClients,
}

/// A name that no new device gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReservedName {
    /// The line of the order; 0 without an order.
    line: u64,
    name: String,
    holder: Holder,
}

impl ReservedName {
    /// Whether a name is one, in any case of its letters: a file system without case has one file for both.
    fn of(name: &str, line: u64) -> Option<Self> {
        let folded = name.to_ascii_lowercase();
        let is_number =
            |number: &str| number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        let holder = if folded == RENEWAL_SERVICE {
            Holder::RenewalService
        } else if UNPROVEN.into_iter().any(|kind| folded.strip_prefix(kind).is_some_and(is_number)) {
            Holder::UnprovenClients
        } else {
            return None;
        };
        Some(Self { line, name: name.to_owned(), holder })
    }

    /// The id of a new device.
    pub(super) fn of_device(device_id: &DeviceId) -> Option<Self> {
        Self::of(device_id.as_str(), 0)
    }

    /// The device of a new order.
    pub(super) fn of_order(order: &Order) -> Option<Self> {
        Self::of(order.device_id.as_str(), order.line)
    }

    /// The devices that have such a name already.
    pub(crate) fn registered(registry: &Registry) -> Result<Vec<Self>, RegistryError> {
        let mut found = Vec::new();
        for begin in [RENEWAL_SERVICE].into_iter().chain(UNPROVEN) {
            found.extend(
                registry.device_ids_from(begin)?.iter().filter_map(|device_id| Self::of(device_id, 0)),
            );
        }
        Ok(found)
    }
}

impl fmt::Display for ReservedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        let holder = match self.holder {
            Holder::RenewalService => "the name of the service that renews certificates",
            Holder::UnprovenClients => "what the broker calls a client that has proven nothing",
        };
        write!(f, "{} is {holder}, and no device's", self.name)
    }
}

impl Counted for ReservedName {
    fn kind(&self) -> &'static str {
        "a name that the fleet's own programs need"
    }
}
