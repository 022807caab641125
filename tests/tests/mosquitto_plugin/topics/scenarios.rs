//! What clients do, and what the policy wants to come of it. Another device is called `other`, and is never there.

use std::time::Duration;

use integration_tests::client::{Client, Heard};
use integration_tests::mqtt::{Kind, Version};

use super::sessions::{
    messages_of_before_the_suspension, session_of_before_the_policy, subscription_of_before_the_revocation,
    subscription_of_before_the_suspension,
};
use super::stage::{Stage, heard_until_marker, heard_within};

type Scenario = fn(&mut Stage<'_>);

pub(crate) const SCENARIOS: [(&str, Scenario); 12] = [
    ("publish", publish),
    ("subscribe", subscribe),
    ("share", share),
    ("retain", retain),
    ("will", will),
    ("forbidden-will", forbidden_will),
    ("delayed-will", delayed_will),
    ("delayed-will-of-the-suspended", delayed_will_of_the_suspended),
    ("session-of-before-the-policy", session_of_before_the_policy),
    ("subscription-of-before-the-suspension", subscription_of_before_the_suspension),
    ("subscription-of-before-the-revocation", subscription_of_before_the_revocation),
    ("messages-of-before-the-suspension", messages_of_before_the_suspension),
];

/// How long a message may take.
pub(crate) const SOON: Duration = Duration::from_millis(1500);

fn publish(stage: &mut Stage<'_>) {
    let (mut device, mut backend) = (stage.enter(&stage.connect()), stage.backend());
    assert!(backend.subscribe("#", 1) < 0x80);
    let topics = [
        ("devices/ME/a", true),
        ("devices/ME", true),
        ("devices/ME/a/b/c", true),
        ("board/ME", true),
        ("board/ME/a", false),
        ("board/other", false),
        ("board", false),
        ("devices/other/a", false),
        ("devices", false),
        ("lobby", false),
        ("$SYS/broker/version", false),
        ("$share/group/board/ME", false),
        ("countersign/events/a", false),
    ];
    for (topic, is_allowed) in topics {
        let code = device.publish(&stage.topic(topic), topic);
        // MQTT 3.1.1 has no way to say no.
        let is_done = is_allowed || stage.version == Version::V311;
        stage.note(&format!("told of {topic}"), is_done, code < 0x80);
        if !is_allowed {
            let code = device.publish_qos2(&stage.topic(topic), topic);
            stage.note(&format!("told of {topic} with QoS 2"), is_done, code < 0x80);
        }
    }
    device.publish(&stage.topic("board/ME"), "marker");
    let allowed = topics.iter().filter(|(_, is_allowed)| *is_allowed);
    let wanted: Vec<_> = allowed.map(|(topic, _)| (*topic).to_owned()).collect();
    stage.note("heard", wanted, heard_until_marker(&mut backend));
    stage.note("goes on", true, device.is_alive());
}

fn subscribe(stage: &mut Stage<'_>) {
    let (mut device, mut backend) = (stage.enter(&stage.connect()), stage.backend());
    for (filter, is_allowed) in [
        ("devices/ME/#", true),
        ("devices/ME/+/b", true),
        ("devices/ME", true),
        ("board/+", true),
        ("board/#", true),
        ("#", false),
        ("+/ME/#", false),
        ("devices/+/a", false),
        ("devices/#", false),
        ("devices/other/#", false),
        ("$SYS/#", false),
        ("$share/group/#", false),
        ("$share/another/board/a", false),
        ("$share/group/devices/ME/a", false),
        ("countersign/events/#", false),
    ] {
        let code = device.subscribe(&stage.topic(filter), 1);
        stage.note(&format!("subscribes to {filter}"), is_allowed, code < 0x80);
    }
    for topic in ["devices/ME/a", "devices/ME/a/b", "devices/other/a", "board/a", "board/a/b", "lobby"] {
        assert!(backend.publish(&stage.topic(topic), topic) < 0x80);
    }
    let mut heard = heard_within(&mut device, SOON);
    heard.sort();
    // Whether overlapping subscriptions bring a message more than once is up to the host.
    heard.dedup();
    let wanted = ["board/a", "board/a/b", "devices/ME/a", "devices/ME/a/b"].map(str::to_owned);
    stage.note("heard", wanted.to_vec(), heard);
}

fn share(stage: &mut Stage<'_>) {
    let (mut device, mut backend) = (stage.enter(&stage.connect()), stage.backend());
    let own = stage.topic("devices/ME/#");
    assert!(device.subscribe(&own, 1) < 0x80);
    let code = device.subscribe("$share/group/board/a", 1);
    stage.note("subscribes", true, code < 0x80);
    for payload in ["1", "2", "3"] {
        assert!(backend.publish("board/a", payload) < 0x80);
    }
    let heard = heard_within(&mut device, SOON);
    stage.note("heard", ["1", "2", "3"].map(str::to_owned).to_vec(), heard);
}

fn retain(stage: &mut Stage<'_>) {
    let (mut device, mut backend) = (stage.enter(&stage.connect()), stage.backend());
    for topic in ["devices/ME/own", "board/ME", "devices/other/foreign", "lobby"] {
        device.publish_retained(&stage.topic(topic), topic);
    }
    assert!(backend.publish_retained(&stage.topic("devices/ME/told"), "told") < 0x80);
    let mut later = stage.backend();
    assert!(later.subscribe(&stage.topic("devices/ME/own"), 1) < 0x80);
    stage.note("own", vec!["devices/ME/own".to_owned()], heard_within(&mut later, SOON));
    for filter in ["devices/other/foreign", "lobby"] {
        assert!(later.subscribe(filter, 1) < 0x80);
    }
    stage.note("foreign", Vec::<String>::new(), heard_within(&mut later, SOON));
    assert!(device.subscribe(&stage.topic("devices/ME/told"), 1) < 0x80);
    stage.note("told", vec!["told".to_owned()], heard_within(&mut device, SOON));
    // Nobody else is to hear of it.
    let mut backend = stage.backend();
    for topic in ["devices/ME/own", "board/ME", "devices/ME/told"] {
        assert!(backend.publish_retained(&stage.topic(topic), "") < 0x80);
    }
}

/// What `backend` hears of the will of a device whose connection is lost.
fn heard_of_will(stage: &Stage<'_>, device: Client, topic: &str) -> Vec<String> {
    let mut backend = stage.backend();
    assert!(backend.subscribe(topic, 1) < 0x80);
    drop(device);
    match backend.hear(Duration::from_secs(4)) {
        Heard::Packet(packet) if packet.is(Kind::Publish) => vec![packet.message().payload],
        _ => Vec::new(),
    }
}

fn will(stage: &mut Stage<'_>) {
    let topic = stage.topic("board/ME");
    let device = stage.enter(&stage.connect().will(&topic, "gone"));
    let heard = heard_of_will(stage, device, &topic);
    stage.note("heard", vec!["gone".to_owned()], heard);
}

fn forbidden_will(stage: &mut Stage<'_>) {
    let attempt = stage.attempt(&stage.connect().will("board/other", "gone"));
    stage.note("is let in", false, attempt.is_some());
    let heard = attempt.map(|(device, _)| heard_of_will(stage, device, "board/other")).unwrap_or_default();
    stage.note("heard", Vec::<String>::new(), heard);
}

fn delayed_will(stage: &mut Stage<'_>) {
    if stage.version == Version::V5 {
        let topic = stage.topic("board/ME");
        let connect = stage.connect().persistent().delayed_will(&topic, "gone", 1);
        let heard = heard_of_will(stage, stage.enter(&connect), &topic);
        stage.note("heard", vec!["gone".to_owned()], heard);
    }
}

/// Whoever is on hold keeps its session, and so its will.
fn delayed_will_of_the_suspended(stage: &mut Stage<'_>) {
    if stage.version == Version::V5 {
        let topic = stage.topic("board/ME");
        let mut backend = stage.backend();
        assert!(backend.subscribe(&topic, 1) < 0x80);
        drop(stage.enter(&stage.connect().persistent().delayed_will(&topic, "gone", 3)));
        stage.place.site.fleet.suspend(&stage.device);
        let heard = heard_within(&mut backend, Duration::from_secs(4));
        stage.note("heard", vec!["gone".to_owned()], heard);
        stage.place.site.fleet.resume(&stage.device);
    }
}
