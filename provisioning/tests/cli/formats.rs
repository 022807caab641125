//! Files of every format: where they put the slot, read by other people's tools, and what `inspect` says of them.

use std::fs;
use std::process::Command;

use crate::factory::{Factory, PASSPHRASE};

const ALL: &str = "--format bin,hex,uf2,pem";

fn read(factory: &Factory, name: &str) -> Vec<u8> {
    fs::read(factory.path(&format!("fleet/images/{name}"))).unwrap()
}

#[test]
fn addresses_and_families_that_cannot_be_flashed_are_refused_before_anything_is_made() {
    let factory = Factory::new();
    for (options, words) in [
        ("--format hex --address 0x10080002", "0x10080002 is no multiple of 4"),
        ("--format bin --address 3", "0x00000003 is no multiple of 4"),
        ("--format hex --address 0x100000000", "addresses have 32 bits"),
        ("--format hex --address 0xfffff004", "a slot of 4096 bytes at 0xfffff004 would end past 0xffffffff"),
        ("--format hex --address=-4096", "an address is a number"),
        ("--format hex --address 08080000", "write 0x before it, or no 0"),
        ("--format hex --address 0807F000", "an address is a number, decimal or with 0x"),
        ("--format uf2 --address 0x10080080", "0x10080080 is no multiple of 256"),
        ("--format hex,uf2 --address 0x10080010", "0x10080010 is no multiple of 256"),
        ("--format uf2 --uf2-family RP2041", "no family has this name; these have one: CSK4, CSK6, ESP32,"),
        ("--format uf2 --uf2-family 0x1e48bff56", "the number of a family has 32 bits"),
        ("--format uf2 --uf2-family 0", "0 is no family"),
        ("--format uf2 --uf2-family 123456", "no family with a name has this number"),
        ("--format uf2 --uf2-family RP2040", "RP2040 (0xe48bff56) have flash from 0x10000000 to 0x10ffffff"),
        ("--format uf2 --uf2-family nrf52840 --address 0xff100", "none for a slot at 0x000ff100"),
    ] {
        factory.run(&format!("issue dev-1 {options}")).exited(2).says(words);
    }
    assert!(factory.files("fleet/images").is_empty());
    assert_eq!(factory.json("list").as_array().unwrap().len(), 0);
    factory
        .run("issue dev-1 --format uf2 --uf2-family 0x12345678 --address 0xfffff000")
        .succeeded()
        .says("no UF2 family is known by the number 0x12345678");
}

/// Intel HEX as other tools read it.
#[test]
fn srec_cat_and_objcopy_find_the_slot_at_its_address_wherever_that_is() {
    let factory = Factory::new();
    for (index, address) in
        [0, 0x0000_0004, 0x0807_f000, 0x0807_f804, 0x1000_ff0c, 0xffff_f000_u32].into_iter().enumerate()
    {
        let name = format!("dev-{index}");
        factory.run(&format!("issue {name} --format bin,hex --address {address:#x}")).succeeded();
        let slot = read(&factory, &format!("{name}.bin"));
        let hex = factory.path(&format!("fleet/images/{name}.hex"));
        let mut srec_cat = Command::new("srec_cat");
        srec_cat.arg(&hex).args(["-intel", "-offset", &format!("-{address:#x}"), "-o"]);
        srec_cat.arg(factory.path("by-srec-cat.bin")).arg("-binary");
        assert!(srec_cat.status().expect("srec_cat is installed (srecord)").success());
        assert!(fs::read(factory.path("by-srec-cat.bin")).unwrap() == slot, "srec_cat at {address:#x}");
        let mut objcopy = Command::new("objcopy");
        objcopy.args(["-I", "ihex", "-O", "binary"]).arg(&hex).arg(factory.path("by-objcopy.bin"));
        assert!(objcopy.status().expect("objcopy is installed (binutils)").success());
        assert!(fs::read(factory.path("by-objcopy.bin")).unwrap() == slot, "objcopy at {address:#x}");
        // And what they write is read here.
        for (tool, output) in [("srec_cat", "srec.hex"), ("objcopy", "obj.hex")] {
            let mut command = Command::new(tool);
            match tool {
                "srec_cat" => {
                    command.arg(&hex).args(["-intel", "-o"]).arg(factory.path(output)).arg("-intel")
                }
                _ => command.args(["-I", "ihex", "-O", "ihex"]).arg(&hex).arg(factory.path(output)),
            };
            assert!(command.status().unwrap().success());
            assert_eq!(
                factory.json(&format!("inspect {output}"))["address"],
                format!("{address:#010x}"),
                "{tool}"
            );
        }
    }
}

