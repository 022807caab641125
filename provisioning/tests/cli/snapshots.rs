//! Output, exit codes and JSON documents, which people and scripts rely on, compared with `snapshots/`.
//!
//! `COUNTERSIGN_UPDATE_SNAPSHOTS=1 cargo nextest run -p provisioning snapshots` writes the snapshots again.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::factory::{CommandOutput, Factory};

/// A transcript of commands: arguments, output and exit codes.
struct Transcript<'a> {
    factory: &'a Factory,
    text: String,
}

impl<'a> Transcript<'a> {
    fn new(factory: &'a Factory) -> Self {
        Self { factory, text: String::new() }
    }

    fn run(&mut self, arguments: &str) {
        let output = self.factory.run(arguments);
        self.add(arguments, &output);
    }

    fn add(&mut self, arguments: &str, output: &CommandOutput) {
        writeln!(self.text, "$ countersign-provision {}", arguments.trim()).unwrap();
        self.text.push_str(&normalized(&output.stdout));
        self.text.push_str(&normalized(&output.stderr));
        writeln!(self.text, "exit {}\n", output.code).unwrap();
    }

    #[track_caller]
    fn matches(self, name: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/snapshots/{name}.txt"));
        if std::env::var_os("COUNTERSIGN_UPDATE_SNAPSHOTS").is_some() {
            fs::write(&path, &self.text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(expected == self.text, "{} differs; it would be:\n{}", path.display(), self.text);
    }
}

/// Replaces what differs from run to run: digests, serial numbers, times, CRL numbers, the tags of CA names.
fn normalized(text: &str) -> String {
    let mut normalized = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-:".contains(*c)).collect();
        let hex = word.chars().all(|c| c.is_ascii_hexdigit());
        let number = word.chars().all(|c| c.is_ascii_digit());
        let (taken, shown) = match word.len() {
            0 => (first.len_utf8(), first.to_string()),
            20 if word.ends_with('Z') && word.contains('T') => (20, "<time>".to_owned()),
            10 if word.split('-').map(str::len).eq([4, 2, 2]) && word.starts_with("20") => {
                (10, "<date>".to_owned())
            }
            32 if hex => (32, "<serial>".to_owned()),
            64 if hex => (64, "<sha256>".to_owned()),
            8 if hex && normalized.ends_with(" CA ") => (8, "<tag>".to_owned()),
            8 if hex && (normalized.ends_with("checksum is ") || normalized.ends_with("content has ")) => {
                (8, "<crc>".to_owned())
            }
            length @ 10.. if number => (length, "<number>".to_owned()),
            length => (length, word.clone()),
        };
        normalized.push_str(&shown);
        rest = &rest[taken..];
    }
    normalized
}

#[test]
fn the_text_output_of_every_command_matches_its_snapshot() {
    let factory = Factory::empty();
    factory
        .write("order.csv", "device_id,product,serial_number,work_order,colour\npump-2,P1,0002,WO-7,red\n");
    let mut transcript = Transcript::new(&factory);
    for command in [
        "init --organization Acme --broker-host broker.example,127.0.0.1",
        "issue pump-1",
        "issue --order order.csv --format bin,hex,uf2,pem",
        "issue --order order.csv --format bin,hex,uf2,pem --address 0x1000",
        "service historian",
        "service historian --renew",
        "broker-cert",
        "list",
        "list --services",
        "suspend pump-1",
        "resume pump-1",
        "resume pump-1",
        "revoke pump-1 --reason keyCompromise",
        "revoke pump-1",
        "list --status revoked",
        "show pump-1",
        "show pump-2",
        "show historian",
        "crl",
        "inspect fleet/images/pump-2.bin",
        "inspect fleet/crl/device-ca.crl",
        "inspect fleet/broker/cert.pem",
        "export-broker --out exported",
    ] {
        transcript.run(command);
    }
    transcript.matches("day");
}

#[test]
fn the_json_output_of_every_command_matches_its_snapshot() {
    let factory = Factory::empty();
    factory
        .write("order.csv", "device_id,product,serial_number,work_order,colour\npump-2,P1,0002,WO-7,red\n");
    let mut transcript = Transcript::new(&factory);
    transcript.run("init --organization Acme --broker-host broker.example,127.0.0.1 --json");
    transcript.run("issue --order order.csv --format bin,pem --json");
    factory.request("pump-3", "pump-3", "");
    for command in [
        "sign --csr pump-3.csr --json",
        "service historian --json",
        "broker-cert --json",
        "list --json",
        "list --services --json",
        "list --status expired --json",
        "suspend pump-2 --json",
        "resume pump-2 --json",
        "revoke pump-2 --reason keyCompromise --json",
        "crl --json",
        "show pump-2 --json",
        "show historian --json",
        "inspect fleet/images/pump-2.bin --json",
        "inspect fleet/broker/cert.pem --json",
        "inspect fleet/crl/device-ca.crl --json",
        "inspect pump-3.csr --json",
        "export-broker --out exported --json",
    ] {
        transcript.run(command);
    }
    transcript.matches("json");
}

#[test]
fn the_errors_of_refused_commands_match_their_snapshot() {
    let factory = Factory::new();
    factory.run("issue pump-1").succeeded();
    factory.run("service historian").succeeded();
    let serial = factory.json("show pump-1")["certificates"][0]["serial"].as_str().unwrap().to_owned();
    factory.write("bad.csv", "device_id,product\npump/1,P1\npump-2\n");
    factory.write("twice.csv", "device_id\npump-2\npump-2\n");
    factory.write("other.csv", "device_id,product\npump-1,P1\n");
    factory.write("nothing.bin", "nothing");
    factory.write("empty.pass", "\n");
    factory.write("wrong.pass", "wrong");
    let image = fs::read(factory.path("fleet/images/pump-1.bin")).unwrap();
    factory.write("cut.bin", &image[..10]);
    let mut damaged = image;
    damaged[100] ^= 1;
    factory.write("damaged.bin", damaged);

    let mut transcript = Transcript::new(&factory);
    transcript.run("revoke pump-1");
    for command in [
        // 2: usage
        "",
        "isue pump-1",
        "issue",
        "issue pump/1",
        "issue pump-2 --order bad.csv",
        "issue pump-2 --format elf",
        "issue pump-2 --days 0",
        "revoke",
        "revoke pump-1 --reason stolen",
        "revoke pump-1 --reason certificateHold",
        "revoke --serial 12",
        "list --status lost",
        "init --organization Acme",
        "init --organization Acme --broker-host *.example",
        "issue pump-2 --passphrase-file empty.pass",
        // 3: input refused
        "--fleet nowhere list",
        "--fleet nowhere issue pump-2",
        "--fleet nowhere export-broker --out x",
        "issue --order absent.csv",
        "issue --order bad.csv",
        "issue pump-2 --days 36500",
        "issue pump-2 --passphrase-file wrong.pass",
        "issue pump-2 --passphrase-file absent.pass",
        "sign --csr nothing.bin",
        "inspect nothing.bin",
        "inspect cut.bin",
        "inspect damaged.bin",
        "inspect absent.bin",
        // 4: unknown
        "show pump-9",
        "revoke pump-9",
        "revoke --serial 01010101010101010101010101010101",
        "suspend pump-9",
        // 5: conflict
        "init --organization Acme --broker-host broker.example",
        "issue pump-1",
        "issue pump-2 pump-2",
        "issue historian",
        "issue --order twice.csv",
        "issue --order other.csv",
        "service historian",
        "service pump-1",
        "suspend pump-1",
        "resume pump-1",
    ] {
        transcript.run(command);
    }
    let resumed = factory.run(&format!("resume --serial {serial}"));
    transcript.add("resume --serial <serial>", &resumed);
    let mut without_passphrase = factory.command("issue pump-2");
    without_passphrase.env_remove("COUNTERSIGN_PASSPHRASE");
    let output = without_passphrase.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    writeln!(
        transcript.text,
        "$ countersign-provision issue pump-2   (no passphrase, no terminal)\n{stderr}exit 2"
    )
    .unwrap();
    transcript.matches("refusals");
    // No refused command registered a device or wrote a file.
    assert_eq!(factory.json("list").as_array().unwrap().len(), 1);
    assert_eq!(factory.files("fleet/images"), ["pump-1.bin"]);
}

#[test]
fn the_help_of_every_command_matches_its_snapshot() {
    let factory = Factory::empty();
    let mut transcript = Transcript::new(&factory);
    transcript.run("--version");
    for command in [
        "",
        "init",
        "issue",
        "sign",
        "service",
        "broker-cert",
        "revoke",
        "suspend",
        "resume",
        "crl",
        "list",
        "show",
        "cert",
        "inspect",
        "convert",
        "reconcile",
        "backup",
        "restore",
        "export-broker",
        "completions",
    ] {
        transcript.run(&format!("{command} --help"));
    }
    transcript.matches("help");
    for shell in ["bash", "zsh", "fish"] {
        assert!(factory.run(&format!("completions {shell}")).succeeded().stdout.contains("export-broker"));
    }
}
