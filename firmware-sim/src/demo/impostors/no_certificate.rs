//! A client that uses a device's client id and presents no certificate.

use super::impostor::{AttackContext, Impostor};
use crate::demo::error::DemoError;
use crate::demo::probe::{ProbeAction, probe};
use crate::demo::report::Outcome;
use crate::demo::tls;

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "no certificate at all", expected: "refused", attempt };

fn attempt(context: &mut AttackContext<'_>) -> Result<Outcome, DemoError> {
    let tls = tls::client(&context.fleet.broker_root(), None)?;
    let result = probe(context.victim.as_str(), context.port, tls, &ProbeAction::Connect)?;
    context.check_refusal(result, "handshake", &["no_certificate"])
}
