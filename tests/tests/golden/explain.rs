//! `explain`, in text and in JSON: for every certificate, and for every further question that can be asked.

use std::fs;
use std::path::Path;

use integration_tests::broker::operate;
use integration_tests::pki::{Crl, DAY, Forger, now};
use integration_tests::program::Finished;
use integration_tests::site::Site;
use integration_tests::transcript::Transcript;

use crate::certificates::{Forgers, all, configure};
use crate::recorder::{Format, site_logging};

/// What is too long to be printed, and what is printed instead.
const LONG: usize = 70_000;
const LONG_SHOWN: &str = "(70000 x)";

/// Asks about a certificate, in text and in JSON, and records the question as `shown`.
#[track_caller]
fn ask(transcript: &mut Transcript<'_>, site: &Site, certificate: &Path, args: &[&str], shown: &str) {
    let certificate = certificate.display().to_string();
    let shorter = |text: &str| text.replace(&"x".repeat(LONG), LONG_SHOWN);
    for json in [&[][..], &["--json"]] {
        let ran = operate(&site.fleet, "explain", &[&["--cert", &certificate], args, json].concat());
        let ran = Finished { stdout: shorter(&ran.stdout), ..ran };
        transcript.add(&format!("countersign-broker explain --cert {shown} {}", json.concat()), &ran);
    }
}

#[test]
fn every_certificate() {
    let site = site_logging(Format::Json, configure);
    let mut transcript = Transcript::of(&site.fleet);
    for shown in all(&site, &Forgers::of(&site.fleet)) {
        ask(&mut transcript, &site, &shown.credential.certificate, &[], &format!("({})", shown.what));
    }
    transcript.matches("explain-certificates");
}

#[test]
fn every_question() {
    let site = site_logging(Format::Json, configure);
    let mut transcript = Transcript::of(&site.fleet);
    let reader = site.fleet.service("reader");
    let long = format!("devices/dev-1/telemetry/{}", "x".repeat(LONG));
    let (device, service, wide) = (&site.device, &site.service, &reader);
    for (who, name, questions) in [
        (
            device,
            "DEVICE",
            &[
                &["--client-id", "dev-1"][..],
                &["--client-id", "dev-10"],
                &["--client-id", ""],
                &["--client-id", "dev-1\nevil"],
                &["--publish", "devices/dev-1/telemetry/a"],
                &["--publish", "devices/dev-2/telemetry/a"],
                &["--publish", ""],
                &["--publish", "devices/dev-1/telemetry/#"],
                &["--publish", &long],
                &["--subscribe", "devices/dev-1/commands/#"],
                &["--subscribe", "devices/+/commands/#"],
                &["--subscribe", ""],
                &["--subscribe", "devices/#/commands"],
                &["--subscribe", "devices/dev-1/command+"],
                &["--subscribe", "$share/readers"],
                &["--subscribe", "$share/a+b/devices/dev-1/commands/#"],
                &["--subscribe", "$share/readers/devices/dev-1/commands/#"],
                &["--client-id", "dev-1", "--publish", "devices/dev-1/status"],
                &["--client-id", "dev-10", "--publish", "devices/dev-2/status"],
                &[
                    "--client-id",
                    "dev-1",
                    "--publish",
                    "devices/dev-2/status",
                    "--at",
                    "2001-01-01T00:00:00Z",
                ],
                &["--at", "0"],
                &["--at", "2099-01-01T00:00:00+02:00"],
                &["--at", "2099-01-01T00:00:00Z", "--client-id", "dev-10"],
                &["--at", "-1"],
            ][..],
        ),
        (
            service,
            "SERVICE",
            &[
                &["--client-id", "backend"][..],
                &["--client-id", "backend/1"],
                &["--client-id", "backends"],
                &["--client-id", ""],
                &["--publish", "devices/dev-1/commands/a"],
                &["--publish", "devices/dev-1/telemetry/a"],
                &["--subscribe", "devices/+/telemetry/#"],
                &["--subscribe", "$share/readers/devices/+/telemetry/#"],
                &["--subscribe", "$share/others/devices/+/telemetry/#"],
            ],
        ),
        (
            wide,
            "WIDE",
            &[
                &["--client-id", "anything at all"][..],
                &["--client-id", ""],
                &["--publish", "$SYS/x"],
                &["--publish", "a/b"],
                &["--subscribe", "#"],
                &["--subscribe", "$SYS/broker"],
                &["--subscribe", "$share/readers/#"],
                &["--subscribe", "$share/+/#"],
            ],
        ),
    ] {
        for question in questions {
            let written = |word: &&str| match word.strip_prefix("--") {
                Some(_) => (*word).to_owned(),
                None => format!("{word:?}").replace(&"x".repeat(LONG), LONG_SHOWN),
            };
            let shown = question.iter().map(written).collect::<Vec<_>>().join(" ");
            ask(&mut transcript, &site, &who.certificate, question, &format!("{name} {shown}"));
        }
    }
    let in_days = |days: u32| (now() + days * DAY).unix_timestamp().to_string();
    for days in [6, 9] {
        let at = in_days(days);
        ask(
            &mut transcript,
            &site,
            &device.certificate,
            &["--at", &at],
            &format!("DEVICE --at (in {days} days)"),
        );
    }
    transcript.matches("explain-questions");
}

