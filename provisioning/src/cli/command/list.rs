//! `list`

use serde::Serialize;

use crate::authority::Authority;
use crate::cli::arguments::List;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::{CertificateRecord, Registry, Status};
use crate::timestamp::DAY;

#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    board_state: Option<String>,
    #[serde(flatten)]
    certificate: CertificateRecord,
}

pub(in crate::cli) fn run(arguments: List, context: &Context) -> Result<(), Failure> {
    let registry = Registry::open(&context.fleet.registry())?;
    let wanted = |certificate: &CertificateRecord| {
        arguments.status.is_none_or(|status| certificate.status == status)
            && arguments.expiring.is_none_or(|days| {
                let horizon = context.now.after(u64::from(days) * DAY);
                certificate.status != Status::Expired
                    && certificate.not_after >= context.now
                    && certificate.not_after <= horizon
            })
    };
    let authority = if arguments.services { Authority::Service } else { Authority::Device };
    let each = |print: &mut dyn FnMut(&Line) -> Result<(), Failure>| {
        registry.for_each_current(authority, context.now, |certificate, board_state| {
            if !wanted(&certificate) {
                return Ok(());
            }
            let device_id = certificate.identity.clone().filter(|_| authority == Authority::Device);
            print(&Line { device_id, board_state, certificate })
        })
    };
    if arguments.json.requested {
        return output::json_array(each);
    }
    let width = registry.longest_name()?.max("DEVICE".len());
    let (name, state) = if arguments.services { ("SERVICE", "") } else { ("DEVICE", "BOARD") };
    output::line(format_args!("{name:<width$}  {:<10}  {state:<9}  {:<20}  SERIAL", "STATUS", "NOT AFTER"))?;
    each(&mut |line| {
        let certificate = &line.certificate;
        output::line(format_args!(
            "{:<width$}  {:<10}  {:<9}  {:<20}  {}",
            certificate.identity.as_deref().unwrap_or_default(),
            certificate.status,
            line.board_state.as_deref().unwrap_or_default(),
            certificate.not_after,
            certificate.serial,
        ))
    })
}
