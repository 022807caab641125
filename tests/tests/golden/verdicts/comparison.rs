//! The two verdicts on one question, and in what they differ.

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{self, Connect, Version};
use integration_tests::site::Site;
use integration_tests::transcript::{Transcript, steady_of};
use serde_json::Value;

use crate::answer;
use crate::recorder::lines_of;

/// Asks both, and writes the answers side by side.
pub(super) struct Verdicts<'a> {
    pub(super) site: &'a Site,
    transcript: Transcript<'a>,
    differences: Vec<String>,
}

/// What is recorded of one part: the verdicts, and a line for each difference.
pub(super) type Recorded = (String, Vec<String>);

/// An answer to the question whether something is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// `allowed`, `refused`, or what else happened.
    outcome: String,
    reason: String,
    evidence: String,
}

impl Verdict {
    fn line(&self) -> String {
        match self.reason.as_str() {
            "" => self.outcome.clone(),
            reason => format!("{} {reason}: {}", self.outcome, self.evidence),
        }
    }

    /// In what `self`, the broker's, differs from that of `explain`.
    fn differs_from(&self, explained: &Self) -> String {
        if self.outcome != explained.outcome {
            format!("outcome (broker: {}; explain: {})", self.short(), explained.short())
        } else if self.reason != explained.reason {
            format!("reason (broker: {}; explain: {})", self.reason, explained.reason)
        } else if self.evidence != explained.evidence {
            "evidence".to_owned()
        } else {
            "no".to_owned()
        }
    }

    fn short(&self) -> String {
        format!("{} {}", self.outcome, self.reason).trim_end().to_owned()
    }
}

impl<'a> Verdicts<'a> {
    pub(super) fn of(site: &'a Site, title: &str) -> Self {
        let mut transcript = Transcript::of(&site.fleet);
        transcript.line(&format!("# {title}\n"));
        Self { site, transcript, differences: vec![title.to_owned()] }
    }

    pub(super) fn recorded(self) -> Recorded {
        (self.transcript.into_text(), self.differences)
    }

    /// What `explain` says, and its exit code.
    #[track_caller]
    pub(super) fn explain(&self, certificate: &Credential, args: &[&str]) -> (i32, Verdict) {
        let certificate = certificate.certificate.display().to_string();
        let ran = operate(&self.site.fleet, "explain", &[&["--json", "--cert", &certificate], args].concat());
        let text = |value: &Value| steady_of(&self.site.fleet, value.as_str().unwrap_or_default());
        let verdict = match ran.code {
            0 | 6 => {
                let explained = ran.json();
                let allowed = explained["allowed"].as_bool().expect("it says whether");
                assert_eq!(allowed, ran.code == 0, "{explained}");
                Verdict {
                    outcome: if allowed { "allowed" } else { "refused" }.to_owned(),
                    reason: text(&explained["reason"]),
                    evidence: text(&explained["evidence"]),
                }
            }
            _ => Verdict {
                outcome: steady_of(&self.site.fleet, ran.stderr.lines().next().unwrap_or_default()),
                reason: String::new(),
                evidence: String::new(),
            },
        };
        (ran.code, verdict)
    }

    /// The verdict in the lines that the broker has written for one step: the first refusal, or else that something was
    /// allowed.
    pub(super) fn in_lines(lines: &[String], otherwise: &str) -> Verdict {
        let parsed = || lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let refused = parsed().find(|line| line["outcome"] == "refused");
        let (outcome, line) = match refused {
            Some(line) => ("refused".to_owned(), line),
            None => (otherwise.to_owned(), Value::Null),
        };
        Verdict { outcome, reason: of(&line, "reason"), evidence: of(&line, "evidence") }
    }

    /// Writes what was heard and logged, both verdicts, and in what they differ.
    pub(super) fn write(
        &mut self,
        title: &str,
        heard: &str,
        lines: &[String],
        live: &Verdict,
        explained: &(i32, Verdict),
    ) {
        let (code, explained) = explained;
        self.transcript.line(&format!("## {title}"));
        self.transcript.line(&format!("heard: {heard}"));
        for line in lines {
            self.transcript.line(&format!("log: {}", shortened(line)));
        }
        self.transcript.line(&format!("broker: {}", live.line()));
        self.transcript.line(&format!("explain: {} (exit {code})", explained.line()));
        let difference = live.differs_from(explained);
        self.transcript.line(&format!("differs: {difference}\n"));
        if difference != "no" {
            self.differences.push(format!("    {title}: {difference}"));
        }
    }

