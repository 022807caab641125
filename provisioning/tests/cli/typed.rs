//! Orders as people type them and programs save them: spaces nobody sees, names of columns, line ends, file formats.

use std::fs;
use std::path::Path;

use crate::factory::Factory;

/// A copy of the fleet that the version before made, and of its orders.
fn of_before() -> Factory {
    let factory = Factory::empty();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/orders_before"), &factory.path(""));
    factory
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => _ = fs::copy(entry.path(), to).unwrap(),
        }
    }
}

/// Every character that takes no ink and that editors, browsers and spreadsheets leave around a text.
const UNSEEN: [&str; 9] =
    [" ", "\t", "\u{a0}", "\u{2007}", "\u{202f}", "\u{3000}", "\u{200b}", "\u{200e}", "\u{feff}"];

#[test]
fn a_recall_reaches_every_device_of_a_work_order_whatever_unseen_characters_surround_its_name() {
    let factory = Factory::new();
    let mut order = String::from("device_id,product,serial_number,work_order,colour\n");
    for (number, unseen) in UNSEEN.iter().enumerate() {
        order.push_str(&format!(
            "dev-{number}{unseen},{unseen}pump,0{number}{unseen},{unseen}WO 1{unseen}{unseen},red{unseen}\n"
        ));
    }
    order.push_str("within,pump,x,WO\u{a0}1,red\nother,pump,y,WO1,red\n");
    factory.write("order.csv", order);
    factory.run("issue --order order.csv").succeeded();
    for number in 0..UNSEEN.len() {
        let shown = factory.json(&format!("show dev-{number}"));
        assert_eq!(shown["work_order"], "WO 1", "{number}");
        assert_eq!(shown["product"], "pump", "{number}");
        assert_eq!(shown["serial_number"], format!("0{number}"), "{number}");
        assert_eq!(shown["metadata"]["colour"], "red", "{number}");
    }
    let mut revoke = factory.command("revoke --yes --json --batch");
    let output = revoke.arg("\u{a0}WO  1 ").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["certificates"].as_array().unwrap().len(), UNSEEN.len() + 1);
    assert_eq!(factory.json("show other")["certificates"][0]["status"], "active");
    assert_eq!(factory.json("show within")["certificates"][0]["status"], "revoked");
}

#[test]
fn a_recall_reaches_devices_that_the_version_before_registered_under_every_spelling() {
    let factory = of_before();
    let document = factory.json("revoke --yes --batch WO-1");
    let revoked = document["certificates"].as_array().unwrap();
    // With a space, with a no-break space, and with a column `Work_Order` that became metadata.
    let mut devices: Vec<_> = revoked.iter().map(|one| one["identity"].as_str().unwrap()).collect();
    devices.sort_unstable();
    assert_eq!(devices, ["dev-1", "dev-2", "dev-3", "dev-4"]);
}

#[test]
fn orders_that_the_version_before_finished_are_finished() {
    let factory = of_before();
    for order in ["spaces", "headers", "ambiguous"] {
        let document = factory.json(&format!("issue --order {order}.csv"));
        assert_eq!(document["issued"], 0, "{order}");
    }
    // So are those whose unseen characters somebody has removed since, or that name the columns now as is meant.
    factory.write(
        "clean.csv",
        "device_id,product,serial_number,work_order\ndev-2,pump,0002,WO-1\ndev-3,pump,0002,WO-1\n",
    );
    assert_eq!(factory.json("issue --order clean.csv")["already_registered"], 2);
    factory
        .write("named.csv", "device_id,product,serial_number,work_order,colour\ndev-4,pump,0004,WO-1,red\n");
    assert_eq!(factory.json("issue --order named.csv")["already_registered"], 1);
    // A device that is another now stays a conflict, and a new one is not made from columns that are unclear.
    factory.write("other.csv", "device_id,product,serial_number,work_order\ndev-2,pump,0002,WO-2\n");
    factory
        .run("issue --order other.csv")
        .exited(5)
        .says("line 2: device dev-2 is registered already, with other");
    factory.write("more.csv", "device_id,work_order,Work Order\ndev-6,WO-2,WO-3\ndev-7,WO-2,WO-3\n");
    factory.run("issue --order more.csv").exited(3).says("the columns \"work_order\" and \"Work Order\"");
    assert_eq!(factory.json("list").as_array().unwrap().len(), 6);
}

#[test]
fn a_column_is_the_one_its_name_means() {
    for (number, header) in [
        "Device_ID,Product,Serial_Number,Work_Order",
        "deviceid,PRODUCT,serialnumber,workorder",
        "Device ID,Product,Serial Number,Work Order",
        "\u{feff}device-id,product ,S/N,WO",
        "\u{a0}DEVICE ID\u{a0},Product,SN,Work-Order No.",
        "device_id,product,serial no,\u{200b}work\u{a0}order",
    ]
    .into_iter()
    .enumerate()
    {
        let factory = Factory::new();
        factory.write("order.csv", format!("{header}\ndev-1,pump,0001,WO-1\n"));
        factory.run("issue --order order.csv").succeeded();
        let shown = factory.json("show dev-1");
        assert_eq!(
            (&shown["product"], &shown["serial_number"], &shown["work_order"]),
            (&"pump".into(), &"0001".into(), &"WO-1".into()),
            "{number}: {header}"
        );
        assert!(shown["metadata"].as_object().unwrap().is_empty(), "{header}");
    }
    let factory = Factory::new();
    for (header, first, second) in [
        ("device_id,Serial Number,SN", "Serial Number", "SN"),
        ("device_id,Device ID,product", "device_id", "Device ID"),
        ("device_id,Colour,colour", "Colour", "colour"),
        ("workorder,device_id,WO", "workorder", "WO"),
    ] {
        factory.write("order.csv", format!("{header}\ndev-1,dev-1,a\n"));
        factory
            .run("issue --order order.csv")
            .exited(3)
            .says(&format!("the columns {first:?} and {second:?} of the header mean the same"));
    }
    assert!(factory.json("list").as_array().unwrap().is_empty());
}

