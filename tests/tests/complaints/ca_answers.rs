//! OCSP: the CA is asked about clients, at the place that their certificates name, or that the operator does.

use std::time::Instant;

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Tls};
use integration_tests::credential::Credential;
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::Caller;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::ocsp_authority::{Authority, Status};
use integration_tests::pki::Forger;
use integration_tests::site::Site;
use rcgen::CustomExtension;

use crate::PROGRAMS;
use crate::lists::LIST_KEY;
use crate::visit::{NOTICED, is_cut_off, met, met_at};

/// What the CA answers about a certificate.
fn answer(fleet: &Fleet, credential: &Credential, status: Status) -> Behaviour {
    let authority = Authority::of(fleet, "device-ca");
    let serial = data_encoding::HEXUPPER.encode(&credential.serial());
    let question = authority.question_about(&serial);
    Behaviour::Sends(authority.answer(&authority, &question, &serial, status))
}

/// Has the broker ask about devices at `allowed`, and again each second.
fn ask(fleet: &Fleet, allowed: &str) {
    fleet.configure(LIST_KEY, &format!("{LIST_KEY}\nocsp = \"require\"\nocsp-allow = [{allowed:?}]"));
    fleet.configure("[identity]", "[fetch]\ninterval = \"1s\"\n\n[identity]");
}

/// The certificate names no responder: the operator does.
#[test]
fn the_ca_is_asked_about_clients_over_mqtt_and_over_https() {
    let responder = FileServer::start(Behaviour::Hangs);
    for transport in ["tls", "https"] {
        let fleet = Fleet::new(PROGRAMS);
        ask(&fleet, &responder.url(""));
        fleet.configure("transport = \"tls\"", &format!("transport = \"{transport}\""));
        let device = fleet.device("dev-1");
        let broker = Broker::start(&fleet);
        for (status, wanted) in [(Status::Good, "in"), (Status::Revoked, "revoked")] {
            responder.set(answer(&fleet, &device, status));
            let (asked, begin) = (responder.requests(), Instant::now());
            loop {
                let met = match transport {
                    "tls" => met_at(&broker, &fleet, &device, &Connect::new(Version::V5, "dev-1")),
                    _ => met_by_https(&broker, &fleet, &device),
                };
                if met == wanted {
                    break;
                }
                assert!(begin.elapsed() < NOTICED, "{transport}: {met}, and not {wanted}");
            }
            assert!(responder.requests() > asked, "{transport}: nobody was asked");
        }
    }
}

fn met_by_https(broker: &Broker, fleet: &Fleet, device: &Credential) -> String {
    let answer = Caller::dial(broker.address(), fleet, Some(device)).get("/.well-known/countersign", "");
    let answer = answer.expect("an answer");
    match answer.status {
        200 => "in".to_owned(),
        _ => answer.json()["reason"].as_str().expect("a refusal has a reason").to_owned(),
    }
}

/// id-pe-authorityInfoAccess (RFC 5280 §4.2.2.1) with one responder.
fn naming_a_responder(url: &str) -> CustomExtension {
    const ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    const OCSP: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1];
    let element = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80).expect("it is short");
        [&[tag, length], content].concat()
    };
    let access = element(0x30, &[OCSP, &element(0x86, url.as_bytes())].concat());
    CustomExtension::from_oid_content(ACCESS, element(0x30, &access))
}

/// What it names is asked, if the operator allows that; a stranger's certificate sends the broker nowhere.
#[test]
fn the_responder_that_a_certificate_names_is_asked_if_it_is_allowed() {
    let (allowed, other) = (FileServer::start(Behaviour::Hangs), FileServer::start(Behaviour::Hangs));
    let site = Site::configured(PROGRAMS, |fleet| ask(fleet, &allowed.url("")));
    let issuer = Forger::with_key_of(&site.fleet, "device-ca");
    let certificate = |issuer: &Forger, id: &str, url: &str| {
        issuer.altered(id, |params| params.custom_extensions.push(naming_a_responder(url)))
    };
    let device = certificate(&issuer, "dev-2", &allowed.url("device"));
    let elsewhere = certificate(&issuer, "dev-3", &other.url("device"));
    let stranger = certificate(&Forger::stranger(&site.fleet), "dev-2", &allowed.url("device"));

    assert_eq!(met(&site, &stranger, "dev-2"), "unknown_ca");
    assert_eq!(allowed.requests(), 0, "nobody is asked about a stranger");
    other.set(answer(&site.fleet, &elsewhere, Status::Good));
    assert_eq!(met(&site, &elsewhere, "dev-3"), "ocsp_unavailable");
    assert_eq!((allowed.requests(), other.requests()), (0, 0), "what is not allowed is not asked");

    allowed.set(answer(&site.fleet, &device, Status::Good));
    let tls = Tls::new(&site.fleet, Some(&device));
    let mut session = Client::connect(site.address(), &tls, &Connect::new(Version::V5, "dev-2"));
    assert!(allowed.requests() > 0);
    allowed.set(answer(&site.fleet, &device, Status::Revoked));
    is_cut_off(&mut session, Version::V5);
    assert_eq!(met(&site, &device, "dev-2"), "revoked");
    let certificate = device.certificate.display().to_string();
    let explained = operate(&site.fleet, "explain", &["--json", "--cert", &certificate]).json();
    assert_eq!(explained["running"]["reason"], "revoked", "{explained}");
}
