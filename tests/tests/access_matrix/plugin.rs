//! The same matrix in mosquitto: the plugin decides as the broker and `explain` do, and what it decides is what clients meet.

mod differences;
mod place;
mod said;

use std::collections::BTreeSet;
use std::fs;

use integration_tests::credential::Credential;
use integration_tests::mqtt::Version;
use integration_tests::peer::Peer;
use integration_tests::pki::certificate_pem;
use serde_json::Value;

use crate::cell::Cell;
use crate::explained;
use crate::fleet::MatrixFleet;
use crate::matrix::{Certificate, Matrix};
use crate::mqtt;
use crate::protocol::Protocol;
use crate::running::Running;
use crate::shown::Shown;
use differences::{DIFFERENCES, Instead, LEFT_OUT};
use place::{Comes, Entrance, Place};
use said::Said;

/// One client, and where it comes to.
struct Visit<'a> {
    matrix: &'a Matrix,
    column: usize,
    certificate: Certificate,
    shown: Shown,
    protocol: Protocol,
    version: Version,
    /// What it meets in the broker, by the matrix.
    wanted: &'a Cell,
}

/// What is wrong in a column, and how many clients came.
fn check(peer: &Peer, matrix: &Matrix, matrix_fleet: &MatrixFleet, column: usize) -> (Vec<String>, usize) {
    let mut running = Running::start_for_mqtt(matrix_fleet, matrix.columns[column]);
    let mut place = Place::start(peer, matrix_fleet, matrix.columns[column]);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in &matrix.rows {
        let visits = row.shown.iter().flat_map(|shown| Protocol::ALL.map(|protocol| (*shown, protocol)));
        for (shown, protocol) in visits.filter(|(shown, protocol)| why_left_out(*shown, *protocol).is_none())
        {
            let Some(version) = protocol.mqtt() else { panic!("{protocol:?} is left out") };
            let (certificate, wanted) = (row.certificate, &row.cells[column]);
            let visit = Visit { matrix, column, certificate, shown, protocol, version, wanted };
            let found = visit.faults(&mut running, &mut place);
            let name = format!("{}, {}, {shown:?}, {protocol:?}", matrix.columns[column], certificate.name);
            wrong.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
            count += 1;
        }
    }
    (wrong, count)
}

/// Why such clients do not come to mosquitto here.
fn why_left_out(shown: Shown, protocol: Protocol) -> Option<&'static str> {
    LEFT_OUT.iter().find_map(|(is_meant, why)| is_meant(shown, protocol).then_some(*why))
}

