//! Topics that are published to, and filters that are subscribed to.

use integration_tests::credential::Credential;
use integration_tests::mqtt::{self, Connect, Version, frame, text};
use integration_tests::site::Site;

use super::comparison::{Recorded, Verdicts};
use crate::certificates::configure;
use crate::recorder::{Format, site_logging};

/// The client that asks; its name is its client id.
pub(super) fn clients(site: &Site) -> [(&'static str, Credential); 3] {
    [
        ("dev-1", site.device.clone()),
        ("backend", site.service.clone()),
        ("reader", site.fleet.service("reader")),
    ]
}

pub(super) fn publishes() -> Recorded {
    let site = site_logging(Format::Json, configure);
    let mut verdicts = Verdicts::of(&site, "Publishes with QoS 1, each over a connection of its own");
    let sixteen = format!("devices/dev-1/telemetry{}", "/1".repeat(13));
    let seventeen = format!("{sixteen}/1");
    let long = format!("devices/dev-1/telemetry/{}", "x".repeat(1000));
    let longer = format!("{long}{}", "x".repeat(100));
    let [device, service, reader] = clients(&site);
    for ((name, credential), topics) in [
        (
            device,
            &[
                "devices/dev-1/status",
                "devices/dev-1/status/",
                "devices/dev-1/telemetry",
                "devices/dev-1/telemetry/",
                "devices/dev-1/telemetry//a",
                "devices/dev-1/telemetry/a",
                "devices/dev-1/telemetry/\u{e9}",
                "devices/dev-1/telemetry/\n",
                "devices/dev-1/credential/request",
                "devices/dev-1/credential/response",
                "devices/dev-1/commands/a",
                "devices/dev-10/status",
                "devices/dev-2/status",
                "/devices/dev-1/status",
                "",
                "/",
                "+",
                "#",
                "devices/dev-1/telemetry/#",
                "devices/dev-1/telemetry/a+b",
                "devices/+/status",
                "$SYS/x",
                "$share/a/devices/dev-1/status",
                "countersign/events/x",
                &sixteen,
                &seventeen,
                &long,
                &longer,
            ][..],
        ),
        (
            service,
            &[
                "devices/dev-1/commands/a",
                "devices/dev-1/commands",
                "devices/dev-1/telemetry/a",
                "devices/a/b/commands/c",
            ],
        ),
        (reader, &["a", "/", "$SYS/x", "$a", "$share/a/b", "countersign/events/x", "devices/dev-1/status"]),
    ] {
        for version in Version::ALL {
            for topic in topics {
                let connect = Connect::new(version, name);
                let packet = mqtt::publish(version, topic, b"x", 1, false, 1);
                let title = format!("{name} to {} ({version:?})", shown(topic));
                verdicts.ask(&title, &credential, &connect, &packet, &["--publish", topic]);
            }
        }
        let nul = mqtt::publish(Version::V5, "devices/dev-1/telemetry/\0", b"x", 1, false, 1);
        let title = format!("{name} to a topic with NUL, which explain cannot be asked for");
        verdicts.ask(&title, &credential, &Connect::new(Version::V5, name), &nul, &[]);
    }
    verdicts.recorded()
}

pub(super) fn shown(text: &str) -> String {
    if text.len() < 100 { format!("{text:?}") } else { format!("a topic of {} bytes", text.len()) }
}

pub(super) fn subscriptions() -> Recorded {
    let site = site_logging(Format::Json, |fleet| {
        configure(fleet);
        fleet.limit("max-subscriptions = 1");
    });
    let mut verdicts = Verdicts::of(&site, "Subscriptions with QoS 1, each over a connection of its own");
    let sixteen = format!("devices/dev-1/commands{}", "/1".repeat(13));
    let seventeen = format!("{sixteen}/1");
    let longer = format!("devices/dev-1/commands/{}", "x".repeat(1100));
    let [device, service, reader] = clients(&site);
    for ((name, credential), filters) in [
        (
            device,
            &[
                "devices/dev-1/commands/#",
                "devices/dev-1/commands",
                "devices/dev-1/commands/a",
                "devices/dev-1/commands/+",
                "devices/dev-1/commands/+/#",
                "devices/dev-1/+/#",
                "devices/dev-1/#",
                "devices/+/commands/#",
                "devices/dev-10/commands/#",
                "devices/dev-1/credential/response",
                "devices/dev-1/credential/request",
                "devices/dev-1/status",
                "#",
                "+/#",
                "+",
                "/",
                "",
                "devices/#/commands",
                "devices/dev-1/commands#",
                "devices/dev-1/command+",
                "$SYS/#",
                "$share",
                "$share/",
                "$share/readers",
                "$share/readers/",
                "$share//devices/dev-1/commands/#",
                "$share/a+b/devices/dev-1/commands/#",
                "$share/#/devices/dev-1/commands/a",
                "$share/readers/devices/dev-1/commands/#",
                &sixteen,
                &seventeen,
                &longer,
            ][..],
        ),
        (
            service,
            &[
                "devices/+/telemetry/#",
                "devices/dev-1/telemetry/a",
                "devices/+/status",
                "devices/#",
                "devices/+/credential/response",
                "$share/readers/devices/+/telemetry/#",
                "$share/readers/devices/dev-1/telemetry/a",
                "$share/readers/devices/+/status",
                "$share/others/devices/+/telemetry/#",
            ],
        ),
        (
            reader,
            &[
                "#",
                "+/#",
                "/#",
                "+/+",
                "$SYS/#",
                "$SYS/a",
                "$SYS",
                "$other/#",
                "$share/readers/#",
                "$share/readers/+/+",
                "$share/readers/$SYS/#",
                "$share/others/#",
                "$share/+/#",
            ],
        ),
    ] {
        for version in Version::ALL {
            for filter in filters {
                let connect = Connect::new(version, name);
                let packet = mqtt::subscribe(version, filter, 1, 1);
                let title = format!("{name} to {} ({version:?})", shown(filter));
                verdicts.ask(&title, &credential, &connect, &packet, &["--subscribe", filter]);
            }
        }
        for version in Version::ALL {
            let nul = mqtt::subscribe(version, "devices/dev-1/commands/\0", 1, 1);
            let title =
                format!("{name} to a filter with NUL, which explain cannot be asked for ({version:?})");
            verdicts.ask(&title, &credential, &Connect::new(version, name), &nul, &[]);
        }
    }
    let two = |id: u16, filters: [&str; 2]| {
        let mut body = id.to_be_bytes().to_vec();
        body.push(0);
        for filter in filters {
            body.extend(text(filter));
            body.push(1);
        }
        frame(0x82, &body)
    };
    let packet = two(1, ["devices/dev-1/commands/a", "devices/dev-1/commands/b"]);
    let connect = Connect::new(Version::V5, "dev-1");
    let asked = ["--subscribe", "devices/dev-1/commands/a"];
    verdicts.ask(
        "dev-1 to two filters at once, where it may have one",
        &site.device,
        &connect,
        &packet,
        &asked,
    );
    verdicts.recorded()
}
