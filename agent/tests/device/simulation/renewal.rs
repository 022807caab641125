//! A device that renews its certificate, and a renewal service that answers as the test says.

use std::cell::{Ref, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use countersign_agent::device::{Cause, Config};
use countersign_agent::ecdsa::POINT_LEN;
use countersign_agent::renewal::{RenewalShare, due};
use countersign_agent::session::State;
use countersign_agent::x509::Certificate;
use device_identity::image::{Certificates, SLOT_LEN};
use device_identity::renewal::{FromDevice, Issued};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use rcgen::{CertificateParams, date_time_ymd};
use rmqtt_codec::v5::{ConnectAckReason, Packet, PublishAckReason};
use tokio::time::sleep;
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

use super::broker::{BrokerAction, Response};
use super::broker_behaviour::{TIME, user_property};
use super::event_log::{Entry, Event, EventLog};
use super::{DAY, HOUR, MINUTE, Simulation, in_virtual_time};
use crate::pki::{Certified, Fleet, NOW, device_params};

/// 2039: the certificates of devices here hold from 2024 to 2044, so they are due.
const DUE: u64 = 2_177_452_800;

/// What the service knows, and how it answers.
struct Service {
    renewal_ca: Certified,
    /// The public keys of the certificates of the device, by serial number.
    keys: HashMap<Vec<u8>, [u8; POINT_LEN]>,
    /// The certificates that were issued, by the CSR's SubjectPublicKeyInfo: the same key, the same certificate.
    issued: HashMap<Vec<u8>, Vec<u8>>,
    /// The CSRs of requests, in the order in which they came.
    requests: Vec<Vec<u8>>,
    /// The serial numbers of confirmations.
    confirmed: Vec<Vec<u8>>,
    answers: Answers,
}

/// What is answered to a request, with the certificate for it.
type Answers = Box<dyn FnMut(&Service, Vec<u8>) -> Vec<Response>>;

impl Service {
    fn hear(&mut self, payload: &[u8]) -> Vec<Response> {
        match FromDevice::read(payload).unwrap() {
            FromDevice::Request(request) => {
                let content = request.content();
                assert_eq!(content.device_id().as_str(), "dev-1");
                self.check(content.serial(), content.signed().as_bytes(), request.signature());
                self.requests.push(content.csr().to_vec());
                let certificate = self.certificate(content.csr());
                let mut answers = std::mem::replace(&mut self.answers, Box::new(|_, _| Vec::new()));
                let responses = answers(self, certificate);
                self.answers = answers;
                responses
            }
            FromDevice::Confirmation(confirmation) => {
                let content = confirmation.content();
                assert_eq!(content.device_id().as_str(), "dev-1");
                self.check(content.serial(), content.signed().as_bytes(), confirmation.signature());
                self.confirmed.push(content.serial().to_vec());
                Vec::new()
            }
        }
    }

    /// The key of this serial number has signed it.
    fn check(&self, serial: &[u8], signed: &[u8], signature: &[u8]) {
        let key = VerifyingKey::from_sec1_bytes(&self.keys[serial]).unwrap();
        key.verify(signed, &Signature::from_slice(signature).unwrap()).expect("a signature of the device");
    }

    fn certificate(&mut self, csr: &[u8]) -> Vec<u8> {
        let (_, csr) = X509CertificationRequest::from_der(csr).unwrap();
        csr.verify_signature().unwrap();
        let info = &csr.certification_request_info;
        let spki = info.subject_pki.raw.to_vec();
        if let Some(issued) = self.issued.get(&spki) {
            return issued.clone();
        }
        let certificate = self.renewal_ca.issue_for(&renewed_params("dev-1"), &spki);
        self.know(&certificate);
        self.issued.insert(spki, certificate.clone());
        certificate
    }

    fn know(&mut self, certificate: &[u8]) {
        let certificate = Certificate::read(certificate).unwrap();
        self.keys.insert(certificate.serial().to_vec(), *certificate.public_key().as_bytes());
    }

    /// The answer as it should be.
    fn answer(&self, certificate: &[u8]) -> Response {
        respond(certificate, &self.renewal_ca.der)
    }
}

/// Of a certificate that holds until 2090, so that it is not due in turn.
fn renewed_params(id: &str) -> CertificateParams {
    let mut params = device_params(id);
    params.not_after = date_time_ymd(2090, 1, 1);
    params
}

fn respond(certificate: &[u8], issuing_ca: &[u8]) -> Response {
    let mut payload = vec![0; 2048];
    let length = Issued::new(certificate, issuing_ca).unwrap().write(&mut payload).unwrap();
    payload.truncate(length);
    Response { payload, retain: false }
}

/// A device whose certificate is due, and its service.
struct Renewal {
    fleet: Fleet,
    simulation: Simulation,
    service: Rc<RefCell<Service>>,
}

impl Renewal {
    fn new() -> Self {
        let fleet = Fleet::new();
        let renewal_ca = fleet.device_root.issuing("device renewal");
        let mut simulation = Simulation::with(0, &fleet, Config::default());
        simulation.board.renew(&slot(&fleet));
        simulation.board.clock().set(DUE);
        simulation.broker.trust(&fleet, &[&fleet.device_root, &renewal_ca]);
        let service = Rc::new(RefCell::new(Service {
            renewal_ca,
            keys: HashMap::new(),
            issued: HashMap::new(),
            requests: Vec::new(),
            confirmed: Vec::new(),
            answers: Box::new(|service, certificate| vec![service.answer(&certificate)]),
        }));
        service.borrow_mut().know(&fleet.device.der);
        let hearing = Rc::clone(&service);
        simulation.broker.serve(move |payload| hearing.borrow_mut().hear(payload));
        Self { fleet, simulation, service }
    }

    fn log(&self) -> EventLog {
        self.simulation.log.clone()
    }

    fn service(&self) -> Ref<'_, Service> {
        self.service.borrow()
    }

    fn answer_by(&self, answers: impl FnMut(&Service, Vec<u8>) -> Vec<Response> + 'static) {
        self.service.borrow_mut().answers = Box::new(answers);
    }

    fn answer_as_it_should(&self) {
        self.answer_by(|service, certificate| vec![service.answer(&certificate)]);
    }

    /// Boots until a confirmation has come, and what follows it is done.
    async fn boot_until_confirmed(&mut self) {
        let log = self.log();
        let mark = log.mark();
        self.simulation.boot(until_confirmed(&log, mark)).await;
    }

    /// Boots, and waits so long.
    async fn boot_for(&mut self, duration: std::time::Duration) {
        self.simulation.boot(sleep(duration)).await;
    }

    /// The certificates that the device has shown, from `mark` on.
    fn shown(&self, mark: usize) -> Vec<Vec<u8>> {
        self.log().all(mark, |entry| match &entry.event {
            Event::TlsEstablished { certificate, .. } => Some(certificate.clone()),
            _ => None,
        })
    }

    /// The certificate that was issued last.
    fn newest(&self) -> Vec<u8> {
        let service = self.service();
        let csr = service.requests.last().expect("a request").clone();
        let (_, csr) = X509CertificationRequest::from_der(&csr).unwrap();
        service.issued[csr.certification_request_info.subject_pki.raw].clone()
    }

    /// Boots once more, and sees that the device lives on the certificate that was issued last, and on no other key.
    async fn assert_renewed(&mut self) {
        let mark = self.log().mark();
        let log = self.log();
        self.simulation.boot(log.wait_for_state(mark, State::Online, MINUTE)).await;
        super::protocol_check::check(&log);
        assert_eq!(self.shown(mark), [self.newest()]);
        let old = self.fleet.device.scalar();
        let flash = self.simulation.board.platform.flash.bytes();
        assert!(!flash.windows(old.len()).any(|bytes| bytes == old), "the old key is still in flash");
    }
}

