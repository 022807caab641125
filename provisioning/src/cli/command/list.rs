//! `list`

use std::collections::BTreeSet;

use serde::Serialize;

use crate::authority::Authority;
use crate::cli::arguments::List;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::table::{Column, Table};
use crate::cli::{output, spreadsheet};
use crate::order::DetailFilter;
use crate::registry::{CertificateRecord, Listed, Registry, Selection, Status};
use crate::timestamp::DAY;

#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    board_state: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<crate::order::OrderDetails>,
    #[serde(flatten)]
    certificate: CertificateRecord,
}

/// The columns of a list as CSV, before those of the metadata. The first is the name.
const COLUMNS: [&str; 12] = [
    "status",
    "board_state",
    "product",
    "serial_number",
    "work_order",
    "key_origin",
    "not_before",
    "not_after",
    "serial",
    "fingerprint_sha256",
    "revocation_reason",
    "revoked_at",
];

pub(in crate::cli) fn run(arguments: List, context: &Context) -> Result<(), Failure> {
    let registry = Registry::open(&context.fleet.registry())?;
    let authority = if arguments.services { Authority::Service } else { Authority::Device };
    let filters = filters(&arguments);
    let selection = match arguments.status {
        Some(Status::Superseded) => Selection::Superseded,
        _ => Selection::Newest,
    };
    let each = |print: &mut dyn FnMut(&Line) -> Result<(), Failure>| {
        registry.for_each_listed(authority, selection, context.now, |listed| {
            if !is_wanted(&listed, &arguments, &filters, context) {
                return Ok(());
            }
            let Listed { certificate, device } = listed;
            let device_id = certificate.identity.clone().filter(|_| authority == Authority::Device);
            let (board_state, details) = device.map(|device| (device.board_state, device.details)).unzip();
            print(&Line { device_id, board_state, details, certificate })
        })
    };
    if arguments.json.requested {
        return output::json_array(each);
    }
    if arguments.csv {
        let name = if arguments.services { "service" } else { "device_id" };
        return print_csv(name, each);
    }
    let (name, state) = if arguments.services { ("SERVICE", None) } else { ("DEVICE", Some("BOARD")) };
    let mut columns =
        vec![Column { title: name, width: registry.longest_name()? }, Column { title: "STATUS", width: 10 }];
    columns.extend(state.map(|title| Column { title, width: 9 }));
    columns.extend([Column { title: "NOT AFTER", width: 10 }, Column { title: "SERIAL", width: 32 }]);
    let table = Table::begin(&columns)?;
    each(&mut |line| {
        let certificate = &line.certificate;
        let name = certificate.identity.as_deref().unwrap_or_default();
        let status = certificate.status.to_string();
        // Certificates end by day: the hour has no room.
        let not_after = certificate.not_after.date_time().date().to_string();
        let serial = certificate.serial.to_string();
        let state = state.map(|_| line.board_state.as_deref().unwrap_or_default());
        let cells = [Some(name), Some(&status), state, Some(&not_after), Some(&serial)];
        table.row(cells.into_iter().flatten())
    })
}

fn filters(arguments: &List) -> Vec<DetailFilter> {
    let own = [
        arguments.work_order.clone().map(DetailFilter::work_order),
        arguments.product.clone().map(DetailFilter::product),
        arguments.serial_number.clone().map(DetailFilter::serial_number),
    ];
    own.into_iter().flatten().chain(arguments.columns.iter().cloned()).collect()
}

fn is_wanted(listed: &Listed, arguments: &List, filters: &[DetailFilter], context: &Context) -> bool {
    let certificate = &listed.certificate;
    arguments.status.is_none_or(|status| certificate.status == status)
        && arguments.key_origin.is_none_or(|origin| certificate.key_origin == origin)
        && arguments.expiring.is_none_or(|days| {
            let horizon = context.now.after(u64::from(days) * DAY);
            certificate.status != Status::Expired
                && certificate.not_after >= context.now
                && certificate.not_after <= horizon
        })
        && filters
            .iter()
            .all(|filter| listed.device.as_ref().is_some_and(|device| filter.matches(&device.details)))
}

/// Prints a list as CSV. The metadata of all its devices are columns, so that the list is read twice.
fn print_csv(
    name: &str,
    each: impl Fn(&mut dyn FnMut(&Line) -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut metadata = BTreeSet::new();
    each(&mut |line| {
        let names = line.details.iter().flat_map(|details| details.metadata.keys());
        metadata.extend(names.cloned());
        Ok(())
    })?;
    let own = [name].into_iter().chain(COLUMNS).map(str::to_owned);
    let header: Vec<_> = own.chain(metadata.iter().map(|name| format!("metadata.{name}"))).collect();
    spreadsheet::print(&header, |row| {
        each(&mut |line| {
            let certificate = &line.certificate;
            let details = line.details.clone().unwrap_or_default();
            let mut cells = vec![
                certificate.identity.clone().unwrap_or_default(),
                certificate.status.to_string(),
                line.board_state.clone().unwrap_or_default(),
                details.product.unwrap_or_default(),
                details.serial_number.unwrap_or_default(),
                details.work_order.unwrap_or_default(),
                certificate.key_origin.name().to_owned(),
                certificate.not_before.to_string(),
                certificate.not_after.to_string(),
                certificate.serial.to_string(),
                certificate.fingerprint_sha256.to_string(),
                certificate.revocation_reason.map(|reason| reason.to_string()).unwrap_or_default(),
                certificate.revoked_at.map(|at| at.to_string()).unwrap_or_default(),
            ];
            let value = |name| details.metadata.get(name).cloned().unwrap_or_default();
            cells.extend(metadata.iter().map(value));
            row(&cells)
        })
    })
}
