//! A device of the fleet, with its own certificate, under another device's client id.

use super::{Impostor, Scene};
use crate::demo::report::Outcome;
use crate::demo::tls::{self, Papers};
use crate::demo::trouble::Trouble;
use crate::demo::visitor::{Errand, knock};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "a device claiming another's client id", expected: "refused", attempt };

fn attempt(scene: &mut Scene<'_>) -> Result<Outcome, Trouble> {
    let papers = Papers::read(&scene.fleet.device_papers(scene.mallory))?;
    let tls = tls::client(&scene.fleet.broker_root(), Some(&papers))?;
    let answer = knock(scene.victim.as_str(), scene.port, tls, &Errand::Enter)?;
    scene.judge(answer, "connect", &["client_id_mismatch"])
}