#[test]
fn several_files_are_inspected_and_one_that_is_damaged_hides_no_other() {
    let factory = Factory::new();
    factory.run("issue a b --format bin,pem").succeeded();
    factory.write("damaged.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let files = "fleet/images/a.bin damaged.pem absent.bin fleet/images/b.cert.pem fleet/crl/device-ca.crl";
    let output = factory.run(&format!("inspect {files}")).exited(3).says("damaged.pem").says("absent.bin");
    for said in ["fleet/images/a.bin:\n", "\n\nfleet/images/b.cert.pem:\n", "\n\nfleet/crl/device-ca.crl:\n"]
    {
        assert!(output.stdout.contains(said), "{said:?} in {}", output.stdout);
    }
    let array: serde_json::Value =
        serde_json::from_str(&factory.run(&format!("inspect {files} --json")).exited(3).stdout).unwrap();
    let said: Vec<_> = array.as_array().unwrap().iter().map(|one| (&one["file"], &one["type"])).collect();
    assert_eq!(
        said,
        [
            (&"fleet/images/a.bin".into(), &"image".into()),
            (&"fleet/images/b.cert.pem".into(), &"certificates".into()),
            (&"fleet/crl/device-ca.crl".into(), &"crls".into()),
        ]
    );
    assert_eq!(factory.json("inspect fleet/images/a.bin")["device_id"], "a");
}

#[test]
fn inspect_says_what_is_in_files_of_every_format_and_shows_no_key() {
    let factory = Factory::new();
    factory.run(&format!("issue dev-1 {ALL} --address 0x10080000 --uf2-family rp2040")).succeeded();
    factory.run("issue dev-2 --format uf2 --uf2-family 0x12345678").succeeded();
    let image = |name: &str| factory.json(&format!("inspect fleet/images/{name}"));
    let [bin, hex, uf2] = ["dev-1.bin", "dev-1.hex", "dev-1.uf2"].map(image);
    for (content, format) in [(&bin, "bin"), (&hex, "hex"), (&uf2, "uf2")] {
        assert_eq!(content["type"], "image");
        assert_eq!(content["format"], format);
        assert_eq!(content["device_id"], "dev-1");
        assert_eq!(content["certificate"], bin["certificate"]);
        assert_eq!(content["key"], "in the image (not shown)");
    }
    assert!(bin["address"].is_null() && bin["uf2_family"].is_null() && hex["uf2_family"].is_null());
    assert_eq!((&hex["address"], &uf2["address"]), (&"0x10080000".into(), &"0x10080000".into()));
    assert_eq!((&uf2["uf2_family"], &uf2["uf2_family_name"]), (&"0xe48bff56".into(), &"RP2040".into()));
    let unnamed = image("dev-2.uf2");
    assert_eq!(unnamed["uf2_family"], "0x12345678");
    assert!(unnamed["uf2_family_name"].is_null());

    let key = image("dev-1.key.pem");
    assert_eq!(
        (&key["type"], &key["private_keys"][0]["algorithm"]),
        (&"private_keys".into(), &"P-256".into())
    );
    assert_eq!(key["private_keys"][0]["spki_sha256"], bin["certificate"]["spki_sha256"]);
    let chain = image("dev-1.cert.pem");
    assert_eq!(chain["certificates"].as_array().unwrap().len(), 2);
    assert_eq!(chain["certificates"][0], bin["certificate"]);
    // Both in one file, as many tools want them.
    factory.write("both.pem", [read(&factory, "dev-1.cert.pem"), read(&factory, "dev-1.key.pem")].concat());
    let both = factory.json("inspect both.pem");
    assert_eq!(
        (&both["certificates"], &both["private_keys"]),
        (&chain["certificates"], &key["private_keys"])
    );

    // The certificates of each are checked alike.
    let linted = |name: &str| {
        let mut linted = factory.json(&format!("lint fleet/images/{name}"));
        linted.as_array_mut().unwrap().iter_mut().for_each(|one| one["file"] = "".into());
        linted
    };
    assert_eq!(linted("dev-1.bin").as_array().unwrap().len(), 3);
    assert_eq!((linted("dev-1.hex"), linted("dev-1.uf2")), (linted("dev-1.bin"), linted("dev-1.bin")));

    let ca = factory.run("inspect fleet/device-ca/issuing.key").succeeded().stdout;
    assert!(ca.contains("encrypted    PBES2, scrypt (N = 16384, r = 8, p = 5), AES-256-CBC"), "{ca}");
    factory.openssl("ecparam -name prime256v1 -genkey -noout -out sec1.pem").succeeded();
    factory.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem").succeeded();
    factory.openssl("genpkey -algorithm ED25519 -out ed25519.pem").succeeded();
    factory.openssl("pkcs8 -topk8 -in sec1.pem -passout pass:secret -out pbkdf2.pem").succeeded();
    for (name, words) in [
        ("sec1.pem", "algorithm    P-256"),
        ("rsa.pem", "algorithm    RSA"),
        ("ed25519.pem", "algorithm    Ed25519"),
        ("pbkdf2.pem", "encrypted    PBES2, PBKDF2 ("),
        ("fleet/images/dev-1.uf2", "format       uf2 at 0x10080000, family RP2040 (0xe48bff56)"),
        ("fleet/images/dev-1.hex", "format       hex at 0x10080000\n"),
        ("fleet/images/dev-1.bin", "format       bin\n"),
    ] {
        let output = factory.run(&format!("inspect {name}")).succeeded().stdout;
        assert!(output.contains(words), "{name}: {output}");
    }
    // A slot that a device has used is described, and is no file to be flashed.
    let mut used = read(&factory, "dev-1.bin");
    assert_eq!(bin["used"], false);
    used[4040] = 0;
    factory.write("used.bin", &used);
    assert_eq!(factory.json("inspect used.bin")["used"], true);
    let path = factory.path("fleet/images/dev-2.bin");
    factory.write("order.csv", "device_id\ndev-2\n");
    factory.run("issue --order order.csv --format uf2 --uf2-family 0x12345678").succeeded();
    factory.run("issue --order order.csv --format bin").succeeded();
    let mut used = fs::read(&path).unwrap();
    used[4095] = 0;
    fs::write(&path, used).unwrap();
    factory.run("issue --order order.csv --format bin").exited(5).says("dev-2.bin is damaged");

    // No line of a key, nor its bytes in hex, is in anything that is printed.
    let secret = String::from_utf8(read(&factory, "dev-1.key.pem")).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    for name in ["dev-1.key.pem", "dev-1.bin"] {
        for json in ["", "--json"] {
            let output = factory.run(&format!("inspect fleet/images/{name} {json}")).succeeded();
            assert!(!output.stdout.contains(secret) && !output.stdout.contains(PASSPHRASE));
        }
    }
}

#[test]
fn a_damaged_file_is_named_with_what_is_wrong_and_where() {
    let factory = Factory::new();
    factory.run(&format!("issue dev-1 {ALL} --address 0x10080000")).succeeded();
    factory.run("issue dev-2 --format bin,pem").succeeded();
    let flipped = |name: &str, at: usize| {
        let mut bytes = read(&factory, name);
        bytes[at] ^= 1;
        bytes
    };
    // Of hexadecimal digits not every one is still one when a bit of it is flipped.
    let other_digit = |name: &str, at: usize| {
        let mut bytes = read(&factory, name);
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        bytes
    };
    let cut = |name: &str, length: usize| read(&factory, name)[..length].to_vec();
    let line = |number: usize| {
        let text = String::from_utf8(read(&factory, "dev-1.hex")).unwrap();
        text.split_inclusive('\n').take(number - 1).map(str::len).sum::<usize>()
    };
    let chain = String::from_utf8(read(&factory, "dev-1.cert.pem")).unwrap();
    let second = chain.match_indices("-----BEGIN").nth(1).unwrap().0;
    let from = chain[..second].lines().count() + 1;
    let mut no_certificate = chain.clone().into_bytes();
    no_certificate[second + 28] = b'A';
    let (key, other) = (read(&factory, "dev-1.key.pem"), read(&factory, "dev-2.key.pem"));
    // The private key of one in front of the public key of the other.
    let mixed = mixed_key(&factory, &key, &other);
    for (name, content, words) in [
        ("a.bin", flipped("dev-1.bin", 300), "the credential image is damaged: its checksum is".to_owned()),
        ("b.bin", flipped("dev-1.bin", 0), "it does not start with CSGN".to_owned()),
        ("c.bin", cut("dev-1.bin", 4000), "a slot has 4096 bytes and here are 4000".to_owned()),
        ("d.bin", Vec::new(), "it does not start with CSGN".to_owned()),
        (
            "a.hex",
            other_digit("dev-1.hex", line(20) + 9),
            "line 20: the checksum of the record is".to_owned(),
        ),
        ("b.hex", flipped("dev-1.hex", 0), "line 1: a record begins with a colon".to_owned()),
        ("c.hex", cut("dev-1.hex", line(30) + 7), "line 30: the record".to_owned()),
        (
            "d.hex",
            cut("dev-1.hex", line(30)),
            "line 29: the file ends without an end-of-file record".to_owned(),
        ),
        ("a.uf2", flipped("dev-1.uf2", 512 * 3 + 20), "block 3: it says that its number is 2".to_owned()),
        ("b.uf2", flipped("dev-1.uf2", 0), "block 0: at byte 0 of it stands".to_owned()),
        ("c.uf2", cut("dev-1.uf2", 512 * 15 + 100), "block 15: it has 100 bytes".to_owned()),
        ("d.uf2", flipped("dev-1.uf2", 600), "the credential image is damaged: its checksum is".to_owned()),
        ("a.pem", no_certificate, format!("section 2, from line {from}: its content is no certificate")),
        (
            "b.pem",
            chain.as_bytes()[..second + 200].to_vec(),
            format!("section 2, from line {from}: BEGIN CERTIFICATE has no END CERTIFICATE"),
        ),
        ("c.pem", key[..80].to_vec(), "section 1, from line 1: damaged PEM".to_owned()),
        ("d.pem", mixed, "section 1, from line 1: the public key in it does not belong".to_owned()),
        ("e.pem", b"nothing".to_vec(), "is no image, certificate, private key".to_owned()),
    ] {
        factory.write(name, content);
        factory.run(&format!("inspect {name}")).exited(3).says(name).says(&words);
        factory.run(&format!("lint {name}")).exited(3).says(name);
    }
}

/// A PKCS#8 file with the private key of one file and the public key of another.
fn mixed_key(factory: &Factory, private: &[u8], public: &[u8]) -> Vec<u8> {
    let der = |pem: &[u8], name: &str| {
        factory.write("key.pem", pem);
        factory.openssl(&format!("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out {name}")).succeeded();
        fs::read(factory.path(name)).unwrap()
    };
    let (mut mixed, other) = (der(private, "private.der"), der(public, "public.der"));
    let point = mixed.len() - 65;
    mixed[point..].copy_from_slice(&other[point..]);
    factory.write("mixed.der", mixed);
    factory.openssl("base64 -in mixed.der -out mixed.b64").succeeded();
    let text = fs::read_to_string(factory.path("mixed.b64")).unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{text}-----END PRIVATE KEY-----\n").into_bytes()
}
