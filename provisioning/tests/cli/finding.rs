//! Finding devices: lists by what their orders say, and one device by any of its numbers.

use std::fs;

use crate::factory::Factory;

fn fleet() -> Factory {
    let factory = Factory::new();
    factory.request("own", "x", "");
    factory.write(
        "order.csv",
        "device_id,product,serial_number,work_order,csr,Colour,note\n\
         dev-1,pump,0001,WO-1,,red,=1+1\n\
         dev-2,pump,0002,WO-1,own.csr,blue,\"a;=b, \"\"c\"\"\"\n\
         dev-3,valve,0002,WO 2,,red,-5\n\
         dev-4,valve,dev-1,WO\u{a0}2,,,\n",
    );
    factory.run("issue --order order.csv --format pem").succeeded();
    factory.run("service historian").succeeded();
    factory
}

/// The devices of a list.
fn listed(factory: &Factory, arguments: &[&str]) -> Vec<String> {
    let mut command = factory.command("list --json");
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    list.as_array().unwrap().iter().map(|line| line["device_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_is_narrowed_by_every_column_and_by_several_at_once() {
    let factory = fleet();
    for (arguments, devices) in [
        (&["--work-order", "WO-1"][..], &["dev-1", "dev-2"][..]),
        (&["--work-order", "\u{a0}WO  2 "], &["dev-3", "dev-4"]),
        (&["--work-order", "WO2"], &[]),
        (&["--product", "valve "], &["dev-3", "dev-4"]),
        (&["--serial-number", "0002"], &["dev-2", "dev-3"]),
        (&["--serial-number", "0002", "--product", "pump"], &["dev-2"]),
        (&["--key-origin", "device"], &["dev-2"]),
        (&["--key-origin", "factory", "--work-order", "WO-1"], &["dev-1"]),
        (&["--where", "colour=red"], &["dev-1", "dev-3"]),
        (&["--where", "COLOUR = red ", "--where", "Work Order=WO-1"], &["dev-1"]),
        (&["--where", "colour="], &["dev-4"]),
        (&["--where", "note=a;=b, \"c\""], &["dev-2"]),
        (&["--where", "height=1"], &[]),
        (&["--expiring", "36500", "--where", "SN=0001"], &["dev-1"]),
        (&["--expiring", "1"], &[]),
        (&["--status", "revoked"], &[]),
    ] {
        assert_eq!(listed(&factory, arguments), devices, "{arguments:?}");
    }
    factory.run("list --where colour").exited(2).says("COLUMN=VALUE");
    factory.run("list --services --product pump").exited(2);
    factory.run("list --csv --json").exited(2);
}

/// A reader of CSV that nobody here wrote.
fn python_rows(factory: &Factory, csv: &str) -> Vec<Vec<String>> {
    factory.write("list.csv", csv);
    let script = "import csv, json; print(json.dumps(list(csv.reader(open('list.csv', newline='', encoding='utf-8')))))";
    let mut python = std::process::Command::new("python3");
    let output =
        python.args(["-c", script]).current_dir(factory.path("")).output().expect("python3 is installed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_list_as_csv_reads_back_and_no_cell_of_it_is_a_formula() {
    let factory = fleet();
    factory.run("revoke dev-3 --reason superseded").succeeded();
    let csv = factory.run("list --csv").succeeded().stdout;
    let rows = python_rows(&factory, &csv);
    assert_eq!(rows.len(), 5);
    let column =
        |name: &str| rows[0].iter().position(|cell| cell == name).unwrap_or_else(|| panic!("{name}: {csv}"));
    let cells = |name: &str| rows[1..].iter().map(|row| row[column(name)].clone()).collect::<Vec<_>>();
    assert_eq!(cells("device_id"), ["dev-1", "dev-2", "dev-3", "dev-4"]);
    assert_eq!(cells("status"), ["active", "active", "revoked", "active"]);
    assert_eq!(cells("revocation_reason"), ["", "", "superseded", ""]);
    assert_eq!(cells("serial_number"), ["0001", "0002", "0002", "dev-1"]);
    assert_eq!(cells("key_origin"), ["factory", "device", "factory", "factory"]);
    assert_eq!(cells("metadata.Colour"), ["red", "blue", "red", ""]);
    assert_eq!(cells("metadata.note"), ["'=1+1", "a;=b, \"c\"", "'-5", ""]);
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
    }
    // Also for a program that splits at semicolons: no cell begins within a cell.
    assert!(csv.lines().all(|line| line.starts_with('"') && line.ends_with('"')), "{csv}");
    // The columns are those of the devices that are listed.
    let services = python_rows(&factory, &factory.run("list --services --csv").succeeded().stdout);
    assert_eq!((services.len(), services[1][0].as_str()), (2, "historian"));
    assert!(!services[0].iter().any(|name| name.starts_with("metadata.")));
}

#[test]
fn a_device_is_shown_by_its_id_its_serial_number_or_that_of_its_board() {
    let factory = fleet();
    let serial = factory.json("show dev-2")["certificates"][0]["serial"].as_str().unwrap().to_owned();
    let printed = factory.openssl("x509 -in fleet/images/dev-2.cert.pem -noout -serial").succeeded().stdout;
    let decimal = u128::from_str_radix(&serial, 16).unwrap().to_string();
    let colons: Vec<_> = serial.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    for written in [
        serial.clone(),
        printed.trim().to_owned(),
        decimal,
        format!("00:{}", colons.join(":")),
        format!("0x{serial}"),
    ] {
        assert_eq!(factory.json(&format!("show {written}"))["device_id"], "dev-2", "{written}");
    }
    assert_eq!(factory.json("show 0001")["device_id"], "dev-1");
    let shown = factory.run("show 0002").exited(5);
    shown.says("0002 is the serial number on several boards: dev-2, dev-3");
    // A name is a name first.
    let output =
        factory.run("show dev-1").succeeded().says("dev-1 is also the serial number on the board of dev-4");
    assert!(output.stdout.contains("key made by  countersign-provision"), "{}", output.stdout);
    assert!(factory.run("show dev-2").stdout.contains("key made by  the device"));
    assert_eq!(factory.json("show dev-2")["certificates"][0]["key_origin"], "device");
    let broker = factory.json("broker-cert")["serial"].as_str().unwrap().to_owned();
    assert!(factory.run(&format!("show {broker}")).succeeded().stdout.starts_with("broker\n"));
    for unknown in ["dev-9", "0003", "01010101010101010101010101010101"] {
        factory.run(&format!("show {unknown}")).exited(4);
    }
}

#[test]
fn a_certificate_is_printed_as_the_chain_that_openssl_verifies() {
    let factory = fleet();
    let file = fs::read_to_string(factory.path("fleet/images/dev-1.cert.pem")).unwrap();
    assert_eq!(factory.run("cert dev-1").succeeded().stdout, file);
    assert_eq!(factory.run("cert 0001").succeeded().stdout, file);
    let serial = factory.json("show dev-1")["certificates"][0]["serial"].as_str().unwrap().to_owned();
    assert_eq!(factory.run(&format!("cert {serial}")).succeeded().stdout, file);
    let first = fs::read_to_string(factory.path("fleet/services/historian.cert.pem")).unwrap();
    factory.run("service historian --renew").succeeded();
    let second = fs::read_to_string(factory.path("fleet/services/historian.cert.pem")).unwrap();
    assert_eq!(factory.run("cert historian").succeeded().stdout, second);
    assert_ne!(first, second);
    factory.run("revoke dev-1").succeeded();
    factory.write("printed.pem", factory.run("cert dev-1").succeeded().says("is revoked").stdout);
    assert_eq!(factory.openssl_verdict("printed.pem"), "certificate revoked");
    factory.run("cert 0002").exited(5);
    factory.run("cert dev-9").exited(4);
}

#[test]
fn a_service_gets_the_anchor_by_which_it_knows_the_broker() {
    let factory = fleet();
    assert_eq!(
        factory.files("fleet/services"),
        ["historian.ca.pem", "historian.cert.pem", "historian.key.pem"]
    );
    let verify = "verify -CAfile fleet/services/historian.ca.pem -untrusted fleet/broker/cert.pem fleet/broker/cert.pem";
    factory.openssl(verify).succeeded();
    // One that was made before gets it when it is renewed.
    fs::remove_file(factory.path("fleet/services/historian.ca.pem")).unwrap();
    let document = factory.json("service historian --renew");
    assert!(factory.path(document["ca_file"].as_str().unwrap()).is_file());
    factory.openssl(verify).succeeded();
}

#[test]
fn two_boards_of_one_product_have_two_serial_numbers_unless_it_is_said_that_they_share() {
    let factory = fleet();
    let order = |name: &str, lines: &str| {
        factory.write(name, format!("device_id,product,SN\n{lines}"));
        factory.run(&format!("issue --order {name}"))
    };
    // Registered before, in any spelling.
    for (lines, words) in [
        (
            "dev-5,pump,0001\n",
            "line 2: the board serial number \"0001\" of product \"pump\" is that of dev-1 already",
        ),
        ("dev-5,\u{a0}pump,0002 \n", "is that of dev-2 already"),
        (
            "dev-5,pump,0009\ndev-6,pump, 0009\n",
            "line 3: the board serial number \"0009\" of product \"pump\" is that of dev-5 in line 2",
        ),
        ("dev-5,,0001\ndev-6,,0001\n", "the board serial number \"0001\" is that of dev-5 in line 2"),
    ] {
        order("twice.csv", lines).exited(5).says(words).says("--shared-serial");
    }
    assert_eq!(factory.json("list").as_array().unwrap().len(), 4);
    // Another product, none, or a board whose device was revoked: the number is free. A suspended one keeps it.
    order("free.csv", "dev-5,motor,0001\ndev-6,,0001\ndev-7,,\ndev-8,,\n").succeeded();
    factory.run("suspend dev-1").succeeded();
    order("repaired.csv", "dev-9,pump,0001\n").exited(5);
    factory.run("revoke dev-1").succeeded();
    order("repaired.csv", "dev-9,pump,0001\n").succeeded();
    // An order that shares a number is finished, also when it is run again without saying so.
    factory.write("shared.csv", "device_id,product,SN\ndev-10,pump,0001\ndev-11,pump,0001\n");
    factory.run("issue --order shared.csv").exited(5);
    factory.run("issue --order shared.csv --shared-serial").succeeded();
    assert_eq!(factory.json("issue --order shared.csv")["already_registered"], 2);
}
