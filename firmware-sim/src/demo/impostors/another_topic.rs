//! A device of the fleet, as itself, publishing what another device might have measured.

use super::{Impostor, Scene};
use crate::demo::report::Outcome;
use crate::demo::tls::{self, Papers};
use crate::demo::trouble::Trouble;
use crate::demo::visitor::{Errand, knock};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "a device publishing on another's topic", expected: "denied", attempt };

fn attempt(scene: &mut Scene<'_>) -> Result<Outcome, Trouble> {
    let papers = Papers::read(&scene.fleet.device_papers(scene.mallory))?;
    let tls = tls::client(&scene.fleet.broker_root(), Some(&papers))?;
    let topic = format!("devices/{}/telemetry/temperature", scene.victim);
    let answer = knock(scene.mallory.as_str(), scene.port, tls, &Errand::Publish { topic: &topic })?;
    scene.judge(answer, "publish", &["topic_denied"])
}
