//! Orders run again: what is done is judged by the content of the files.

use std::fs;

use crate::factory::Factory;

const ORDER: &str = "device_id,csr\nhosted,\nother,\nown,own.csr\n";

/// A fleet whose order was made, with every format.
fn made(options: &str) -> Factory {
    let factory = Factory::new();
    factory.request("own", "x", "");
    factory.write("order.csv", ORDER);
    factory.run(&format!("issue --order order.csv {options}")).succeeded();
    factory
}

/// The content of every file of the fleet's images.
fn images(factory: &Factory) -> Vec<(String, Vec<u8>)> {
    let names = factory.files("fleet/images");
    names.into_iter().map(|name| (name.clone(), read(factory, &name))).collect()
}

fn read(factory: &Factory, name: &str) -> Vec<u8> {
    fs::read(factory.path(&format!("fleet/images/{name}"))).unwrap()
}

#[test]
fn options_that_differ_from_those_the_files_were_made_with_are_a_conflict() {
    let made_with = "--format bin,hex,uf2,pem --address 0x10080000 --uf2-family 0xe48bff56 --key-slot 3";
    let factory = made(made_with);
    let before = images(&factory);
    factory.write("longer.csv", format!("{ORDER}late,\n"));
    for (options, words) in [
        (
            made_with.replace("0x10080000", "0x10081000"),
            "hosted.hex puts the slot at 0x10080000, not at 0x10081000",
        ),
        (
            made_with.replace("--address 0x10080000 --uf2-family 0xe48bff56", ""),
            "own.uf2 puts the slot at 0x10080000, not at 0x00000000",
        ),
        (
            made_with.replace("0xe48bff56", "RP2350_ARM_S"),
            "own.uf2 is for UF2 family 0xe48bff56, not 0xe48bff59",
        ),
        (made_with.replace("--uf2-family 0xe48bff56", ""), "is for UF2 family 0xe48bff56, not none"),
        (made_with.replace("--key-slot 3", "--key-slot 4"), "own.bin names key slot 3, not 4"),
        (made_with.replace("--key-slot 3", ""), "own.hex names key slot 3, not 0"),
    ] {
        factory.run(&format!("issue --order longer.csv {options}")).exited(5).says(words);
        assert_eq!(images(&factory), before, "{options}");
    }
    assert_eq!(factory.json("list").as_array().unwrap().len(), 3, "nothing was made");
    // A key slot is of no device whose key was made here, and an address of no bin file.
    factory.run("issue --order order.csv --format bin --address 0x2000 --key-slot 3").succeeded();
    factory.run(&format!("issue --order longer.csv {made_with}")).succeeded();
}

#[test]
fn a_file_that_is_not_what_was_ordered_is_a_conflict_and_stays_as_it_is() {
    let factory = made("--format bin,hex,uf2,pem");
    let command = "issue --order order.csv --format bin,hex,uf2,pem";
    let path = |name: &str| factory.path(&format!("fleet/images/{name}"));
    let flipped = |name: &str| {
        let mut bytes = read(&factory, name);
        let middle = bytes.len() / 5;
        bytes[middle] ^= 1;
        bytes
    };
    for (name, content, words) in [
        ("hosted.bin", Vec::new(), "hosted.bin is empty"),
        ("hosted.key.pem", Vec::new(), "hosted.key.pem is empty"),
        ("hosted.bin", flipped("hosted.bin"), "hosted.bin is damaged"),
        ("hosted.hex", flipped("hosted.hex"), "hosted.hex is damaged"),
        ("own.uf2", read(&factory, "own.uf2")[..512].to_vec(), "own.uf2 is damaged"),
        ("hosted.bin", vec![0xff; 4096], "hosted.bin is damaged"),
        ("hosted.bin", vec![0; 1 << 20], "hosted.bin is damaged"),
        ("hosted.cert.pem", b"a letter".to_vec(), "hosted.cert.pem is damaged"),
        ("hosted.bin", read(&factory, "other.bin"), "hosted.bin is of device other"),
        ("hosted.uf2", read(&factory, "own.uf2"), "hosted.uf2 is of device own"),
        ("hosted.key.pem", read(&factory, "other.key.pem"), "hosted.key.pem has a private key that does not"),
        ("own.cert.pem", read(&factory, "other.cert.pem"), "own.cert.pem has another certificate"),
        ("hosted.hex", read(&factory, "hosted.bin"), "hosted.hex has the format bin, not hex"),
        ("hosted.bin", read(&factory, "hosted.uf2"), "hosted.bin has the format uf2, not bin"),
        (
            "hosted.cert.pem",
            read(&factory, "hosted.key.pem"),
            "hosted.cert.pem has the format key.pem, not cert.pem",
        ),
    ] {
        let right = read(&factory, name);
        fs::write(path(name), &content).unwrap();
        factory.run(command).exited(5).says(words);
        assert_eq!(read(&factory, name), content, "{words}");
        fs::write(path(name), right).unwrap();
    }
    // What is no file has its name too.
    fs::rename(path("hosted.bin"), path("kept")).unwrap();
    fs::create_dir(path("hosted.bin")).unwrap();
    factory.run(command).exited(5).says("hosted.bin is no file");
    fs::remove_dir(path("hosted.bin")).unwrap();
    std::os::unix::fs::symlink("nowhere", path("hosted.bin")).unwrap();
    factory.run(command).exited(5).says("hosted.bin is no file");
    fs::rename(path("kept"), path("hosted.bin")).unwrap();
    factory.run(command).succeeded();
}