/// The image of `dev-1`, with the CA that its next certificate comes from.
fn slot(fleet: &Fleet) -> [u8; SLOT_LEN] {
    let root = fleet.device_root.der.clone();
    // The image borrows what it is changed to, so the anchor lives as long as the test.
    let root: &'static [u8] = Box::leak(root.into_boxed_slice());
    fleet.slot_with(|image| image.device_anchors = Certificates::from_iter([root]))
}

/// Waits for a confirmation from `mark` on, and until what follows it is done.
async fn until_confirmed(log: &EventLog, mark: usize) {
    log.wait_for(mark, DAY, |entry| is_confirmation(entry).then_some(())).await;
    sleep(MINUTE).await;
}

fn is_confirmation(entry: &Entry) -> bool {
    let Event::Received { packet: Packet::Publish(publish), .. } = &entry.event else { return false };
    publish.topic.ends_with("/credential/request")
        && matches!(FromDevice::read(&publish.payload), Ok(FromDevice::Confirmation(_)))
}

#[test]
fn a_certificate_is_renewed_tried_and_confirmed_and_the_old_key_is_gone() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        renewal.boot_until_confirmed().await;
        let newest = renewal.newest();
        assert_eq!(renewal.shown(0), [renewal.fleet.device.der.clone(), newest.clone()]);
        let serial = Certificate::read(&newest).unwrap().serial().to_vec();
        assert_eq!(renewal.service().confirmed, [serial]);
        renewal.assert_renewed().await;
        // It is not due in turn, and a confirmation is said once.
        renewal.boot_for(7 * DAY).await;
        assert_eq!((renewal.service().requests.len(), renewal.service().confirmed.len()), (1, 1));
    });
}

