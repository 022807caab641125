//! What is left of clients that have left: nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use load::usage::Process;
use serde_json::{Value, json};

use crate::broker::operate;
use crate::client::{Client, Heard, Tls};
use crate::fleet::Fleet;
use crate::mqtt::{Connect, Kind, Version};

/// How long a broker may take to have forgotten everybody: a will may wait two seconds, a thread ten.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait for another retained message.
const LULL: Duration = Duration::from_millis(500);

/// What a broker process uses.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Bytes of resident memory.
    pub resident: u64,
    /// Open files.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Usage {
    fn of(process: Process) -> Self {
        Self {
            resident: process.resident().expect("the broker runs"),
            descriptors: process.descriptors().expect("the broker runs"),
            threads: process.threads().expect("the broker runs"),
        }
    }

    /// As a JSON document.
    pub fn json(&self) -> Value {
        json!({ "resident_bytes": self.resident, "descriptors": self.descriptors, "threads": self.threads })
    }
}

/// The service that clears retained messages, and looks whether any are left.
pub(super) struct Janitor<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) address: std::net::SocketAddr,
    /// How the holder of each identity speaks TLS.
    pub(super) tls: &'a BTreeMap<String, Tls>,
    /// How many sessions belong to witnesses, whose client ids start so.
    pub(super) witnesses: (&'static str, usize),
}

impl Janitor<'_> {
    /// The broker's process.
    pub(super) fn broker(&self) -> Process {
        let pid = self.status()["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        Process(pid.expect("status has the broker's process id"))
    }

    /// The broker's own account of itself.
    pub(super) fn status(&self) -> Value {
        operate(self.fleet, "status", &["--json"]).json()
    }

    /// Ends what others have left: sessions under client ids that a wrong byte made up, and retained messages. Then
    /// waits until the broker says that there is nothing else, and measures it.
    pub(super) fn clean(&self, former: Option<Usage>) -> Result<Usage, String> {
        self.end_sessions();
        let broker = self.broker();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            let usage = Usage::of(broker);
            let is_back = former.is_none_or(|former| {
                usage.descriptors <= former.descriptors && usage.threads <= former.threads
            });
            if status["retained_messages"] != 0 {
                self.clear_retained();
            } else if status["sessions"] == self.witnesses.1 && is_back {
                return Ok(usage);
            }
            if Instant::now() > deadline {
                return Err(format!("something was left behind: {status:#}\n{usage:?}, formerly {former:?}"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn end_sessions(&self) {
        let sessions = operate(self.fleet, "sessions", &["--json"]).json();
        for session in sessions.as_array().expect("a list of sessions") {
            let client_id = session["client_id"].as_str().expect("a client id");
            let identity = session["identity"].as_str().expect("an identity");
            if !client_id.starts_with(self.witnesses.0) {
                let connect = Connect::new(Version::V5, client_id);
                Client::connect(self.address, &self.tls[identity], &connect).disconnect();
            }
        }
    }

    /// Clears every retained message; a queue holds only so many of them at a time.
    fn clear_retained(&self) {
        let connect = Connect::new(Version::V5, "wide/janitor");
        let mut janitor = Client::connect(self.address, &self.tls["wide"], &connect);
        let mut topics = Vec::new();
        for filter in ["#", "$odd/#"] {
            assert_eq!(janitor.subscribe_among_messages(filter, &mut topics), 0);
            // The witnesses go on talking.
            let mut last = Instant::now();
            while last.elapsed() < LULL {
                if let Heard::Packet(packet) = janitor.hear(LULL)
                    && packet.is(Kind::Publish)
                    && packet.message().retain
                {
                    topics.push(packet.message().topic);
                    last = Instant::now();
                }
            }
        }
        drop(janitor);
        let mut janitor = Client::connect(self.address, &self.tls["wide"], &connect);
        for topic in topics {
            assert_eq!(janitor.publish_retained(&topic, ""), 0);
        }
        janitor.disconnect();
    }
}
