//! Clients that are refused: in the handshake, or for what their CONNECT asks.

use std::io::Write;
use std::net::TcpStream;

use integration_tests::client::{Client, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{Crl, DAY, Forger, now, subject};
use rcgen::{ExtendedKeyUsagePurpose, SerialNumber};

use super::client::attempt;
use crate::answer;
use crate::recorder::Recorder;

pub(super) fn handshakes(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let five = Connect::new(Version::V5, "dev-1");
    let other = site.fleet.device("dev-2");
    let numbered = |serial: u8| {
        insider.altered("dev-3", |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial]));
        })
    };
    let [stolen, held] = [0x71, 0x72].map(numbered);
    let list = Crl { revoked: vec![stolen.serial()], held: vec![held.serial()], ..Crl::fresh() };
    recorder.step("a revocation list", &["revocation list in force", "revocation list in force"], || {
        site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
        String::new()
    });
    let ended = insider.altered("dev-1", |params| {
        params.not_before = now() - 30 * DAY;
        params.not_after = now() - DAY;
    });
    let early = insider.altered("dev-1", |params| params.not_before = now() + DAY);
    let server = insider.altered("dev-1", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    for (title, credential) in [
        ("no certificate", None),
        ("a certificate of a CA nobody knows", Some(Forger::stranger(&site.fleet).certificate("dev-1"))),
        (
            "a certificate of a CA of the right name with another key",
            Some(Forger::named_like(&site.fleet, "device-ca").certificate("dev-1")),
        ),
        (
            "a certificate without its key",
            Some(Credential { certificate: site.device.certificate.clone(), key: other.key }),
        ),
        ("a certificate that ended yesterday", Some(ended)),
        ("a certificate that begins tomorrow", Some(early)),
        ("a certificate for servers", Some(server)),
        ("a revoked certificate", Some(stolen)),
        ("a certificate on hold", Some(held)),
    ] {
        recorder.step(title, &["handshake"], || attempt(site, credential.as_ref(), &five));
    }
    recorder.step("no TLS", &["a TLS handshake failed"], || {
        let mut socket = TcpStream::connect(site.address()).expect("the broker accepts connections");
        socket.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the broker takes it");
        String::new()
    });
    recorder.step("a connection without a byte", &["a TLS handshake failed"], || {
        drop(TcpStream::connect(site.address()));
        String::new()
    });
    recorder.step("TLS 1.2, which is not spoken", &["a TLS handshake failed"], || {
        let tls = Tls::with_versions(&site.fleet, Some(&site.device), &[&rustls::version::TLS12]);
        match Client::dial(site.address(), &tls, Version::V5) {
            Ok(_) => "it is let in".to_owned(),
            Err(heard) => answer::line(Version::V5, &heard),
        }
    });
}

pub(super) fn refused_connects(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let nobody = insider.altered("", |params| params.distinguished_name = subject(&["dev-1\nevil"]));
    let retired = site.fleet.device("retired-1");
    let stranger = site.fleet.service("stranger");
    let namesake = insider.certificate("backend");
    let deep = format!("devices/dev-1/telemetry{}", "/1".repeat(20));
    for version in Version::ALL {
        let connect = |client_id: &str| Connect::new(version, client_id);
        for (title, credential, connect) in [
            ("an identity that is none", &nobody, connect("dev-1")),
            ("an identity that a policy denies", &retired, connect("retired-1")),
            ("an identity that no policy matches", &stranger, connect("stranger")),
            ("another's client id", &site.device, connect("dev-10")),
            ("a client id with a line break", &site.device, connect("dev-1\n{\"outcome\":\"allowed\"}")),
            ("a client id of a longer name", &site.service, connect("backends")),
            (
                "a will for another's topic",
                &site.device,
                connect("dev-1").will("devices/dev-2/status", "off"),
            ),
            ("a will for a filter", &site.device, connect("dev-1").will("devices/+/status", "off")),
        ] {
            let title = format!("{title} ({version:?})");
            recorder.step(&title, &["connect"], || attempt(site, Some(credential), &connect));
        }
    }
    recorder.step("a will with a topic that is too deep", &["a last will is refused"], || {
        attempt(site, Some(&site.device), &Connect::new(Version::V5, "dev-1").will(&deep, "off"))
    });
    recorder.step("another such will is only counted", &["a last will is refused"], || {
        attempt(site, Some(&site.device), &Connect::new(Version::V311, "dev-1").will(&deep, "off"))
    });
    let backend = recorder.connects(&site.service, &Connect::new(Version::V5, "backend"));
    recorder.step("a client id with a session of another identity", &["client_id_mismatch"], || {
        attempt(site, Some(&namesake), &Connect::new(Version::V5, "backend"))
    });
    let more = [1, 2].map(|number| {
        recorder.connects(&site.service, &Connect::new(Version::V5, &format!("backend/{number}")))
    });
    for version in Version::ALL {
        let title = format!("a session more than an identity may have ({version:?})");
        recorder.step(&title, &["no room for another session"], || {
            attempt(site, Some(&site.service), &Connect::new(version, "backend/3"))
        });
    }
    recorder.step("they leave", &["session_closed"; 3], || {
        more.into_iter().chain([backend]).for_each(Client::disconnect);
        String::new()
    });
}
