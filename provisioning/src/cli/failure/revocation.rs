//! Why nothing was revoked, or no CRL published.

use std::path::Path;

use super::{FAULT_HELP, Failure};
use crate::cli::exit_code::{CONFLICT, FAILED, REFUSED, UNKNOWN, USAGE};
use crate::crl::CrlError;
use crate::order::WorkOrder;
use crate::registry::{CarriedOver, RevocationError};

impl Failure {
    /// A file that a list would replace is none itself.
    pub(in crate::cli) fn no_list(path: &Path) -> Self {
        Self::new(
            CONFLICT,
            format!("{} is there already, and is no CRL", path.display()),
            "nothing was changed; choose another --out",
        )
    }

    /// An unknown device or service.
    pub(in crate::cli) fn unknown(name: &str) -> Self {
        Self::new(
            UNKNOWN,
            format!("unknown: {name}"),
            "`countersign-provision list` shows the devices of this fleet",
        )
    }

    /// A serial number on several boards.
    pub(in crate::cli) fn several_boards(serial_number: &str, devices: &[String]) -> Self {
        let what = format!("{serial_number} is the serial number on several boards: {}", devices.join(", "));
        Self::new(CONFLICT, what, "name one of the devices")
    }

    /// An unknown work order.
    pub(in crate::cli) fn unknown_work_order(work_order: &WorkOrder, nearest: Option<&str>) -> Self {
        let what = match nearest {
            Some(nearest) => format!("unknown: work order {work_order}; the nearest is {nearest:?}"),
            None => format!("unknown: work order {work_order}"),
        };
        Self::new(UNKNOWN, what, "nothing was changed; `countersign-provision list --json` shows work orders")
    }

    /// A change of many certificates to which a person said no.
    pub(in crate::cli) fn declined(count: &str) -> Self {
        Self::new(USAGE, format!("not confirmed: {count}"), "nothing was changed; say y to go on")
    }

    /// A change of many certificates that nobody was there to confirm.
    pub(in crate::cli) fn unconfirmed(count: &str) -> Self {
        Self::new(
            USAGE,
            format!("not confirmed: {count}"),
            "nothing was changed; --dry-run lists them, and --yes says yes where there is no terminal",
        )
    }
}

impl Failure {
    /// A published list held what the registry lacked.
    pub(in crate::cli) fn registry_lacked(carried: &[CarriedOver]) -> Self {
        let mut lines = String::new();
        for entry in carried.iter().take(MAX_NAMED) {
            let whose = entry.identity.as_deref().unwrap_or("no certificate in the registry");
            lines.push_str(&format!("\n  {} ({whose}, {})", entry.serial, entry.reason));
        }
        if carried.len() > MAX_NAMED {
            lines.push_str(&format!("\n  and {} more", carried.len() - MAX_NAMED));
        }
        Self::new(
            CONFLICT,
            format!(
                "the published list held {} entry(s) that the registry lacked; they were kept, and the new list has \
                 them:{lines}",
                carried.len()
            ),
            "the registry seems to be from a backup; `countersign-provision reconcile` reads the rest back from files",
        )
    }
}

/// How many entries are named one by one.
const MAX_NAMED: usize = 20;

impl From<CrlError> for Failure {
    fn from(error: CrlError) -> Self {
        match error {
            CrlError::Registry(error) => error.into(),
            CrlError::Write { ref path, ref source } => Self::io(FAILED, &error, path, source),
            CrlError::Sign(_) | CrlError::Verify { .. } | CrlError::Pem(_) => {
                Self::new(FAILED, error, FAULT_HELP)
            }
        }
    }
}

impl From<RevocationError> for Failure {
    fn from(error: RevocationError) -> Self {
        match error {
            RevocationError::Registry(error) => error.into(),
            RevocationError::Unknown { .. } => Self::new(
                UNKNOWN,
                error,
                "nothing was changed; `countersign-provision list` shows the devices of this fleet",
            ),
            RevocationError::Revoked { .. } => Self::new(
                CONFLICT,
                error,
                "nothing was changed; a device comes back with a new certificate only",
            ),
            RevocationError::Broker { .. } => Self::new(
                REFUSED,
                error,
                "nothing was changed; replace it with `countersign-provision broker-cert`",
            ),
        }
    }
}