    /// A client that shows `credential` and sends `connect`.
    #[track_caller]
    pub(super) fn connect(
        &mut self,
        title: &str,
        credential: &Credential,
        connect: &Connect,
        asked: &[&str],
    ) {
        self.connect_as(title, Some(credential), credential, connect.version(), &connect.packet(), asked);
    }

    /// The same with a CONNECT in bytes, and `explain` is asked about another certificate, if it is.
    #[track_caller]
    pub(super) fn connect_as(
        &mut self,
        title: &str,
        shown: Option<&Credential>,
        explained: &Credential,
        version: Version,
        connect: &[u8],
        asked: &[&str],
    ) {
        let site = self.site;
        let log = site.broker.log();
        let (heard, lines) = lines_of(site, &[], || {
            let mark = log.mark();
            let tls = Tls::new(&site.fleet, shown);
            let heard = match Client::dial(site.address(), &tls, version) {
                Err(heard) => heard,
                Ok(mut client) => {
                    client.send(connect);
                    let heard = client.hear(PATIENCE);
                    if matches!(&heard, Heard::Packet(packet) if packet.reason_code() == 0) {
                        log.line(mark, |line| line["outcome"] == "allowed");
                        client.disconnect();
                        log.line(mark, |line| line["event"] == "session_closed");
                    }
                    heard
                }
            };
            if matches!(heard, Heard::Alert(_)) {
                // The alert is sent before the line is written.
                log.line(mark, |line| line["event"] == "handshake");
            }
            answer::line(version, &heard)
        });
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.contains("session_closed")).collect();
        let is_in = lines.iter().any(|line| line.contains("\"outcome\":\"allowed\""));
        let live = Self::in_lines(&lines, if is_in { "allowed" } else { "no decision" });
        let explained = self.explain(explained, asked);
        self.write(title, &heard, &lines, &live, &explained);
    }

    /// A client that is let in and then sends `packet`.
    #[track_caller]
    pub(super) fn ask(
        &mut self,
        title: &str,
        credential: &Credential,
        connect: &Connect,
        packet: &[u8],
        asked: &[&str],
    ) {
        let site = self.site;
        let version = connect.version();
        let (mut client, _) = lines_of(site, &["allowed"], || site.connect(credential, connect));
        let log = site.broker.log();
        let (heard, lines) = lines_of(site, &[], || {
            let mark = log.mark();
            client.send(packet);
            let heard = client.hear(PATIENCE);
            let is_over = match &heard {
                Heard::Packet(packet) => packet.is(mqtt::Kind::Disconnect),
                _ => true,
            };
            if is_over {
                log.line(mark, |line| line["event"] == "session_closed");
            }
            answer::line(version, &heard)
        });
        let granted = ["PUBACK 0x00", "SUBACK 0x00", "SUBACK 0x01", "SUBACK 0x02"].contains(&heard.as_str());
        let live = Self::in_lines(&lines, if granted { "allowed" } else { "no decision" });
        lines_of(site, &[], || drop(client));
        let explained = self.explain(credential, asked);
        self.write(title, &heard, &lines, &live, &explained);
    }
}

/// Of a line of the log what a verdict consists of; the whole lines are in `log-json`.
fn shortened(line: &str) -> String {
    let line: Value = serde_json::from_str(line).expect("the log is in JSON");
    let words: Vec<_> = ["event", "outcome", "reason", "evidence", "note", "message", "error"]
        .into_iter()
        .filter_map(|key| match &line[key] {
            Value::String(text) if key == "event" || key == "outcome" || key == "reason" => {
                Some(text.clone())
            }
            Value::String(text) => Some(format!("{key}={text:?}")),
            _ => None,
        })
        .collect();
    words.join(" ")
}
