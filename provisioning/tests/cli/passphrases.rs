//! Passphrases: where they come from, how their files are read, and that what cannot be read is never taken for absent.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use crate::factory::{CommandOutput, Factory, PASSPHRASE};

const INIT: &str = "init --organization Acme --broker-host b.example";

/// Whether OpenSSL opens a key with these octets.
fn opens(factory: &Factory, key: &str, passphrase: &[u8]) -> bool {
    let mut command = Command::new("openssl");
    command.args(["pkey", "-noout", "-passin", "env:TRIED", "-in", key]);
    command.env("TRIED", OsStr::from_bytes(passphrase)).current_dir(factory.path("."));
    command.output().unwrap().status.success()
}

/// Passphrase files as editors, shells and other systems write them.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let long = |length| [b"x".repeat(length), b"\n".to_vec()].concat();
    vec![
        ("one-line", b"correct horse battery\n".to_vec()),
        ("no-line-ending", b"correct horse battery".to_vec()),
        ("crlf", b"correct horse battery\r\n".to_vec()),
        ("lone-cr", b"correct horse\rbattery\r".to_vec()),
        ("two-lines", b"correct horse battery\nstaple\n".to_vec()),
        ("comment-below", b"correct horse battery\n\n# of the device CA\n".to_vec()),
        ("blanks", b"  correct horse battery  \n".to_vec()),
        ("byte-order-mark", b"\xef\xbb\xbfcorrect horse battery\n".to_vec()),
        ("latin-1", b"gr\xfc\xdfe aus der fabrik\n".to_vec()),
        ("utf-8", "grüße aus der fabrik\n".into()),
        ("nul", b"correct horse\0battery\n".to_vec()),
        ("1022", long(1022)),
        ("1023", long(1023)),
        ("1024", long(1024)),
        ("3000", long(3000)),
    ]
}

#[test]
fn a_passphrase_file_says_the_same_to_openssl_and_to_this_program() {
    let factory = Factory::new();
    factory.write("old.pass", PASSPHRASE);
    for (name, content) in files() {
        factory.write("new.pass", &content);
        // What OpenSSL encrypts (here with the least work), this program opens with the same file and its first reading.
        factory.write("given.pass", &content);
        factory.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.key").succeeded();
        factory
            .openssl(
                "pkcs8 -topk8 -v2 aes-256-cbc -iter 1 -in plain.key -passout file:given.pass -out theirs.key",
            )
            .succeeded();
        let resealed = factory.json("ca reseal theirs.key --passphrase-file new.pass");
        assert_eq!(resealed[0]["changed"], false, "{name}");
    }
    for name in ["crlf", "latin-1", "1024"] {
        // And the other way round.
        let (_, content) = files().into_iter().find(|(file, _)| *file == name).unwrap();
        factory.write("new.pass", content);
        fs::copy(factory.path("fleet/device-ca/issuing.key"), factory.path("ours.key")).unwrap();
        factory
            .run("ca reseal ours.key --passphrase-file old.pass --new-passphrase-file new.pass")
            .succeeded();
        let opened = factory.openssl("pkey -in ours.key -passin file:new.pass -noout");
        assert_eq!(opened.code, 0, "{name}: {}", opened.stderr);
        assert!(!opens(&factory, "ours.key", PASSPHRASE.as_bytes()), "{name}");
    }
}

