//! A certificate of the same name, from a second fleet of the same names.

use super::{Impostor, Scene};
use crate::demo::fleet::Fleet;
use crate::demo::report::Outcome;
use crate::demo::tls::{self, Papers};
use crate::demo::trouble::Trouble;
use crate::demo::visitor::{Errand, knock};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "a device certificate of a foreign CA", expected: "refused", attempt };

fn attempt(scene: &mut Scene<'_>) -> Result<Outcome, Trouble> {
    let foreign = Fleet::found(scene.scratch.join("foreign"), "foreign", scene.port)?;
    foreign.issue(std::slice::from_ref(scene.mallory))?;
    let papers = Papers::read(&foreign.device_papers(scene.mallory))?;
    let tls = tls::client(&scene.fleet.broker_root(), Some(&papers))?;
    let answer = knock(scene.mallory.as_str(), scene.port, tls, &Errand::Enter)?;
    // The foreign CA has the same name: it is found, and then its signature is wrong.
    scene.judge(answer, "handshake", &["unknown_ca", "bad_signature"])
}
