//! A device of the fleet connects with its own certificate and another device's client id.

use super::impostor::{AttackContext, Impostor};
use crate::demo::error::DemoError;
use crate::demo::probe::{ProbeAction, probe};
use crate::demo::report::Outcome;
use crate::demo::tls::{self, Credentials};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "a device claiming another's client id", expected: "refused", attempt };

fn attempt(context: &mut AttackContext<'_>) -> Result<Outcome, DemoError> {
    let credentials = Credentials::read(&context.fleet.device_credentials(context.mallory))?;
    let tls = tls::client(&context.fleet.broker_root(), Some(&credentials))?;
    let result = probe(context.victim.as_str(), context.port, tls, &ProbeAction::Connect)?;
    context.check_refusal(result, "connect", &["client_id_mismatch"])
}