#[test]
fn keys_encrypted_with_the_reading_of_earlier_versions_open_with_a_note_until_they_are_encrypted_anew() {
    // A variable is taken as it is, so it gives keys the passphrase that earlier versions read in a file.
    let made_earlier = |passphrase: &str| {
        let factory = Factory::empty();
        let init = factory.command(INIT).env("COUNTERSIGN_PASSPHRASE", passphrase).output().unwrap();
        CommandOutput::of(init).succeeded();
        factory
    };
    let factory = made_earlier("correct horse battery\nstaple");
    factory.write("a.pass", "correct horse battery\nstaple\n");
    let key = |authority: &str| format!("fleet/{authority}/issuing.key");
    let openssl =
        |authority| factory.openssl(&format!("pkey -in {} -passin file:a.pass -noout", key(authority))).code;
    for command in ["issue dev-1", "crl"] {
        let output = factory.run(&format!("{command} --passphrase-file a.pass")).succeeded();
        assert_eq!(output.stderr.matches("as earlier versions read it").count(), 1, "{}", output.stderr);
        output.says("countersign-provision ca reseal --passphrase-file a.pass");
    }
    assert_ne!(openssl("device-ca"), 0);

    // As if an earlier run of the same command had been stopped after the first key.
    factory.run(&format!("ca reseal {} --passphrase-file a.pass", key("device-ca"))).succeeded();
    let keys = factory.json("ca reseal --passphrase-file a.pass");
    let changed: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["changed"] == true).collect();
    assert_eq!(changed, [false, true, true], "{keys}");
    for authority in ["device-ca", "service-ca", "broker-ca"] {
        assert_eq!(openssl(authority), 0, "{authority}");
    }
    assert_eq!(factory.run("crl --passphrase-file a.pass").succeeded().stderr, "");

    factory.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.key").succeeded();
    for (file, earlier) in [
        ("correct horse\r\n", "correct horse"),
        ("correct horse\n\n", "correct horse\n"),
        (" \ncorrect horse", " \ncorrect horse"),
    ] {
        factory.write("b.pass", file);
        let mut encrypt = Command::new("openssl");
        encrypt.args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "1", "-passout", "env:EARLIER"]);
        encrypt.args(["-in", "plain.key", "-out", "earlier.key"]).env("EARLIER", earlier);
        CommandOutput::of(encrypt.current_dir(factory.path(".")).output().unwrap()).succeeded();
        let resealed = factory.json("ca reseal earlier.key --passphrase-file b.pass --weak-passphrase");
        assert_eq!(resealed[0]["changed"], true, "{file:?}");
        factory.openssl("pkey -in earlier.key -passin file:b.pass -noout").succeeded();
    }
}

#[test]
fn a_variable_says_the_same_to_openssl_and_to_this_program() {
    for octets in
        [b"gr\xfc\xdfe aus der fabrik".as_slice(), b"correct horse battery\n", b"correct horse \xff"]
    {
        let factory = Factory::empty();
        let value = OsStr::from_bytes(octets);
        let run = |arguments: &str| {
            let output = factory.command(arguments).env("COUNTERSIGN_PASSPHRASE", value).output().unwrap();
            CommandOutput::of(output).succeeded()
        };
        run(INIT);
        assert!(opens(&factory, "fleet/device-ca/issuing.key", octets), "{octets:?}");
        assert_eq!(run("crl").stderr, "");
    }
}

#[test]
fn the_root_keys_are_encrypted_with_what_was_given_for_them_or_nothing_is_made() {
    let daily = PASSPHRASE.as_bytes();
    // A variable is octets: OpenSSL takes them, and so does this.
    let factory = Factory::empty();
    let latin = b"die gro\xdfe reserve";
    let init =
        factory.command(INIT).env("COUNTERSIGN_ROOT_PASSPHRASE", OsStr::from_bytes(latin)).output().unwrap();
    CommandOutput::of(init).succeeded();
    for authority in ["device-ca", "service-ca", "broker-ca"] {
        assert!(opens(&factory, &format!("fleet/{authority}/root.key"), latin));
        assert!(!opens(&factory, &format!("fleet/{authority}/root.key"), daily));
        assert!(opens(&factory, &format!("fleet/{authority}/issuing.key"), daily));
    }

    let factory = Factory::empty();
    factory.write("empty", "");
    factory.write("empty-line", "\ncorrect horse battery\n");
    factory.write("nul", "\0correct horse battery\n");
    factory.write("long", "x".repeat(5000));
    fs::create_dir(factory.path("directory")).unwrap();
    for option in ["--root-passphrase-file", "--passphrase-file"] {
        for (file, code, words) in [
            ("absent", 3, "No such file"),
            ("directory", 3, "Is a directory"),
            ("long", 3, "more than 4096 bytes"),
            ("/dev/zero", 3, "more than 4096 bytes"),
            ("/dev/null", 2, "the passphrase is empty"),
            ("empty", 2, "the passphrase is empty"),
            ("empty-line", 2, "first line of its file, which is empty"),
            ("nul", 2, "first line of its file, which is empty"),
        ] {
            factory.run(&format!("{INIT} {option} {file}")).exited(code).says(words).says(file);
            assert!(!factory.path("fleet").exists(), "{option} {file}");
        }
    }
    for variable in ["COUNTERSIGN_ROOT_PASSPHRASE", "COUNTERSIGN_PASSPHRASE"] {
        let empty = factory.command(INIT).env(variable, "").output().unwrap();
        CommandOutput::of(empty).exited(2).says("the passphrase is empty").says(variable);
        assert!(!factory.path("fleet").exists(), "{variable}");
    }
}