#[test]
fn every_file() {
    let site = site_logging(Format::Json, configure);
    let mut transcript = Transcript::of(&site.fleet);
    let chain = site.device.chain();
    let written = |name: &str, content: &[u8]| {
        let file = site.fleet.beside(name);
        fs::write(&file, content).expect("a file can be written");
        file
    };
    let key = fs::read(&site.device.key).expect("a key");
    let pem = fs::read_to_string(&site.device.certificate).expect("a certificate");
    let second = pem.rfind("-----BEGIN").expect("there are two");
    let (leaf, issuing) = pem.split_at(second);
    for (name, content) in [
        ("leaf.der", &chain[0][..]),
        ("key.pem", &key),
        ("empty.pem", b""),
        ("cut.pem", &pem.as_bytes()[..200]),
        ("issuer-first.pem", format!("{issuing}{leaf}").as_bytes()),
        ("with-words.pem", format!("dev-1\n{leaf}the end\n").as_bytes()),
        ("broken.der", &chain[0][..100]),
    ] {
        ask(&mut transcript, &site, &written(name, content), &[], name);
    }

    let config = fs::read(site.fleet.file("broker.toml")).expect("the configuration");
    let list = fs::read(site.fleet.file("crl/device-ca.crl")).expect("the list");
    let device = &site.device.certificate;
    let broken = |transcript: &mut Transcript<'_>, what: &str, file: &str, content: &[u8], good: &[u8]| {
        site.fleet.replace(file, content);
        ask(transcript, &site, device, &[], &format!("DEVICE ({what})"));
        site.fleet.replace(file, good);
    };
    broken(&mut transcript, "no revocation list", "crl/device-ca.crl", b"nothing", &list);
    let older = Forger::with_key_of(&site.fleet, "device-ca").crl(&Crl { number: 7, ..Crl::fresh() });
    broken(
        &mut transcript,
        "a list older than one the broker has seen",
        "crl/device-ca.crl",
        older.as_bytes(),
        &list,
    );
    broken(&mut transcript, "a configuration that is none", "broker.toml", b"mode = 1\n", &config);
    let text = String::from_utf8(config.clone()).expect("TOML is text");
    let denies = text.replace("identity = \"retired-1\"", "identity = \"dev-1\"");
    broken(
        &mut transcript,
        "a policy that the running broker has not",
        "broker.toml",
        denies.as_bytes(),
        &config,
    );
    let no_policy = &text[..text.find("[[policy]]").expect("there are policies")];
    broken(&mut transcript, "no policy at all", "broker.toml", no_policy.as_bytes(), &config);
    let unchecked =
        text.replace("crl-check = \"leaf\"", "crl-check = \"off\"").replace("\ncrl = [", "\n# crl = [");
    broken(&mut transcript, "no list is checked", "broker.toml", unchecked.as_bytes(), &config);
    let listeners = text.replacen(
        "[[listener]]",
        "[[listener]]\naddress = \"127.0.0.1:1\"\nserver-cert = \"broker/cert.pem\"\nserver-key = \"broker/key.pem\"\n\
         [[listener.trust]]\nname = \"other\"\nanchors = [\"service-ca/issuing.pem\"]\ncrl-check = \"off\"\nrole = \"service\"\n\n\
         [[listener]]",
        1,
    );
    broken(
        &mut transcript,
        "two listeners, the second for devices",
        "broker.toml",
        listeners.as_bytes(),
        &config,
    );
    transcript.matches("explain-files");
}
