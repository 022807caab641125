//! [`Plan`]: which devices of an order are to be made, and which are there already.

use std::path::PathBuf;

use device_identity::DeviceId;

use super::IssuanceError;
use crate::image::Output;
use crate::order::Order;
use crate::registry::{Kind, Registered, Registry};

/// What to do about an order.
pub struct Plan {
    /// To be made.
    pub new: Vec<Order>,
    /// Made earlier, from an identical order.
    pub done: Vec<Planned>,
}

/// A device that was made earlier.
pub struct Planned {
    /// Its order.
    pub order: Order,
    /// What the registry has.
    pub registered: Registered,
}

/// What stands in the way of an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// The device exists.
    #[error("device {device_id} is registered already")]
    Registered {
        /// The device.
        device_id: DeviceId,
    },
    /// The device exists and was ordered with other content.
    #[error("line {line}: device {device_id} is registered already, with other content")]
    OtherContent {
        /// The line of the order.
        line: u64,
        /// The device.
        device_id: DeviceId,
    },
    /// The name is a service's.
    #[error("{name} is a service already, and devices and services share their names")]
    Service {
        /// The name.
        name: String,
    },
    /// The name is a device's.
    #[error("{name} is a device already, and devices and services share their names")]
    Device {
        /// The name.
        name: String,
    },
    /// The service exists.
    #[error("service {name} is registered already")]
    RegisteredService {
        /// The name.
        name: String,
    },
    /// The key belongs to another.
    #[error("the public key of {device_id} is certified already, for {holder}")]
    PublicKey {
        /// The device.
        device_id: DeviceId,
        /// Who has the key.
        holder: String,
    },
    /// The same id twice on the command line.
    #[error("{device_id} is named twice")]
    Twice {
        /// The device.
        device_id: DeviceId,
    },
    /// A file nobody registered is where a new one would go; it may hold the only copy of a key.
    #[error("{path} exists already, and the registry does not know {name}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Whose file it would be.
        name: String,
    },
}

impl Plan {
    /// Compares orders with the registry. Any clash, and there is no plan.
    ///
    /// With `resume`, a device that was made from an identical order is done; without, it is a clash.
    pub fn make(
        registry: &Registry,
        orders: Vec<Order>,
        resume: bool,
        output: &Output,
    ) -> Result<Self, IssuanceError> {
        let (mut new, mut done, mut clashes) = (Vec::new(), Vec::new(), Vec::new());
        for order in orders {
            let Some(registered) = registry.registered(&order.device_id)? else {
                match clash(registry, &order, output)? {
                    Some(clash) => clashes.push(clash),
                    None => new.push(order),
                }
                continue;
            };
            let device_id = order.device_id.clone();
            if !resume {
                clashes.push(Clash::Registered { device_id });
            } else if registered.order_digest != order.digest() {
                clashes.push(Clash::OtherContent { line: order.line, device_id });
            } else {
                done.push(Planned { order, registered });
            }
        }
        if clashes.is_empty() { Ok(Self { new, done }) } else { Err(IssuanceError::Clashes(clashes)) }
    }
}

/// What stands in the way of a device that is not registered.
fn clash(registry: &Registry, order: &Order, output: &Output) -> Result<Option<Clash>, IssuanceError> {
    if registry.kind_of(order.device_id.as_str())? == Some(Kind::Service) {
        return Ok(Some(Clash::Service { name: order.device_id.to_string() }));
    }
    if let Some(request) = &order.request
        && let Some(holder) = registry.holder_of_key(&request.public_key().spki_sha256())?
    {
        return Ok(Some(Clash::PublicKey { device_id: order.device_id.clone(), holder }));
    }
    let names = output.names(&order.device_id, order.request.is_none());
    let path = names.iter().map(|name| output.directory.join(name)).find(|path| path.exists());
    Ok(path.map(|path| Clash::File { path, name: order.device_id.to_string() }))
}