#[test]
fn a_passphrase_file_may_be_a_pipe() {
    let factory = Factory::empty();
    let script = format!(
        "'{program}' {INIT} --passphrase-file <(printf '%s\\n' 'correct horse battery')",
        program = env!("CARGO_BIN_EXE_countersign-provision")
    );
    let init = Command::new("bash").args(["-c", &script]).current_dir(factory.path(".")).output().unwrap();
    CommandOutput::of(init).succeeded();
    assert!(opens(&factory, "fleet/broker-ca/issuing.key", b"correct horse battery"));
}

#[test]
fn a_new_passphrase_has_twelve_characters_or_is_wanted_weak_and_opening_never_asks() {
    let factory = Factory::empty();
    let init = |passphrase: &str, root: &str, more: &str| {
        let mut command = factory.command(&format!("{INIT} {more}"));
        command.env("COUNTERSIGN_PASSPHRASE", passphrase).env("COUNTERSIGN_ROOT_PASSPHRASE", root);
        CommandOutput::of(command.output().unwrap())
    };
    // Characters count, not the bytes that encode them.
    for short in ["x", "elevenchars", "ñandú-lömmö"] {
        init(short, PASSPHRASE, "").exited(2).says("the CA keys is weak").says("--weak-passphrase");
        init(PASSPHRASE, short, "").exited(2).says("the root keys is weak").says("--weak-passphrase");
        assert!(!factory.path("fleet").exists(), "{short}");
    }
    init("x", "y", "--weak-passphrase").succeeded();
    for command in ["issue dev-1", "crl", "revoke dev-1", "broker-cert"] {
        let output = factory.command(command).env("COUNTERSIGN_PASSPHRASE", "x").output().unwrap();
        assert_eq!(CommandOutput::of(output).succeeded().stderr, "");
    }
    // Encrypting anew is making a passphrase, too.
    factory.write("x.pass", "x\n");
    factory.write("short.pass", "still short\n");
    factory.write("twelve.pass", "twelve chars\n");
    let reseal = "ca reseal --passphrase-file x.pass --new-passphrase-file";
    factory.run(&format!("{reseal} short.pass")).exited(2).says("--weak-passphrase");
    factory.run(&format!("{reseal} short.pass --weak-passphrase")).succeeded();
    let reseal = "ca reseal --passphrase-file short.pass --new-passphrase-file";
    factory.run(&format!("{reseal} twelve.pass")).succeeded();
    assert_eq!(factory.run("crl --passphrase-file twelve.pass").succeeded().stderr, "");
    factory.run("crl --passphrase-file short.pass").exited(3).says("the passphrase does not open it");
}

#[test]
fn keys_are_encrypted_anew_all_or_none() {
    let factory = Factory::new();
    factory.write("old.pass", PASSPHRASE);
    factory.write("new.pass", "another twelve characters");
    let device = || fs::read(factory.path("fleet/device-ca/issuing.key")).unwrap();
    let before = device();
    let broker = fs::read(factory.path("fleet/broker-ca/issuing.key")).unwrap();
    let reseal = "ca reseal --passphrase-file old.pass --new-passphrase-file new.pass";
    fs::write(factory.path("fleet/broker-ca/issuing.key"), "nonsense").unwrap();
    factory.run(reseal).exited(3).says("broker-ca/issuing.key: it is no encrypted PKCS#8");
    assert!(before == device());
    fs::remove_file(factory.path("fleet/broker-ca/issuing.key")).unwrap();
    factory.run(reseal).exited(3).says("broker-ca/issuing.key");
    assert!(before == device());
    fs::write(factory.path("fleet/broker-ca/issuing.key"), broker).unwrap();
    factory.run("ca reseal --passphrase-file new.pass").exited(3).says("the passphrase does not open it");
    factory.run(reseal).succeeded();
    assert!(before != device());
    factory.run("crl --passphrase-file new.pass").succeeded();
}
