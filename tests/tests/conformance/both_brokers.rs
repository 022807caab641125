//! [`BothBrokers`]: two brokers for the same clients.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;

use integration_tests::mosquitto::Mosquitto;
use integration_tests::mqtt::Version;
use integration_tests::peer::Peer;
use integration_tests::program::{Programs, finish};
use integration_tests::site::Site;

use crate::differences::DIFFERENCES;
use crate::observation::{Observation, Observed, Play, observed};
use crate::stage::{Scenario, Stage};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// What the one client of the brokers, the service `backend`, may do: everything but what begins with `$` and is not
/// named.
const POLICY: &str = r##"[[policy]]
name = "everything"
match = { identity = "backend" }
action = "allow"
client-id = "free"
publish = ["#", "$other/#"]
subscribe = ["#", "$other/#", "$share/+/#"]
denied-publish = "drop"

"##;

/// The same for mosquitto.
const TOPICS: [&str; 2] = ["#", "$other/#"];

/// The limits that clients are told of, as far as mosquitto has the same.
const LIMITS: &str =
    "max-inflight = 20\nmax-packet-size = 20000\nmax-keep-alive = \"60s\"\nmax-sessions-per-identity = 1000";

/// The same for mosquitto.
const SETTINGS: &str =
    "max_inflight_messages 20\nmax_packet_size 20000\nmax_keepalive 60\nmax_queued_messages 1000";

/// Countersign's broker and mosquitto, with the same certificates, limits and permissions.
pub(crate) struct BothBrokers {
    python: Peer,
    site: Site,
    mosquitto: Mosquitto,
}

impl BothBrokers {
    /// Starts both brokers, if mosquitto and Paho are installed.
    #[track_caller]
    pub(crate) fn open() -> Option<Self> {
        let (python, mosquitto) = (Peer::python_with_paho()?, Peer::mosquitto()?);
        let site = Site::configured(PROGRAMS, |fleet| {
            let devices = "[[policy]]\nname = \"devices\"";
            fleet.configure(devices, &format!("{POLICY}{devices}"));
            fleet.limit(LIMITS);
        });
        let mosquitto = Mosquitto::start(&mosquitto, &site.fleet, SETTINGS, &TOPICS);
        Some(Self { python, site, mosquitto })
    }

    /// Plays a file of scenarios against both, and compares what the clients saw with the specification and with each
    /// other.
    #[track_caller]
    pub(crate) fn play(&self, file: &str) {
        let ours = self.start(file, self.site.address());
        let theirs = self.start(file, self.mosquitto.address());
        let seen = |broker: &str, child: Child| {
            let finished = finish(child);
            assert!(finished.stderr.is_empty(), "{file} against {broker}: {}", finished.stderr);
            observed(broker, &finished.stdout_of_success())
        };
        judge(&seen("Countersign", ours), &seen("mosquitto", theirs));
    }

    /// Performs scenarios byte by byte against both, and compares likewise. Scenarios are performed beside each other.
    #[track_caller]
    pub(crate) fn perform(&self, scenarios: &[(&'static str, Scenario)]) {
        let tls = self.site.tls(&self.site.service);
        let seen = |broker: SocketAddr| -> Observed {
            thread::scope(|scope| {
                let performed: Vec<_> = scenarios
                    .iter()
                    .flat_map(|(name, scenario)| Version::ALL.map(|version| (*name, *scenario, version)))
                    .map(|(name, scenario, version)| {
                        let mut stage = Stage::new(broker, &tls, name, version);
                        scope.spawn(move || {
                            scenario(&mut stage);
                            stage.leave()
                        })
                    })
                    .collect();
                performed.into_iter().map(|one| one.join().expect("a scenario comes to its end")).collect()
            })
        };
        judge(&seen(self.site.address()), &seen(self.mosquitto.address()));
    }

    fn start(&self, file: &str, broker: SocketAddr) -> Child {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(file);
        let mut command = self.python.command();
        command
            // Byte code in the source tree would be nobody's.
            .arg("-B")
            .arg(script)
            .arg(broker.port().to_string())
            .arg(self.site.fleet.file("broker-ca/root.pem"))
            .arg(&self.site.service.certificate)
            .arg(&self.site.service.key)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts")
    }
}

/// Compares what was seen of both brokers with the specification.
#[track_caller]
pub(crate) fn judge(countersign: &Observed, mosquitto: &Observed) {
    let plays: BTreeSet<_> = countersign.keys().chain(mosquitto.keys()).collect();
    let faults: Vec<_> = plays
        .into_iter()
        .flat_map(|play| match (countersign.get(play), mosquitto.get(play)) {
            (Some(ours), Some(theirs)) => faults(play, ours, theirs),
            _ => vec![format!("{play} was played against one broker only")],
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn faults(play: &Play, ours: &[Observation], theirs: &[Observation]) -> Vec<String> {
    let mut faults = Vec::new();
    if !ours.iter().map(|seen| &seen.what).eq(theirs.iter().map(|seen| &seen.what)) {
        faults.push(format!("{play}: not the same was observed of both: {ours:?}, {theirs:?}"));
    }
    for seen in ours.iter().filter(|seen| seen.saw != seen.spec) {
        faults.push(format!("{play}: Countersign is wrong: {seen:?}"));
    }
    let known: Vec<_> = DIFFERENCES.iter().filter(|difference| difference.is_of(play)).collect();
    for seen in theirs {
        match known.iter().find(|difference| difference.is_about(seen)) {
            None if seen.saw != seen.spec => {
                faults.push(format!("{play}: mosquitto differs, and nobody has said why: {seen:?}"));
            }
            Some(difference) if !difference.is_known(seen) => {
                faults.push(format!("{play}: mosquitto does not differ as listed: {seen:?}; {difference}"));
            }
            _ => {}
        }
    }
    for difference in known {
        if !theirs.iter().any(|seen| difference.is_about(seen)) {
            faults.push(format!("{play}: nothing of the kind was observed: {difference}"));
        }
    }
    faults
}
