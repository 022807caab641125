//! The topic policy in mosquitto with the plugin and in the broker: the same clients, the same rules, the same verdicts.

mod differences;
mod others;
mod place;
mod scenarios;
mod sessions;
mod stage;

use std::collections::BTreeSet;

use integration_tests::mqtt::Version;

use differences::DIFFERENCES;
use place::{Host, Place};
use scenarios::SCENARIOS;
use stage::Stage;

#[test]
fn the_topic_policy_is_the_brokers_but_for_what_is_known() {
    let Some(place) = Place::open(&SCENARIOS.map(|(name, _)| name)) else { return };
    let (mut wrong, mut known) = (Vec::new(), BTreeSet::new());
    for (name, scenario) in SCENARIOS {
        for version in Version::ALL {
            for host in Host::ALL {
                let mut stage = Stage::new(&place, host, name, version);
                scenario(&mut stage);
                for seen in stage.seen() {
                    let difference = DIFFERENCES
                        .iter()
                        .position(|it| host == Host::Mosquitto && it.is_about(name, version, &seen.what));
                    let wanted = difference.map_or(&*seen.wanted, |number| DIFFERENCES[number].mosquitto);
                    known.extend(difference);
                    if seen.saw != wanted {
                        let (what, saw) = (&seen.what, &seen.saw);
                        wrong.push(format!("{name}, {version:?}, {host:?}, {what}: {saw}, and not {wanted}"));
                    }
                    let is_gone = difference.is_some() && wanted == seen.wanted;
                    assert!(!is_gone, "{name}: {} is no difference", seen.what);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let unused = DIFFERENCES.iter().enumerate().filter(|(number, _)| !known.contains(number));
    let unused: Vec<_> = unused.map(|(_, difference)| difference.to_string()).collect();
    assert!(unused.is_empty(), "of no scenario: {unused:?}");
}
