//! Orders: issued as a whole or refused as a whole, and repeated.

use std::fs;

use crate::factory::Factory;

#[test]
fn an_order_with_ten_kinds_of_bad_line_reports_all_ten_and_makes_nothing() {
    let factory = Factory::new();
    let good = fs::read(factory.request("good", "x", "-outform DER")).unwrap();
    factory.write("trailing.csr", [good.as_slice(), b"\0"].concat());
    factory.openssl("ecparam -name secp384r1 -genkey -noout -out p384.key").succeeded();
    factory.openssl("req -new -key p384.key -subj /CN=x -out p384.csr").succeeded();
    let mut tampered = good;
    *tampered.last_mut().unwrap() ^= 1;
    factory.write("tampered.csr", tampered);

    let long_id = "a".repeat(65);
    let long_field = "p".repeat(257);
    let lines: [(&[u8], &str); 13] = [
        (b",p,", "line 3: the device id is empty"),
        (b"dev/2,p,", "line 4: the device id has '/' at position 3"),
        (b"-dev,p,", "line 5: the device id starts with '-'"),
        (long_id.as_bytes(), "line 6: 1 fields, the header has 3"),
        (b"dev-5,p,,more", "line 7: 4 fields, the header has 3"),
        (b"dev-6,\xff,", "line 8: the line is not UTF-8"),
        (b"dev-7,a\tb,", "line 9: product has a control character"),
        (b"dev-8,p,absent.csr", "line 10: cannot read absent.csr"),
        (b"dev-9,p,trailing.csr", "line 11: trailing.csr: 1 bytes follow"),
        (b"dev-10,p,p384.csr", "line 12: p384.csr: the key is P-384"),
        (b"dev-11,p,tampered.csr", "line 13: tampered.csr: its signature is not by the key in it"),
        (b"dev-1,p,", "line 14: dev-1 is in line 2 already"),
        (b"", ""),
    ];
    let mut order = b"device_id,product,csr\ndev-1,p,\n".to_vec();
    for (line, _) in lines {
        order.extend_from_slice(line);
        order.push(b'\n');
    }
    order.extend_from_slice(format!("{long_id},p,\ndev-13,{long_field},\n").as_bytes());
    factory.write("order.csv", order);

    let output = factory.run("issue --order order.csv").exited(3).says("order.csv has 14 bad line(s)");
    let output = lines.iter().fold(output, |output, (_, words)| output.says(words));
    output
        .says("the device id has 65 characters")
        .says("product has 257 characters")
        .says("nothing was made");
    assert!(factory.json("list").as_array().unwrap().is_empty());
    assert!(factory.files("fleet/images").is_empty());
}

#[test]
fn a_bad_header_is_refused_before_its_lines_are_read() {
    let factory = Factory::new();
    for (order, words) in [
        ("", "the header has no column device_id"),
        ("product\npump\n", "the header has no column device_id"),
        ("device_id,product,product\n", "the header has the column \"product\" twice"),
        ("device_id,,product\n", "column 2 of the header has no name"),
    ] {
        factory.write("order.csv", order);
        factory.run("issue --order order.csv").exited(3).says(words);
    }
    factory.run("issue --order absent.csv").exited(3).says("cannot read absent.csv");
}

#[test]
fn a_repeated_order_succeeds_and_a_different_order_for_the_same_device_is_a_conflict() {
    let factory = Factory::new();
    factory.write("order.csv", "device_id,product,colour\ndev-1,pump,red\ndev-2,pump,\n");
    let first = factory.json("issue --order order.csv");
    assert_eq!((first["issued"].as_u64(), first["already_registered"].as_u64()), (Some(2), Some(0)));
    let image = fs::read(factory.path("fleet/images/dev-1.bin")).unwrap();

    // A further empty column, other orders of lines and columns, a byte order mark: the content is the same.
    factory.write("again.csv", "\u{feff}colour,device_id,product,note\n,dev-2,pump,\nred,dev-1,pump,\n");
    let again = factory.json("issue --order again.csv");
    assert_eq!((again["issued"].as_u64(), again["already_registered"].as_u64()), (Some(0), Some(2)));
    assert_eq!(fs::read(factory.path("fleet/images/dev-1.bin")).unwrap(), image);

    factory.write("other.csv", "device_id,product,colour\ndev-3,pump,red\ndev-1,pump,blue\n");
    factory
        .run("issue --order other.csv")
        .exited(5)
        .says("line 3: device dev-1 is registered already, with other");
    factory.run("issue dev-4 dev-1").exited(5).says("device dev-1 is registered already");
    factory.run("issue dev-5 dev-5").exited(5).says("dev-5 is named twice");
    assert_eq!(factory.json("list").as_array().unwrap().len(), 2);

    let shown = factory.json("show dev-1");
    assert_eq!(shown["product"], "pump");
    assert_eq!(shown["metadata"]["colour"], "red");
    assert_eq!(shown["board_state"], "issued");
}

#[test]
fn devices_and_services_share_their_names() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    factory.run("issue historian").exited(5).says("historian is a service already");
    factory.run("issue pump").succeeded();
    factory.run("service pump").exited(5).says("pump is a device already");
    factory
        .run("service historian")
        .exited(5)
        .says("service historian is registered already")
        .says("--renew");
}

#[test]
fn missing_files_are_restored_unless_they_held_the_only_copy_of_a_key() {
    let factory = Factory::new();
    factory.request("own", "x", "");
    factory.write("order.csv", "device_id,csr\nhosted,\nlost,\nown,own.csr\n");
    let command = "issue --order order.csv --format bin,hex,pem --address 0x1000";
    factory.run(command).succeeded();
    let before: Vec<_> = factory.files("fleet/images");
    let read = |name: &str| fs::read(factory.path(&format!("fleet/images/{name}"))).unwrap();
    let (hex, certificate, own) = (read("hosted.hex"), read("hosted.cert.pem"), read("own.cert.pem"));
    for name in [
        "hosted.hex",
        "hosted.cert.pem",
        "own.bin",
        "own.hex",
        "own.cert.pem",
        "lost.bin",
        "lost.hex",
        "lost.key.pem",
    ] {
        fs::remove_file(factory.path(&format!("fleet/images/{name}"))).unwrap();
    }

    let output = factory.run(&format!("{command} --json")).exited(1);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let count = |field: &str| document[field].as_array().unwrap().len();
    assert_eq!((document["issued"].as_u64(), count("restored"), count("lost")), (Some(0), 5, 3));
    assert_eq!((read("hosted.hex"), read("hosted.cert.pem"), read("own.cert.pem")), (hex, certificate, own));
    let after = factory.files("fleet/images");
    assert_eq!(before.len() - after.len(), 3);
    factory
        .run(command)
        .exited(1)
        .says("3 file(s) of devices made earlier")
        .says("lost.bin the first of them");
    factory.run(&format!("{command} --keys-delivered")).succeeded().says("3 file(s)");
}

#[test]
fn an_unregistered_file_is_not_overwritten() {
    let factory = Factory::new();
    factory.write("fleet/images/dev-1.bin", "perhaps the only copy of a key");
    factory.run("issue dev-1 dev-2").exited(5).says("fleet/images/dev-1.bin exists already");
    assert_eq!(factory.files("fleet/images"), ["dev-1.bin"]);
    assert!(factory.json("list").as_array().unwrap().is_empty());
    factory.run("issue dev-1 dev-2 --out elsewhere").succeeded();
    assert_eq!(factory.files("elsewhere"), ["dev-1.bin", "dev-2.bin"]);
}
