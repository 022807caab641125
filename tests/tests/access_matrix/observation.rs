//! [`Observation`]: what a client has met, and what shows that it was taken for a device.

use std::collections::BTreeSet;

use crate::area::Area;
use crate::cell::Cell;
use crate::column::Column;
use crate::matrix::Certificate;
use crate::protocol::Protocol;
use crate::shown::Shown;

/// What a client has met.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) cell: Cell,
    /// Whether it was let in at all.
    pub(crate) is_in: bool,
    /// Where anything of it came through, or to it.
    pub(crate) touched: BTreeSet<Area>,
    /// Whether anybody was told that it is the device whose name it bears.
    pub(crate) is_taken_for_device: bool,
}

impl Met {
    /// It was not let in.
    pub(crate) fn outside(cell: Cell) -> Self {
        Self { cell, is_in: false, touched: BTreeSet::new(), is_taken_for_device: false }
    }

    /// It was let in, and all that was tried says that these areas are its own.
    pub(crate) fn inside(areas: BTreeSet<Area>, is_taken_for_device: bool) -> Self {
        let mut all = areas.iter();
        let cell = match (all.next(), all.next()) {
            (Some(only), None) => Cell::In(*only),
            _ => Cell::Odd(format!("in, with {areas:?}")),
        };
        Self { cell, is_in: true, touched: areas, is_taken_for_device }
    }
}

/// Who came where, and what it has met.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) column: Column,
    pub(crate) certificate: Certificate,
    pub(crate) shown: Shown,
    pub(crate) protocol: Protocol,
    pub(crate) met: Met,
}
