//! A certificate for the same device id from a second fleet, whose CAs have the same names.

use super::impostor::{AttackContext, Impostor};
use crate::demo::error::DemoError;
use crate::demo::fleet::Fleet;
use crate::demo::probe::{ProbeAction, probe};
use crate::demo::report::Outcome;
use crate::demo::tls::{self, Credentials};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "a device certificate of a foreign CA", expected: "refused", attempt };

fn attempt(context: &mut AttackContext<'_>) -> Result<Outcome, DemoError> {
    let foreign = Fleet::init(context.scratch.join("foreign"), "of a foreign factory", context.port)?;
    foreign.issue(std::slice::from_ref(context.mallory))?;
    let credentials = Credentials::read(&foreign.device_credentials(context.mallory))?;
    let tls = tls::client(&context.fleet.broker_root(), Some(&credentials))?;
    let result = probe(context.mallory.as_str(), context.port, tls, &ProbeAction::Connect)?;
    // The broker may find the trusted CA by its name, and then the signature is wrong.
    context.check_refusal(result, "handshake", &["unknown_ca", "bad_signature"])
}
