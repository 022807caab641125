//! Certificates, client ids, and what else is in CONNECT.

use integration_tests::credential::Credential;
use integration_tests::mqtt::{self, Connect, Version, frame, text};
use integration_tests::pki::Forger;

use super::comparison::{Recorded, Verdicts};
use crate::certificates::{Forgers, all, configure};
use crate::recorder::{Format, lines_of, site_logging};

pub(super) fn certificates() -> Recorded {
    let site = site_logging(Format::Json, configure);
    let mut verdicts = Verdicts::of(&site, "Certificates, each with the client id that would be its own");
    for shown in all(&site, &Forgers::of(&site.fleet)) {
        let connect = Connect::new(Version::V5, shown.client_id);
        verdicts.connect(shown.what, &shown.credential, &connect, &["--client-id", shown.client_id]);
    }
    let other = site.fleet.device("dev-2");
    let stolen = Credential { certificate: site.device.certificate.clone(), key: other.key };
    let connect = Connect::new(Version::V5, "dev-1");
    verdicts.connect("a device's, without its key", &stolen, &connect, &[]);
    verdicts.connect_as("no certificate", None, &site.device, Version::V5, &connect.packet(), &[]);
    verdicts.recorded()
}

pub(super) fn client_ids() -> Recorded {
    let site = site_logging(Format::Json, configure);
    let mut verdicts = Verdicts::of(&site, "Client ids; explain is asked once with it and once without");
    let reader = site.fleet.service("reader");
    let provisioning = site.fleet.service("provisioning");
    let long = "x".repeat(300);
    for (who, credential, ids) in [
        (
            "must-equal",
            &site.device,
            &[
                "dev-1",
                "",
                "dev-10",
                "dev-",
                "DEV-1",
                "dev-1/1",
                " dev-1",
                "dev-1\n",
                "dev-1\u{1b}[31m",
                "d\u{e9}v-1",
            ][..],
        ),
        (
            "must-start-with",
            &site.service,
            &["backend", "backend/", "backend/1", "backend/1/2", "backends", "", "back"],
        ),
        (
            "must-start-with, of another policy",
            &provisioning,
            &["provisioning", "provisioning/1", "backend", ""],
        ),
        ("free", &reader, &["reader", "dev-1", "", "#", "a/+/b", "$SYS", "\u{1}", "d\u{e9}v-1", &long]),
    ] {
        for version in Version::ALL {
            for id in ids {
                let connect = Connect::new(version, id);
                let shown = if id.len() > 100 { "300 x" } else { id };
                let title = format!("{who}: {shown:?} ({version:?})");
                verdicts.connect(&title, credential, &connect, &["--client-id", id]);
            }
        }
        verdicts.connect(
            &format!("{who}: the first of these, and explain is not asked for it"),
            credential,
            &Connect::new(Version::V5, ids[0]),
            &[],
        );
        verdicts.connect(
            &format!("{who}: one of somebody else, and explain is not asked for it"),
            credential,
            &Connect::new(Version::V5, "somebody"),
            &[],
        );
    }
    let lasting = Connect::new(Version::V311, "").persistent();
    verdicts.connect("none, for a session that lasts (V311)", &site.device, &lasting, &["--client-id", ""]);
    let lasting = Connect::new(Version::V5, "").persistent();
    verdicts.connect("none, for a session that lasts (V5)", &site.device, &lasting, &["--client-id", ""]);
    let nul = Connect::new(Version::V5, "a\0b");
    verdicts.connect("free: NUL, which explain cannot be asked for", &reader, &nul, &[]);

    // The name of a service with a session, and a device of that name.
    let namesake = Forger::with_key_of(&site.fleet, "device-ca").certificate("backend");
    let (backend, _) = lines_of(&site, &["allowed"], || site.backend(Version::V5));
    let connect = Connect::new(Version::V5, "backend");
    verdicts.connect(
        "one whose session is another identity's",
        &namesake,
        &connect,
        &["--client-id", "backend"],
    );
    lines_of(&site, &["session_closed"], || backend.disconnect());
    verdicts.recorded()
}

pub(super) fn wills_and_connects() -> Recorded {
    let site = site_logging(Format::Json, |fleet| {
        configure(fleet);
        fleet.limit("max-sessions-per-identity = 1\nmax-will-size = 100");
    });
    let mut verdicts =
        Verdicts::of(&site, "What else is in CONNECT; explain is asked to publish to the will's topic");
    let deep = format!("devices/dev-1/telemetry{}", "/1".repeat(20));
    let long = "x".repeat(200);
    for version in Version::ALL {
        for (what, topic, payload) in [
            ("a will", "devices/dev-1/status", "off"),
            ("a will for another's topic", "devices/dev-2/status", "off"),
            ("a will for a filter", "devices/dev-1/telemetry/#", "off"),
            ("a will for no topic", "", "off"),
            ("a will for a topic that is too deep", &deep, "off"),
            ("a will that is too long", "devices/dev-1/status", &long),
            ("a will that is too long, for another's topic", "devices/dev-2/status", &long),
            ("a will for $SYS", "$SYS/x", "off"),
        ] {
            let connect = Connect::new(version, "dev-1").will(topic, payload);
            verdicts.connect(&format!("{what} ({version:?})"), &site.device, &connect, &["--publish", topic]);
        }
        let connect = Connect::new(version, "dev-10").will("devices/dev-2/status", "off");
        let asked = ["--client-id", "dev-10", "--publish", "devices/dev-2/status"];
        verdicts.connect(
            &format!("a wrong client id and a wrong will ({version:?})"),
            &site.device,
            &connect,
            &asked,
        );
    }
    let retired = site.fleet.device("retired-1");
    let connect = Connect::new(Version::V5, "dev-10").will("devices/dev-2/status", "off");
    let asked = ["--client-id", "dev-10", "--publish", "devices/dev-2/status"];
    verdicts.connect("a denied identity, a wrong client id and a wrong will", &retired, &connect, &asked);

    let with_properties = |client_id: &str, properties: &[u8]| {
        let mut body = text("MQTT");
        body.extend([5, 0x02, 0, 0]);
        body.extend(mqtt::length(properties.len()));
        body.extend(properties);
        body.extend(text(client_id));
        frame(0x10, &body)
    };
    let method = [&[0x15][..], &text("SCRAM")].concat();
    let data = [&[0x16][..], &text("secret")].concat();
    for (what, client_id, properties) in [
        ("an authentication method", "dev-1", &method),
        ("an authentication method and a wrong client id", "dev-10", &method),
        ("authentication data alone", "dev-1", &data),
    ] {
        let packet = with_properties(client_id, properties);
        let device = &site.device;
        verdicts.connect_as(what, Some(device), device, Version::V5, &packet, &["--client-id", client_id]);
    }
    let mut unknown = text("MQTT");
    unknown.extend([6, 0x02, 0, 0]);
    unknown.extend(text("dev-10"));
    let device = &site.device;
    let asked = ["--client-id", "dev-10"];
    verdicts.connect_as(
        "an unknown version and a wrong client id",
        Some(device),
        device,
        Version::V311,
        &frame(0x10, &unknown),
        &asked,
    );
    let (backend, _) = lines_of(&site, &["allowed"], || site.backend(Version::V5));
    let second = Connect::new(Version::V5, "backend/2");
    verdicts.connect(
        "a second session of an identity that may have one",
        &site.service,
        &second,
        &["--client-id", "backend/2"],
    );
    lines_of(&site, &["session_closed"], || backend.disconnect());
    verdicts.recorded()
}
