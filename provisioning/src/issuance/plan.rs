//! [`Plan`]: which devices of an order are new, and which are registered already.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use device_identity::DeviceId;

use super::boards::conflicts_of_boards;
use super::standing::{Inspection, Standing};
use super::{IssuanceError, ReservedName};
use crate::conflict::Conflict;
use crate::csr::SigningRequest;
use crate::order::Order;
use crate::registry::{IdentityKind, RegisteredDevice, Registry, RegistryError};
use crate::timestamp::Timestamp;

/// What to do about an order.
pub(crate) struct Plan {
    /// The devices to be issued.
    pub(crate) new: Vec<Order>,
    /// The devices that were issued earlier, from an identical order line.
    pub(crate) registered: Vec<RegisteredOrder>,
}

/// A device that was issued earlier, from an identical order line.
pub(crate) struct RegisteredOrder {
    /// The order line.
    pub(crate) order: Order,
    /// What the registry has.
    pub(crate) device: RegisteredDevice,
    /// What is to be done about it.
    pub(crate) standing: Standing,
}

impl Plan {
    /// Compares orders with the registry and the output directory. One conflict, and there is no plan.
    ///
    /// A device that was issued from an identical order line is accepted with `resume`, and a conflict without.
    pub(crate) fn make(
        registry: &Registry,
        orders: Vec<Order>,
        resume: bool,
        inspection: &Inspection<'_>,
        now: Timestamp,
    ) -> Result<Self, IssuanceError> {
        registry.at_once(|| Self::compare(registry, orders, resume, inspection, now))
    }

    fn compare(
        registry: &Registry,
        orders: Vec<Order>,
        resume: bool,
        inspection: &Inspection<'_>,
        now: Timestamp,
    ) -> Result<Self, IssuanceError> {
        let mut plan = Self { new: Vec::new(), registered: Vec::new() };
        let mut conflicts = Vec::new();
        let output = inspection.output;
        for order in orders {
            let Some(device) = registry.registered(&order.device_id, now)? else {
                let names = output.names(&order.device_id, order.request.is_none());
                let files = names.iter().map(|name| output.directory.join(name));
                match conflict_of_device(registry, &order.device_id, order.request.as_ref(), files)? {
                    Some(conflict) => conflicts.push(conflict),
                    None => plan.new.push(order),
                }
                continue;
            };
            let device_id = order.device_id.clone();
            if !resume {
                conflicts.push(Conflict::DeviceExists { device_id });
            } else if !means_what_is_registered(registry, &order, &device)? {
                conflicts.push(Conflict::DeviceDiffers { line: order.line, device_id });
            } else {
                match inspection.judge(registry, &order, &device)? {
                    Ok(standing) => plan.registered.push(RegisteredOrder { order, device, standing }),
                    Err(differences) => conflicts.extend(differences),
                }
            }
        }
        let reserved: Vec<_> = plan.new.iter().filter_map(ReservedName::of_order).collect();
        if !reserved.is_empty() {
            return Err(IssuanceError::Reserved(reserved));
        }
        conflicts.extend(case_twins(registry, plan.new.iter().map(|order| order.device_id.as_str()))?);
        let alone = plan.new.iter().filter(|order| !order.shared_serial);
        conflicts.extend(conflicts_of_boards(registry, alone)?);
        if conflicts.is_empty() { Ok(plan) } else { Err(IssuanceError::Conflicts(conflicts)) }
    }
}

/// The new names that differ from another new one, or from a registered one, in the case of ASCII letters alone.
pub(super) fn case_twins<'n>(
    registry: &Registry,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<Vec<Conflict>, RegistryError> {
    let mut twins = Vec::new();
    let mut folded = HashMap::new();
    for name in names {
        let name_and =
            |existing, registered| Conflict::CaseTwin { name: name.to_owned(), existing, registered };
        if let Some(existing) = folded.insert(name.to_ascii_lowercase(), name) {
            twins.push(name_and(existing.to_owned(), false));
        }
        let registered = registry.case_twins_of(name)?;
        twins.extend(registered.into_iter().map(|existing| name_and(existing, true)));
    }
    Ok(twins)
}

/// Whether an order line means what a registered device was made from.
fn means_what_is_registered(
    registry: &Registry,
    order: &Order,
    device: &RegisteredDevice,
) -> Result<bool, RegistryError> {
    let recorded = registry.device(order.device_id.as_str())?;
    Ok(recorded.is_some_and(|recorded| order.means_the_same_as(device.order_digest, &recorded.details)))
}

/// What stands in the way of a new device: its name, the public key in its signing request, or one of its files.
pub(super) fn conflict_of_device(
    registry: &Registry,
    device_id: &DeviceId,
    request: Option<&SigningRequest>,
    files: impl IntoIterator<Item = PathBuf>,
) -> Result<Option<Conflict>, RegistryError> {
    match registry.kind_of(device_id.as_str())? {
        Some(IdentityKind::Device) => {
            return Ok(Some(Conflict::DeviceExists { device_id: device_id.clone() }));
        }
        Some(IdentityKind::Service) => {
            return Ok(Some(Conflict::NameOfService { name: device_id.to_string() }));
        }
        None => {}
    }
    if let Some(request) = request
        && let Some(conflict) = conflict_of_key(registry, device_id, request)?
    {
        return Ok(Some(conflict));
    }
    Ok(conflict_of_files(files, device_id.as_str()))
}

/// A public key in a signing request that was certified before.
pub(super) fn conflict_of_key(
    registry: &Registry,
    device_id: &DeviceId,
    request: &SigningRequest,
) -> Result<Option<Conflict>, RegistryError> {
    let identity = registry.identity_of_key(&request.public_key().spki_sha256())?;
    Ok(identity.map(|identity| Conflict::PublicKey { name: device_id.to_string(), identity }))
}

/// The first file that exists although the registry does not know `name`.
pub(super) fn conflict_of_files(files: impl IntoIterator<Item = PathBuf>, name: &str) -> Option<Conflict> {
    let path = files.into_iter().find(|path: &PathBuf| Path::exists(path))?;
    Some(Conflict::File { path, name: name.to_owned() })
}