#[test]
fn the_time_of_the_broker_is_enough() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        renewal.simulation.board.clock().forget();
        // It boots in ignorance, and hears that it is 2039.
        renewal.simulation.broker.behaviour().accept_with(|connack| {
            connack.user_properties = user_property(TIME, Some(&DUE.to_string()));
        });
        renewal.boot_until_confirmed().await;
        renewal.assert_renewed().await;
    });
}

#[test]
fn nothing_is_asked_for_before_it_is_time_and_within_a_session_it_is_noticed() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        let (clock, device) = (renewal.simulation.board.clock(), renewal.fleet.device.der.clone());
        let certificate = Certificate::read(&device).unwrap();
        let (validity, serial) = (certificate.validity(), certificate.serial());
        let due = due(validity.not_before(), validity.not_after(), serial, RenewalShare::default());
        clock.set(NOW);
        renewal.boot_for(7 * DAY).await;
        clock.set(due - 2 * DAY.as_secs());
        let mark = renewal.log().mark();
        renewal.boot_for(DAY).await;
        assert!(renewal.service().requests.is_empty());
        // One session from before the moment to after it.
        renewal.boot_for(2 * DAY).await;
        assert_eq!(renewal.service().confirmed.len(), 1);
        assert_eq!(renewal.shown(mark), [device.clone(), device, renewal.newest()]);
    });
}

#[test]
fn answers_to_something_else_are_ignored_and_the_right_one_is_taken() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        let strangers = Certified::root("device root").issuing("device renewal");
        renewal.answer_by(move |service, certificate| {
            let of_another_key = service.renewal_ca.device("dev-1").der;
            let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).unwrap();
            let spki = parsed.public_key().raw;
            let of_another_device = service.renewal_ca.issue_for(&renewed_params("dev-2"), spki);
            let of_strangers = strangers.issue_for(&renewed_params("dev-1"), spki);
            let mut torn = service.answer(&certificate);
            torn.payload.truncate(100);
            vec![
                Response { payload: Vec::new(), retain: false },
                Response { payload: b"CSRN".to_vec(), retain: false },
                torn,
                service.answer(&of_another_key),
                service.answer(&of_another_device),
                respond(&of_strangers, &strangers.der),
                respond(&of_strangers, &service.renewal_ca.der),
                respond(&certificate, &strangers.der),
                // A certificate is nothing that is kept for whoever comes.
                Response { retain: true, ..service.answer(&certificate) },
            ]
        });
        renewal.boot_for(HOUR).await;
        assert_eq!(renewal.service().requests.len(), 1);
        assert_eq!(renewal.shown(0).len(), 1, "the session goes on");
        assert_eq!(renewal.simulation.broker.unacknowledged_commands(), 0, "none of them comes again");
        // Twice, and late: the second one answers nothing any more.
        renewal.answer_by(|service, certificate| vec![service.answer(&certificate); 2]);
        renewal.boot_until_confirmed().await;
        assert_eq!(renewal.service().issued.len(), 1, "it has asked for the same key again");
        renewal.assert_renewed().await;
    });
}

