//! Sessions of before something has changed: what is still delivered to them.

use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::Kind;

use super::scenarios::SOON;
use super::stage::{Stage, heard_within};

/// A session with subscriptions to its own topics and to the board.
fn session(stage: &Stage<'_>) -> Client {
    let mut device = stage.enter(&stage.connect().persistent());
    for filter in ["devices/ME/#", "board/#"] {
        assert!(device.subscribe(&stage.topic(filter), 1) < 0x80);
    }
    device
}

pub(crate) fn session_of_before_the_policy(stage: &mut Stage<'_>) {
    session(stage).disconnect();
    let mut backend = stage.backend();
    assert!(backend.publish("board/a", "before") < 0x80);
    stage.place.show_board(stage.host, false);
    assert!(backend.publish("board/a", "after") < 0x80);
    assert!(backend.publish(&stage.topic("devices/ME/a"), "own") < 0x80);
    let (mut device, is_kept) = stage.attempt(&stage.connect().persistent()).expect("it is let in");
    stage.note("its session is there", true, is_kept);
    assert!(backend.publish("board/a", "live") < 0x80);
    let heard = heard_within(&mut device, SOON);
    stage.note("heard", vec!["own".to_owned()], heard);
    let code = device.subscribe("board/#", 1);
    stage.note("subscribes again", false, code < 0x80);
    stage.place.show_board(stage.host, true);
}

pub(crate) fn subscription_of_before_the_suspension(stage: &mut Stage<'_>) {
    let (mut device, mut backend) = (session(stage), stage.backend());
    stage.place.site.fleet.suspend(&stage.device);
    is_ended(stage, &mut device);
    assert!(backend.publish("board/a", "meanwhile") < 0x80);
    stage.note("comes", false, stage.attempt(&stage.connect().persistent()).is_some());
    stage.place.site.fleet.resume(&stage.device);
    come_back(stage, &mut backend, Some(&["meanwhile"]));
}

/// It comes back with another certificate, under the same name.
pub(crate) fn subscription_of_before_the_revocation(stage: &mut Stage<'_>) {
    let (mut device, mut backend) = (session(stage), stage.backend());
    stage.place.site.fleet.revoke(&stage.device);
    is_ended(stage, &mut device);
    assert!(backend.publish("board/a", "meanwhile") < 0x80);
    stage.note("comes", false, stage.attempt(&stage.connect().persistent()).is_some());
    stage.issue_again();
    come_back(stage, &mut backend, None);
}

pub(crate) fn messages_of_before_the_suspension(stage: &mut Stage<'_>) {
    session(stage).disconnect();
    let mut backend = stage.backend();
    assert!(backend.publish("board/a", "before") < 0x80);
    stage.place.site.fleet.suspend(&stage.device);
    stage.settle();
    assert!(backend.publish("board/a", "meanwhile") < 0x80);
    stage.place.site.fleet.resume(&stage.device);
    come_back(stage, &mut backend, Some(&["before", "meanwhile"]));
}

fn is_ended(stage: &mut Stage<'_>, device: &mut Client) {
    let is_over = match device.hear(PATIENCE) {
        Heard::Packet(packet) => packet.is(Kind::Disconnect),
        Heard::Closed | Heard::Alert(_) => true,
        Heard::Silence => false,
    };
    stage.note("its connection is ended", true, is_over);
}

/// Whoever was kept out comes back, and hears what was kept in its session, and what is new; if there is one.
fn come_back(stage: &mut Stage<'_>, backend: &mut Client, kept: Option<&[&str]>) {
    stage.settle();
    let (mut device, is_kept) = stage.attempt(&stage.connect().persistent()).expect("it is let in");
    stage.note("its session is there", kept.is_some(), is_kept);
    let wanted = kept.unwrap_or_default().iter().map(|text| (*text).to_owned()).collect();
    stage.note("heard", wanted, heard_within(&mut device, SOON));
    assert!(backend.publish("board/a", "new") < 0x80);
    let wanted = kept.map(|_| "new".to_owned()).into_iter().collect();
    stage.note("still subscribed", wanted, heard_within(&mut device, SOON));
    device.disconnect();
}