impl Visit<'_> {
    fn faults(&self, running: &mut Running<'_>, place: &mut Place<'_>) -> Vec<String> {
        let fleet = running.matrix_fleet;
        let device = self.shown.device(self.protocol);
        let credential = fleet.certificates.of(self.certificate.name, &device);
        let explained = self.explained(running, credential);
        let mut faults = self.faults_of_broker(running, &explained);

        let secret = fleet.secret(self.shown, self.protocol);
        let comes = Comes { credential, device: &device, secret: secret.as_deref(), version: self.version };
        let mode = running.column.mode;
        let mut is_asked = true;
        let (mut said, mut cell) = (Said::of_explain(&explained), self.wanted.clone());
        for difference in DIFFERENCES.iter().filter(|it| it.is_about(self.certificate, mode)) {
            match difference.instead {
                Instead::OpenSsl(alert) => {
                    let heard = place.alert(&comes);
                    if heard.as_deref() != Some(alert) {
                        faults.push(format!("mosquitto's OpenSSL says {heard:?}, and not {alert}"));
                    }
                    is_asked = credential.is_none();
                }
                Instead::LeafAlone => {
                    let alone = credential.map(|credential| leaf_alone(fleet, credential, &device));
                    said = Said::of_explain(&self.explained(running, alone.as_ref()));
                    cell = self.cell_of("good").clone();
                }
                Instead::NoClientId if said.is_allowed => {
                    said = Said {
                        is_allowed: false,
                        reason: Some("client_id_mismatch".to_owned()),
                        policy: None,
                        ..said
                    };
                }
                Instead::NoClientId => {}
            }
        }
        if !is_asked {
            return faults;
        }
        // It asks for the client id that the broker gives it.
        let client_id = explained["client_id"].as_str().unwrap_or(&device).to_owned();
        let entrance = if credential.is_some() { Entrance::Mutual } else { Entrance::WithoutCertificate };
        let met = place.met(entrance, &comes, &client_id);
        if met.said.as_ref() != Some(&said) {
            faults.push(format!("the plugin says {:?}, and not {said:?}", met.said));
        }
        let fate = match (said.is_allowed, &said.reason) {
            (false, Some(reason)) => Cell::Refused(reason.clone()),
            _ => cell,
        };
        if met.cell != fate {
            faults.push(format!("in mosquitto it meets {}, and not {fate}", met.cell));
        }
        faults
    }

    /// The broker's decision, and what the client meets there.
    fn faults_of_broker(&self, running: &mut Running<'_>, explained: &Value) -> Vec<String> {
        // Whether a client holds its key, no file says.
        let is_said = self.certificate.name != "expired, and another's key";
        let mark = running.broker.log().mark();
        let met = mqtt::met(running, self.certificate, self.shown, self.protocol, self.version);
        let said = Said::of_broker(&running.broker.log().line(mark, said::is_decision));
        let wanted = Said::of_explain(explained);
        let decided =
            (is_said && said != wanted).then(|| format!("the broker says {said:?}, and not {wanted:?}"));
        let fate = (met.cell != *self.wanted).then(|| format!("in the broker it meets {}", met.cell));
        decided.into_iter().chain(fate).collect()
    }

    fn explained(&self, running: &Running<'_>, credential: Option<&Credential>) -> Value {
        let file = credential.map(|credential| credential.certificate.as_path());
        explained::said(running, file, self.shown, self.protocol, "/")
    }

    /// What the same client would meet with another certificate.
    #[track_caller]
    fn cell_of(&self, certificate: &str) -> &Cell {
        let row = self
            .matrix
            .rows
            .iter()
            .find(|row| row.certificate.name == certificate && row.shown.contains(&self.shown));
        &row.expect("the matrix has it").cells[self.column]
    }
}

/// The same without what is sent along with the leaf.
fn leaf_alone(fleet: &MatrixFleet, credential: &Credential, device: &str) -> Credential {
    let certificate = fleet.fleet.beside(&format!("leaf-of-{device}.pem"));
    fs::write(&certificate, certificate_pem(&credential.chain()[0])).expect("a file can be written");
    Credential { certificate, key: credential.key.clone() }
}

#[test]
fn the_plugin_decides_as_the_broker_and_explain_do_and_clients_meet_it() {
    let matrix = Matrix::read();
    let names: BTreeSet<_> = matrix.rows.iter().map(|row| row.certificate.name).collect();
    for difference in DIFFERENCES {
        assert!(names.contains(difference.certificate), "{difference} is of no row");
    }
    let all = || {
        matrix.rows.iter().flat_map(|row| &row.shown).flat_map(|shown| Protocol::ALL.map(|it| (*shown, it)))
    };
    for (is_meant, why) in LEFT_OUT {
        assert!(
            all().any(|(shown, protocol)| is_meant(shown, protocol)),
            "nothing is left out because {why}"
        );
    }
    let Some(peer) = Peer::mosquitto() else { return };
    let Some(matrix_fleet) = MatrixFleet::new(&matrix) else { return };
    let found = crate::in_all_columns(&matrix, |column| check(&peer, &matrix, &matrix_fleet, column));
    let came: usize = found.iter().map(|(_, count)| count).sum();
    let wrong: Vec<_> = found.into_iter().flat_map(|(wrong, _)| wrong).collect();
    let first: Vec<_> = wrong.iter().take(40).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), first.join("\n"));
    let listed = all().filter(|(shown, protocol)| why_left_out(*shown, *protocol).is_some()).count();
    assert_eq!(came, (all().count() - listed) * matrix.columns.len(), "all the others came");
}