#[test]
fn without_an_answer_it_asks_again_for_the_same_key_after_hours_and_after_a_reset() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        renewal.answer_by(|_, _| Vec::new());
        renewal.boot_for(DAY - HOUR).await;
        assert_eq!(renewal.service().requests.len(), 4, "every six hours");
        renewal.boot_for(MINUTE).await;
        assert_eq!(renewal.service().requests.len(), 5);
        let requests = renewal.service().requests.clone();
        assert!(requests.iter().all(|request| *request == requests[0]), "the same request to the byte");
        assert!(renewal.log().is_online());
        renewal.answer_as_it_should();
        renewal.boot_until_confirmed().await;
        assert_eq!(renewal.service().issued.len(), 1);
        renewal.assert_renewed().await;
    });
}

#[test]
fn a_broker_that_refuses_the_new_certificate_does_not_cost_the_old_one() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        // The broker has not heard of the renewal CA yet.
        renewal.simulation.broker.trust(&renewal.fleet, &[&renewal.fleet.device_root]);
        let log = renewal.log();
        let given_up = log.wait_for(0, DAY, {
            let mut requests = 0;
            move |entry| {
                let Event::Received { packet: Packet::Publish(publish), .. } = &entry.event else {
                    return None;
                };
                requests += u32::from(publish.topic.ends_with("/credential/request"));
                (requests == 2).then_some(entry.at)
            }
        });
        let at = renewal.simulation.boot(given_up).await;
        // It was tried every hour, and given up the third time; in between the device was there all the time.
        let refused = log.all_ends(0).iter().filter(|end| end.cause == Cause::ClosedBeforeConnack).count();
        assert_eq!(refused, 3);
        assert!(at > 2 * HOUR && at < 3 * HOUR, "{at:?}");
        assert!(log.all_ends(0).iter().all(|end| end.wait < 10 * super::SECOND));
        assert!(renewal.shown(0).iter().all(|shown| *shown == renewal.fleet.device.der));
        assert!(renewal.service().confirmed.is_empty());
        // Once the broker knows it, all is well.
        let cas = Rc::clone(&renewal.service);
        renewal
            .simulation
            .broker
            .trust(&renewal.fleet, &[&renewal.fleet.device_root, &cas.borrow().renewal_ca]);
        renewal.boot_until_confirmed().await;
        renewal.assert_renewed().await;
    });
}

#[test]
fn a_confirmation_that_the_broker_does_not_take_is_said_again_and_both_keys_stay_until_then() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        let (log, broker) = (renewal.log(), renewal.simulation.broker.clone());
        let refusing = async {
            // From the second connection on, which is the trial.
            log.wait_for(0, DAY, |entry| match &entry.event {
                Event::TlsEstablished { connection: 2, .. } => Some(()),
                _ => None,
            })
            .await;
            broker.behaviour().puback_reason = PublishAckReason::NotAuthorized;
        };
        renewal.simulation.boot(async { tokio::join!(until_confirmed(&log, 0), refusing) }).await;
        let old = renewal.fleet.device.scalar();
        let holds_old = |renewal: &Renewal| {
            let flash = renewal.simulation.board.platform.flash.bytes();
            flash.windows(old.len()).any(|bytes| bytes == old)
        };
        assert!(holds_old(&renewal));
        renewal.simulation.broker.behaviour().puback_reason = PublishAckReason::Success;
        renewal.boot_until_confirmed().await;
        assert!(!holds_old(&renewal));
        assert_eq!(renewal.service().requests.len(), 1);
        renewal.assert_renewed().await;
    });
}

