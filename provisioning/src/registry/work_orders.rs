//! The devices of a work order, by what its name means.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::devices::for_each;
use super::{Registry, RegistryError};
use crate::order::WorkOrder;
use crate::spelling::{Likeness, Meaning};

/// How near a name has to be to be proposed for an unknown one.
const NEAR: f64 = 0.75;

/// The ids of the devices of a work order, however it was spelled when they were registered.
pub(super) fn devices_of(
    connection: &Connection,
    work_order: &WorkOrder,
) -> Result<Vec<String>, RegistryError> {
    let mut devices = Vec::new();
    for_each(connection, |device| {
        if device.details.as_meant().work_order.is_some_and(|own| own == work_order.meaning().as_str()) {
            devices.push(device.device_id);
        }
        Ok(())
    })?;
    Ok(devices)
}

/// The other work orders of a registry, seen from one that a person named.
pub(crate) struct OtherWorkOrders {
    /// Those that look like it, and how many devices each has: it may be one work order that was typed in two ways.
    pub(crate) alike: Vec<(String, u64)>,
    /// The nearest of them, if any is near.
    pub(crate) nearest: Option<String>,
}

impl Registry {
    /// The work orders beside this one.
    pub(crate) fn work_orders_beside(&self, named: &WorkOrder) -> Result<OtherWorkOrders, RegistryError> {
        let mut others: BTreeMap<String, u64> = BTreeMap::new();
        for_each(&self.connection, |device| {
            if let Some(work_order) = device.details.as_meant().work_order
                && Meaning::of(&work_order) != *named.meaning()
            {
                *others.entry(work_order).or_default() += 1;
            }
            Ok(())
        })?;
        let likeness = named.likeness();
        let nearness = |name: &String| likeness.nearness(&Likeness::of(name));
        let nearest = others.keys().map(|name| (nearness(name), name));
        let nearest = nearest.max_by(|(one, _), (other, _)| one.total_cmp(other));
        Ok(OtherWorkOrders {
            nearest: nearest.filter(|(nearness, _)| *nearness >= NEAR).map(|(_, name)| name.clone()),
            alike: others.into_iter().filter(|(name, _)| Likeness::of(name) == likeness).collect(),
        })
    }
}
