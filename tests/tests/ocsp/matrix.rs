//! Every answer in every mode, as `matrix.md` has it: what a device meets, and what `explain` says of the files.

use std::net::Ipv4Addr;
use std::time::Duration;

use integration_tests::broker::{Broker, Mark};
use integration_tests::credential::Credential;
use integration_tests::markdown_table::MarkdownTable;
use integration_tests::mqtt::Version;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::conduct::Conduct;
use crate::place::Place;
use integration_tests::ocsp_authority::Status;

const MATRIX: &str = include_str!("matrix.md");

/// What the responder does in a row. `None`: nobody listens.
fn conduct(row: &str) -> Option<Conduct> {
    Some(match row {
        "good" => Conduct::Says(Status::Good),
        "good after a second" => Conduct::GoodAfter(Duration::from_secs(1)),
        "revoked" => Conduct::Says(Status::Revoked),
        "on hold" => Conduct::Says(Status::OnHold),
        "unknown" => Conduct::Says(Status::Unknown),
        "hangs" => Conduct::Hangs,
        "drips" => Conduct::Drips,
        "garbage" => Conduct::Garbage,
        "half" => Conduct::Half,
        "about another" => Conduct::AboutAnother,
        "replayed" => Conduct::Replayed,
        "until yesterday" => Conduct::GoodUntilYesterday,
        "signed by another" => Conduct::SignedByAnother,
        "signature broken" => Conduct::SignatureBroken,
        "try later" => Conduct::TryLater,
        "redirects" => Conduct::Redirects,
        "status 500" => Conduct::Fails(500),
        "a gigabyte" => Conduct::Floods,
        "closed port" => return None,
        other => panic!("row {other}"),
    })
}

/// A row: what the responder does, the word for it, why that is no answer, and what is met in each column.
struct Row {
    answer: &'static str,
    word: &'static str,
    /// `-`: it is one.
    why: &'static str,
    wanted: Vec<&'static str>,
}

/// The header's columns, and the rows.
fn table() -> (Vec<&'static str>, Vec<Row>) {
    let table = MarkdownTable::all(MATRIX).remove(0);
    let row = |cells: Vec<&'static str>| Row {
        answer: cells[0],
        word: cells[1],
        why: cells[2],
        wanted: cells[3..].to_vec(),
    };
    (table.header[3..].to_vec(), table.rows.into_iter().map(row).collect())
}

/// What `explain` says, in the words of the matrix.
fn explained(said: &Value) -> String {
    let ocsp = said["ocsp"].as_str();
    match (said["allowed"].as_bool(), said["reason"].as_str()) {
        (Some(true), _) if ocsp.is_some_and(|text| text.ends_with("the revocation list decides")) => {
            "list".to_owned()
        }
        (Some(true), _) if ocsp.is_some_and(|text| text.ends_with("is not known")) => "alarm".to_owned(),
        (Some(true), _) => {
            assert!(ocsp.is_none_or(|text| text.starts_with("good, until")), "{said}");
            "in".to_owned()
        }
        (_, reason) => format!("0x87 {}", reason.unwrap_or_default()),
    }
}

/// Whether an error says that clients are let in who may be revoked.
fn is_alarmed(broker: &Broker) -> bool {
    broker.log().since(Mark::START).iter().any(|line| {
        line["level"] == "ERROR" && line.to_string().contains("whether a client is revoked is not known")
    })
}

/// Checks the column with this number; what is wrong.
fn check(number: usize, name: &str, rows: &[Row]) -> Vec<String> {
    let (mode, list) = name.split_once(", ").expect("a mode and whether there is a list");
    let place = Place::new(mode);
    let place = if list == "none" { place.without_list() } else { place };
    // Nobody listens there, and nobody else can.
    let closed = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    closed.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    let closed = format!("http://{}", closed.local_addr().ok().and_then(|at| at.as_socket()).expect("bound"));
    if mode != "off" {
        place.fleet.configure("ocsp-allow = [", &format!("ocsp-allow = [\"{closed}\", "));
    }
    let id = |row: &Row| row.answer.replace(' ', "-");
    let devices: Vec<Credential> = rows
        .iter()
        .map(|row| match conduct(row.answer) {
            Some(conduct) => place.device(&id(row), conduct),
            None => place.device_asked_about_at(&id(row), &closed),
        })
        .collect();
    place.responder.knows("elsewhere", &devices[0], Conduct::Says(Status::Good));
    let broker = place.start();
    let mut wrong = Vec::new();
    for (row, device) in rows.iter().zip(&devices) {
        let wanted = row.wanted[number];
        let met_as = if matches!(wanted, "list" | "alarm") { "in" } else { wanted };
        // The second one finds an answer, or a responder that was silent a moment ago.
        for version in Version::ALL {
            let found = place.met(&broker, device, &id(row), version);
            if found != met_as {
                wrong.push(format!("{name}, {}, {version:?}: {found}, and not {wanted}", row.answer));
            }
        }
        let of_files = place.explained(device, &["--client-id", &id(row), "--ocsp", row.word]);
        let found = explained(&of_files);
        if found != wanted {
            wrong.push(format!("{name}, {}: explain says {found}, and not {wanted}", row.answer));
        }
        // Files know nothing, and the running broker what it has heard.
        let said = place.explained(device, &["--client-id", &id(row)]);
        let would_ask = said["would_ask"].to_string().contains("ocsp");
        let heard = explained(&said["running"]);
        if would_ask == (mode == "off") || heard != wanted {
            wrong.push(format!("{name}, {}: explain without a word says {said}", row.answer));
        }
        // So that each fault is the one that it is meant to be.
        let told = format!("{} {}", said["running"]["ocsp"], said["running"]["evidence"]);
        if mode != "off" && row.why != "-" && !told.contains(row.why) {
            wrong.push(format!("{name}, {}: not because {:?}: {told}", row.answer, row.why));
        }
        let asked = place.responder.asked(&id(row)) > 0;
        if asked != (mode != "off" && conduct(row.answer).is_some()) {
            wrong.push(format!("{name}, {}: asked: {asked}", row.answer));
        }
    }
    if is_alarmed(&broker) != rows.iter().any(|row| row.wanted[number] == "alarm") {
        wrong.push(format!("{name}: alarmed: {}", is_alarmed(&broker)));
    }
    if place.responder.asked("elsewhere") > 0 {
        wrong.push(format!("{name}: a redirect was followed"));
    }
    wrong
}

#[test]
fn every_cell_of_the_matrix_is_what_a_device_meets() {
    let (columns, rows) = table();
    assert_eq!((columns.len(), rows.len()), (6, 19));
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let rows = &rows;
        let checks: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(number, name)| scope.spawn(move || check(number, name, rows)))
            .collect();
        checks.into_iter().flat_map(|check| check.join().expect("a column is checked")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
