//! What a broker logs for a step that a client takes, and nothing that it logs for another.

use std::collections::BTreeMap;
use std::process::Stdio;

use integration_tests::broker::{Broker, Mark, operate};
use integration_tests::client::{Client, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::site::Site;
use integration_tests::transcript::{Transcript, steady_of};
use serde_json::Value;

use crate::PROGRAMS;

/// How the broker writes its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Text,
}

/// A site like [`Site::configured`], whose broker logs in a format of choice.
#[track_caller]
pub(crate) fn site_logging(format: Format, alter: impl FnOnce(&Fleet)) -> Site {
    let fleet = Fleet::new(PROGRAMS);
    let device = fleet.device("dev-1");
    let service = fleet.service("backend");
    alter(&fleet);
    let mut command = PROGRAMS.broker();
    command.arg("run").arg("--fleet").arg(fleet.directory()).args(["--listen", "127.0.0.1:0"]);
    if format == Format::Json {
        command.args(["--log-format", "json"]);
    }
    let site = Site { broker: Broker::started_by(command, Stdio::piped()), fleet, device, service };
    // All files are read once more soon after the start; from then on nothing is logged without a cause.
    for last in ["listening", "server certificate in force"] {
        site.broker.log().line(Mark::START, |line| line.to_string().contains(last));
    }
    site
}

/// Has the broker of a fleet speak TLS 1.2 too, for [`dial_proven`].
pub(crate) fn speak_tls_1_2(fleet: &Fleet) {
    fleet.configure("tls-versions = [\"1.3\"]", "tls-versions = [\"1.2\", \"1.3\"]");
}

/// Completes a handshake, so that the broker has judged the certificate when it returns. With TLS 1.2, because there the last
/// word is the broker's.
#[track_caller]
pub(crate) fn dial_proven(site: &Site, credential: &Credential, version: Version) -> Client {
    let tls = Tls::with_versions(&site.fleet, Some(credential), &[&rustls::version::TLS12]);
    Client::dial(site.address(), &tls, version).expect("a good certificate")
}

/// A client id that no client has: closing its sessions only writes a line to the log, behind all earlier ones.
const NOBODY: &str = "nobody-at-all";

/// What `act` returns, and the lines that the broker logs for it: as soon as each of `expected` is in a line of its own.
/// They are sorted, because several tasks of the broker may write them.
#[track_caller]
pub(crate) fn lines_of<T>(site: &Site, expected: &[&str], act: impl FnOnce() -> T) -> (T, Vec<String>) {
    let log = site.broker.log();
    let mark = log.mark();
    let done = act();
    for word in expected {
        let times = expected.iter().filter(|other| *other == word).count();
        log.lines(mark, times, |line| line.to_string().contains(word));
    }
    assert_eq!(operate(&site.fleet, "kick", &[NOBODY]).code, 4, "it has no session");
    let is_mark = |line: &Value| line.to_string().contains(NOBODY);
    let lines = log.lines(mark, 1, is_mark);
    let mut lines: Vec<_> =
        lines.iter().filter(|line| !is_mark(line)).map(|line| rendered(&site.fleet, line)).collect();
    lines.sort();
    (done, lines)
}

/// A line of the log: of one in JSON the fields in alphabetical order, one in text as it is.
fn rendered(fleet: &Fleet, line: &Value) -> String {
    let text = match line {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let mut fields: BTreeMap<_, _> = fields.clone().into_iter().collect();
            // Decisions have a target of their own; every other is the path of a module, which is no contract.
            if fields.get("target").is_some_and(|target| target != "countersign::decision") {
                fields.insert("target".into(), "<module>".into());
            }
            serde_json::to_string(&fields).expect("it was JSON before")
        }
        other => panic!("{other} is no line of a log"),
    };
    steady_of(fleet, &text)
}

/// Steps, what the clients hear, and what the broker logs.
pub(crate) struct Recorder<'a> {
    pub(crate) site: &'a Site,
    transcript: Transcript<'a>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn of(site: &'a Site) -> Self {
        Self { site, transcript: Transcript::of(&site.fleet) }
    }

    /// Records what is logged until the broker is at work.
    pub(crate) fn start(&mut self) {
        self.lines("the broker starts", "", &self.site.broker.log().since(Mark::START));
    }

    /// Records lines of the log that were waited for otherwise.
    pub(crate) fn lines(&mut self, title: &str, heard: &str, lines: &[Value]) {
        let mut lines: Vec<_> = lines.iter().map(|line| rendered(&self.site.fleet, line)).collect();
        lines.sort();
        self.write(title, heard, &lines);
    }

    /// A client is let in.
    #[track_caller]
    pub(crate) fn connects(&mut self, credential: &Credential, connect: &Connect) -> Client {
        let (client, lines) = lines_of(self.site, &["allowed"], || self.site.connect(credential, connect));
        self.write(&format!("{} connects", connect.client_id()), "", &lines);
        client
    }

    /// Takes a step, which returns what a client hears, and waits until each of `expected` is in a line of its own.
    #[track_caller]
    pub(crate) fn step(&mut self, title: &str, expected: &[&str], act: impl FnOnce() -> String) {
        let (heard, lines) = lines_of(self.site, expected, act);
        self.write(title, &heard, &lines);
    }

    /// The same for a step that causes lines of which only those with `word` are always the same.
    #[track_caller]
    pub(crate) fn step_among_others(
        &mut self,
        title: &str,
        expected: &[&str],
        word: &str,
        act: impl FnOnce() -> String,
    ) {
        let (heard, mut lines) = lines_of(self.site, expected, act);
        lines.retain(|line| line.contains(word));
        self.write(title, &heard, &lines);
    }

    fn write(&mut self, title: &str, heard: &str, lines: &[String]) {
        self.transcript.line(&format!("## {title}"));
        for line in heard.lines() {
            self.transcript.line(&format!("heard: {line}"));
        }
        for line in lines {
            self.transcript.line(line);
        }
        self.transcript.line("");
    }

    pub(crate) fn into_text(self) -> String {
        self.transcript.into_text()
    }
}