#[test]
fn a_bad_line_is_named_by_the_number_an_editor_shows() {
    let factory = Factory::new();
    let quoted = "\"dev\n\n-2\"";
    for end in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{feff}"] {
            for blank in [0, 1, 3] {
                let blanks = end.repeat(blank);
                let text = format!(
                    "{mark}{blanks}device_id,product{end}{blanks}dev-1,p{end}{blanks}{},a{end}{blanks}bad/1,p{end}\
                     ok,\"p{end}{end}q\"{end}bad/2,p{end}{blanks}last/3,p",
                    quoted.replace('\n', end),
                );
                factory.write("order.csv", &text);
                let output = factory.run("issue --order order.csv").exited(3).says("has 5 bad line(s)");
                // The judge: how many line ends of this kind come before the text.
                for what in ["bad/1", "ok,", "bad/2", "last/3"] {
                    let before = &text[..text.find(what).unwrap()];
                    let line = before.matches(end).count() + 1;
                    assert!(
                        output.stderr.contains(&format!("line {line}: ")),
                        "{what} is in line {line} of {text:?}, and this is said:\n{}",
                        output.stderr
                    );
                }
            }
        }
    }
}

#[test]
fn a_file_of_another_format_is_refused_with_how_to_save_it() {
    let factory = Factory::new();
    let text = "device_id,product\r\ndev-1,pump\r\n";
    let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let zip = |entry: &str| [b"PK\x03\x04\x14\0\0\0\x08\0".as_slice(), &[0; 16], entry.as_bytes()].concat();
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (text.replace(',', ";").into(), "columns separated by semicolons", "list separator"),
        (format!("sep=;\r\n{}", text.replace(',', ";")).into(), "columns separated by semicolons", "comma"),
        (text.replace(',', "\t").into(), "columns separated by tabs", "comma"),
        (text.replace(',', "|").into(), "columns separated by the character |", "comma"),
        ("\u{feff}\"Device ID\";Product\n".into(), "columns separated by semicolons", "comma"),
        (zip("[Content_Types].xml"), "an Excel workbook", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old".to_vec(), "an Excel workbook", "CSV UTF-8"),
        (zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument", "Text CSV"),
        (zip("order.csv"), "a zip archive", "unpack it"),
        (b"\x1f\x8b\x08\0".to_vec(), "compressed (gzip)", "unpack it"),
        ([b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat(), "UTF-16", "CSV UTF-8"),
        ([b"\xfe\xff".to_vec(), wide(u16::to_be_bytes)].concat(), "UTF-16", "CSV UTF-8"),
        (wide(u16::to_le_bytes), "UTF-16", "CSV UTF-8"),
        (wide(u16::to_be_bytes), "UTF-16", "CSV UTF-8"),
        (b"<html><table>".to_vec(), "a web page or XML", "header line"),
        (b"[{\"device_id\": \"dev-1\"}]".to_vec(), "JSON", "header line"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0".to_vec(), "no text", "header line"),
        (
            b"device_id,product\ndev-1,Dr\xfccker\n".to_vec(),
            "line 2: the line is not UTF-8: after \"Dr\"",
            "CSV UTF-8",
        ),
        (b"device_id,Gr\xf6\xdfe\ndev-1,1\n".to_vec(), "the header is not UTF-8", "CSV UTF-8"),
    ];
    for (content, found, help) in cases {
        let shown = String::from_utf8_lossy(&content).into_owned();
        factory.write("order.csv", content);
        let output = factory.run("issue --order order.csv").exited(3);
        assert!(
            output.stderr.contains(found) && output.stderr.contains(help),
            "{shown:?}:\n{}",
            output.stderr
        );
    }
    assert!(factory.json("list").as_array().unwrap().is_empty());
}

#[test]
fn thousands_of_bad_lines_are_summed_up() {
    let factory = Factory::new();
    let mut order = String::from("device_id,product\n");
    for number in 0..3000 {
        order.push_str(&format!("bad/{number},p\n"));
        order.push_str(if number % 3 == 0 { "dev-1\n" } else { "same,p\n" });
    }
    factory.write("order.csv", order);
    let output = factory.run("issue --order order.csv").exited(3);
    let output =
        output.says("has 5999 bad line(s)").says("line 2: the device id has '/'").says("and 5979 more:");
    output
        .says("× no device id")
        .says("× another number of fields")
        .says("× a device that is in the order already");

    // Conflicts with what is registered are as many.
    let mut order = String::from("device_id\n");
    (0..100).for_each(|number| order.push_str(&format!("dev-{number}\n")));
    factory.write("order.csv", &order);
    factory.run("issue --order order.csv").succeeded();
    factory.write("order.csv", order.replace("\n", ",x\n").replacen(",x", ",product", 1));
    let output = factory.run("issue --order order.csv").exited(5).says("100 conflicts").says("and 80 more:");
    assert!(output.stderr.lines().count() < 30, "{}", output.stderr);
}

#[test]
fn an_order_comes_through_a_pipe() {
    let factory = Factory::new();
    let order = fs::File::open(factory.write("order.csv", "device_id,product\r\ndev-1,pump\r\n")).unwrap();
    let mut cat =
        std::process::Command::new("cat").stdin(order).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut issue = factory.command("issue --order /dev/stdin");
    assert!(issue.stdin(cat.stdout.take().unwrap()).status().unwrap().success());
    cat.wait().unwrap();
    assert_eq!(factory.json("show dev-1")["product"], "pump");
}