#[test]
fn lost_connections_say_nothing_against_the_new_certificate() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        let (log, broker) = (renewal.log(), renewal.simulation.broker.clone());
        let script = async {
            // The broker is busy for a day from the first answer on.
            log.wait_for_state(0, State::Online, MINUTE).await;
            broker.behaviour().refuse(ConnectAckReason::ServerBusy, None);
            sleep(DAY).await;
            assert!(log.attempts(0).len() > 50);
            broker.behaviour().accept_with(|_| ());
            until_confirmed(&log, 0).await;
        };
        renewal.simulation.boot(script).await;
        // Old and new took turns.
        let shown = renewal.shown(0);
        let (old, new) = (&renewal.fleet.device.der, &renewal.newest());
        assert!(shown.windows(2).filter(|pair| pair[0] != pair[1]).count() > 20);
        assert!(shown.iter().all(|shown| shown == old || shown == new));
        assert_eq!(renewal.service().requests.len(), 1);
        renewal.assert_renewed().await;
    });
}

#[test]
fn telemetry_and_commands_go_on_meanwhile() {
    in_virtual_time(async {
        let mut renewal = Renewal::new();
        let (log, broker, firmware) =
            (renewal.log(), renewal.simulation.broker.clone(), renewal.simulation.firmware.clone());
        let script = async {
            firmware.publish_every(Some(super::SECOND..3 * super::SECOND));
            for number in 0..20 {
                broker.send_command(&format!("c{number}"), "blink");
                sleep(super::SECOND).await;
            }
            until_confirmed(&log, 0).await;
            firmware.publish_every(None);
            sleep(5 * MINUTE).await;
            broker.act(BrokerAction::HangUp);
            sleep(5 * MINUTE).await;
        };
        renewal.simulation.boot(script).await;
        assert_eq!(super::protocol_check::outstanding(&log), Vec::<String>::new());
        assert_eq!(broker.unacknowledged_commands(), 0);
        renewal.assert_renewed().await;
    });
}

/// The power goes at an operation of the flash, in the middle of it; the next boot is whole.
async fn cut_at(operation: u64) -> (u64, usize) {
    let mut renewal = Renewal::new();
    renewal.simulation.board.platform.flash.cut_after(operation);
    // Long enough for a whole renewal.
    renewal.boot_for(5 * MINUTE).await;
    let flash = &mut renewal.simulation.board.platform.flash;
    let whole = flash.operations();
    flash.power_on();
    let mark = renewal.log().mark();
    // Whatever was cut: it comes online, and in the end the certificate is renewed and confirmed.
    renewal.boot_for(5 * MINUTE).await;
    assert!(renewal.log().is_online(), "cut at {operation}");
    assert!(!renewal.shown(mark).is_empty(), "cut at {operation}");
    assert!(!renewal.service().confirmed.is_empty(), "cut at {operation}");
    let asked = renewal.service().issued.len();
    assert!(asked <= 2, "cut at {operation}: {asked} keys");
    renewal.assert_renewed().await;
    (whole, asked)
}

#[test]
fn a_cut_at_any_operation_of_the_flash_costs_at_most_one_key() {
    in_virtual_time(async {
        let (whole, _) = cut_at(u64::MAX).await;
        assert!(whole > 200, "{whole} operations");
        let mut keys = [0; 2];
        for operation in 0..whole {
            let (_, asked) = cut_at(operation).await;
            keys[asked - 1] += 1;
        }
        println!("{whole} operations; with one key: {}, with two: {}", keys[0], keys[1]);
        assert!(keys[0] > 0 && keys[1] > 0);
    });
}
