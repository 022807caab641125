//! A device of the fleet connects as itself and publishes to a telemetry topic of another device.

use super::impostor::{AttackContext, Impostor};
use crate::demo::error::DemoError;
use crate::demo::probe::{ProbeAction, probe};
use crate::demo::report::Outcome;
use crate::demo::tls::{self, Credentials};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "a device publishing on another's topic", expected: "denied", attempt };

fn attempt(context: &mut AttackContext<'_>) -> Result<Outcome, DemoError> {
    let credentials = Credentials::read(&context.fleet.device_credentials(context.mallory))?;
    let tls = tls::client(&context.fleet.broker_root(), Some(&credentials))?;
    let topic = format!("devices/{}/telemetry/temperature", context.victim);
    let result = probe(context.mallory.as_str(), context.port, tls, &ProbeAction::Publish { topic: &topic })?;
    context.check_refusal(result, "publish", &["topic_denied"])
}
