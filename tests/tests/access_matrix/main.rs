//! Mode × certificate × second factor × action of the policy × protocol: who gets where.
//!
//! `matrix.md` was written by hand, from what the README promises. Each of its cells is a running broker that clients of
//! MQTT 3.1.1, MQTT 5 and HTTPS connect to, and what `explain` says in a process of its own. `invariants` holds for what was
//! met whatever stands in the matrix.

#![forbid(unsafe_code)]

mod area;
mod cell;
mod certificates;
mod column;
mod explained;
mod fleet;
mod https;
mod invariants;
mod matrix;
mod mqtt;
mod observation;
mod plugin;
mod protocol;
mod running;
mod shown;

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use integration_tests::program::Programs;

use crate::fleet::MatrixFleet;
use crate::matrix::Matrix;
use crate::observation::Observation;
use crate::protocol::Protocol;
use crate::running::Running;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// What was met in a column, and what is wrong with it.
#[derive(Default)]
struct Report {
    observations: Vec<Observation>,
    wrong: Vec<String>,
}

/// One client after the other, and `explain` beside them.
fn check(matrix: &Matrix, matrix_fleet: &MatrixFleet, number: usize) -> Report {
    let column = matrix.columns[number];
    let mut running = Running::start(matrix_fleet, column);
    let mut report = Report::default();
    for row in &matrix.rows {
        let (certificate, wanted) = (row.certificate, &row.cells[number]);
        for (shown, protocol) in row.shown.iter().flat_map(|shown| Protocol::ALL.map(|it| (*shown, it))) {
            let met = match protocol.mqtt() {
                Some(version) => mqtt::met(&mut running, certificate, shown, protocol, version),
                None => https::met(&running, certificate, shown),
            };
            let mut faults = explained::faults(&running, certificate, shown, protocol, wanted);
            if met.cell != *wanted {
                faults.push(format!("{}, and not {wanted}", met.cell));
            }
            let place = format!("{column}, {}, {shown:?}, {protocol:?}", certificate.name);
            report.wrong.extend(faults.into_iter().map(|fault| format!("{place}: {fault}")));
            report.observations.push(Observation { column, certificate, shown, protocol, met });
        }
    }
    report
}

/// What `check` finds in each column, as many at once as there are cores, and one that waits.
fn in_all_columns<T: Send>(matrix: &Matrix, check: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        numbers.take_while(|number| *number < matrix.columns.len()).map(&check).collect::<Vec<_>>()
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..=cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a column is checked")).collect()
    })
}

fn check_all(matrix: &Matrix, matrix_fleet: &MatrixFleet) -> Report {
    let reports = in_all_columns(matrix, |number| check(matrix, matrix_fleet, number));
    reports.into_iter().fold(Report::default(), |mut all, report| {
        all.observations.extend(report.observations);
        all.wrong.extend(report.wrong);
        all
    })
}

#[test]
fn every_cell_is_what_clients_meet_and_nobody_gets_what_no_table_could_give() {
    let matrix = Matrix::read();
    let cells: usize = matrix.rows.iter().map(|row| row.cells.len()).sum();
    assert!(cells >= 600, "{cells} cells");
    let Some(matrix_fleet) = MatrixFleet::new(&matrix) else { return };
    let report = check_all(&matrix, &matrix_fleet);
    let wrong = [report.wrong, invariants::broken(&report.observations)].concat();
    let first: Vec<_> = wrong.iter().take(40).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), first.join("\n"));
    let clients: usize = matrix.rows.iter().map(|row| row.cells.len() * row.shown.len() * 3).sum();
    assert_eq!(report.observations.len(), clients);
}