#[test]
fn a_missing_file_is_made_again_from_a_key_in_a_file_of_any_format() {
    let all = "--format bin,hex,uf2,pem --address 0x10080000 --uf2-family 0xe48bff56";
    let factory = made(all);
    let whole = images(&factory);
    for kept in ["bin", "hex", "uf2", "key.pem"] {
        for name in factory.files("fleet/images").iter().filter(|name| !name.ends_with(kept)) {
            fs::remove_file(factory.path(&format!("fleet/images/{name}"))).unwrap();
        }
        factory.run(&format!("issue --order order.csv {all}")).succeeded();
        let again = images(&factory);
        assert_eq!(again.len(), whole.len(), "from {kept}");
        for ((name, content), (_, before)) in again.iter().zip(&whole) {
            // An image that is written anew has a new time floor.
            if kept != "key.pem" && name.starts_with("hosted") || name.ends_with(".pem") {
                assert_eq!(content, before, "{name} from {kept}");
            }
        }
        let key = factory.openssl("pkey -in fleet/images/hosted.key.pem -pubout").succeeded().stdout;
        let certified =
            factory.openssl("x509 -in fleet/images/hosted.cert.pem -noout -pubkey").succeeded().stdout;
        assert_eq!(key, certified, "from {kept}");
    }
    // Another directory: the key is in the fleet's images.
    factory.run("issue --order order.csv --format hex --out stick").succeeded();
    assert_eq!(factory.files("stick"), ["hosted.hex", "other.hex", "own.hex"]);
}

#[test]
fn files_whose_key_is_nowhere_are_lost_and_listed_unless_they_were_delivered() {
    let factory = made("--format bin,pem");
    for name in ["hosted.bin", "hosted.key.pem", "hosted.cert.pem"] {
        fs::remove_file(factory.path(&format!("fleet/images/{name}"))).unwrap();
    }
    let lost = factory.run("issue --order order.csv --format bin,pem").exited(1).says("2 file(s)");
    assert!(lost.stdout.contains("lost: ") && lost.stdout.contains("hosted.key.pem"), "{}", lost.stdout);
    factory.run("issue --order order.csv --format bin,pem --keys-delivered").succeeded();
    factory.run("issue --order order.csv --format bin --out away").exited(1).says("1 file(s)");
    assert!(factory.files("fleet/images").contains(&"hosted.cert.pem".to_owned()));
}

#[test]
fn missing_files_of_a_device_that_is_not_active_are_not_made_again() {
    let factory = made("--format bin,pem");
    factory.run("revoke hosted").succeeded();
    factory.run("suspend own").succeeded();
    let command = "issue --order order.csv --format bin,pem";
    factory.run(command).succeeded();
    for (name, words) in [
        ("hosted.cert.pem", "device hosted is revoked, and"),
        ("hosted.key.pem", "device hosted is revoked, and"),
        ("own.bin", "device own is suspended, and"),
    ] {
        let path = factory.path(&format!("fleet/images/{name}"));
        fs::rename(&path, factory.path("kept")).unwrap();
        factory.run(command).exited(5).says(words);
        factory.run(&format!("{command} --keys-delivered")).succeeded();
        assert!(!path.exists());
        fs::rename(factory.path("kept"), &path).unwrap();
    }
    factory.run("issue --order order.csv --format hex --out away").exited(5).says("is not made again");
    assert!(factory.files("away").is_empty());
}
