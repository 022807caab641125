//! A client that knows a device's name, and has no certificate.

use super::{Impostor, Scene};
use crate::demo::report::Outcome;
use crate::demo::tls;
use crate::demo::trouble::Trouble;
use crate::demo::visitor::{Errand, knock};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "no certificate at all", expected: "refused", attempt };

fn attempt(scene: &mut Scene<'_>) -> Result<Outcome, Trouble> {
    let tls = tls::client(&scene.fleet.broker_root(), None)?;
    let answer = knock(scene.victim.as_str(), scene.port, tls, &Errand::Enter)?;
    scene.judge(answer, "handshake", &["no_certificate"])
}
