//! Everything that happened in a simulation, in its order, with the time.

use std::cell::{Ref, RefCell};
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use countersign_agent::device::{Cause, ConnectionEnd};
use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::session::State;
use rmqtt_codec::v5::Packet;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// An event.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The device boots, with nothing in its RAM.
    Boot,
    /// `run` was dropped, and is called again.
    Rerun,
    /// The agent asks the network for a connection.
    Attempt,
    /// The agent says that its state has changed.
    StateChanged {
        state: State,
        ended: Option<ConnectionEnd>,
        wait: Option<Duration>,
    },
    /// The firmware has put this into the queue.
    Queued {
        text: String,
        qos: QoS,
    },
    /// The firmware begins to carry out a command, and has done so.
    CommandBegun {
        id: String,
        duplicate: bool,
    },
    CommandDone {
        id: String,
    },
    /// There is no room in the queue for the result of a command.
    NoRoomForResult {
        id: String,
    },
    /// The agent reports that the broker has a message, or has refused it.
    Delivered {
        text: String,
    },
    Rejected {
        text: String,
        reason: ReasonCode,
    },
    /// The TLS handshake of this connection has completed at the broker, with this certificate of the device.
    TlsEstablished {
        connection: usize,
        certificate: Vec<u8>,
    },
    /// The broker has received a packet of so many bytes, or has sent one.
    Received {
        connection: usize,
        packet: Packet,
        length: usize,
    },
    Sent {
        connection: usize,
        packet: Packet,
    },
    /// The broker has closed the connection, or found it closed.
    ConnectionClosed {
        connection: usize,
        why: String,
    },
}

/// An event with its time.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Since the simulation began.
    pub(super) at: Duration,
    pub(super) event: Event,
}

/// The log of one simulation. Clones write into the same one.
#[derive(Clone, Debug)]
pub(super) struct EventLog(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    begin: Instant,
    entries: RefCell<Vec<Entry>>,
    more: Notify,
}

impl EventLog {
    /// An empty log; its time begins now.
    pub(super) fn begin() -> Self {
        let (entries, more) = (RefCell::default(), Notify::new());
        Self(Rc::new(Inner { begin: Instant::now(), entries, more }))
    }

    pub(super) fn now(&self) -> Duration {
        self.0.begin.elapsed()
    }

    pub(super) fn begun(&self) -> Instant {
        self.0.begin
    }

    pub(super) fn record(&self, event: Event) {
        let at = self.now();
        self.0.entries.borrow_mut().push(Entry { at, event });
        self.0.more.notify_waiters();
    }

    /// The number of events so far: events from this mark on are later.
    pub(super) fn mark(&self) -> usize {
        self.0.entries.borrow().len()
    }

    pub(super) fn entries(&self) -> Ref<'_, [Entry]> {
        Ref::map(self.0.entries.borrow(), Vec::as_slice)
    }

    /// What `wanted` returns for the events from `mark` on.
    pub(super) fn all<T>(&self, mark: usize, wanted: impl FnMut(&Entry) -> Option<T>) -> Vec<T> {
        self.entries()[mark..].iter().filter_map(wanted).collect()
    }

    /// Waits for the first event from `mark` on for which `wanted` returns something, for at most `limit`.
    #[track_caller]
    pub(super) fn wait_for<T>(
        &self,
        mark: usize,
        limit: Duration,
        mut wanted: impl FnMut(&Entry) -> Option<T>,
    ) -> impl Future<Output = T> {
        let caller = std::panic::Location::caller();
        async move {
            let search = async {
                let mut next = mark;
                loop {
                    let more = self.0.more.notified();
                    if let Some(found) = self.entries()[next..].iter().find_map(&mut wanted) {
                        return found;
                    }
                    next = self.mark();
                    more.await;
                }
            };
            let found = timeout(limit, search).await;
            found.unwrap_or_else(|_| panic!("it did not happen within {limit:?} ({caller})"))
        }
    }

    /// Waits until the agent is in the state `wanted`. Returns when that was.
    #[track_caller]
    pub(super) fn wait_for_state(
        &self,
        mark: usize,
        wanted: State,
        limit: Duration,
    ) -> impl Future<Output = Duration> {
        self.wait_for(mark, limit, move |entry| match entry.event {
            Event::StateChanged { state, .. } if state == wanted => Some(entry.at),
            _ => None,
        })
    }

    /// Waits until a connection or an attempt ends.
    #[track_caller]
    pub(super) fn wait_for_end(&self, mark: usize, limit: Duration) -> impl Future<Output = End> {
        self.wait_for(mark, limit, End::of)
    }

    /// The ends of all connections and attempts from `mark` on.
    pub(super) fn all_ends(&self, mark: usize) -> Vec<End> {
        self.all(mark, End::of)
    }

    /// When the agent has asked for a connection, from `mark` on.
    pub(super) fn attempts(&self, mark: usize) -> Vec<Duration> {
        self.all(mark, |entry| matches!(entry.event, Event::Attempt).then_some(entry.at))
    }

    /// Whether the agent says that it is online.
    pub(super) fn is_online(&self) -> bool {
        let state = |entry: &Entry| match entry.event {
            Event::StateChanged { state, .. } => Some(state),
            _ => None,
        };
        self.entries().iter().rev().find_map(state) == Some(State::Online)
    }

    /// The last events, a line for each.
    pub(super) fn tail(&self, count: usize) -> String {
        let entries = self.entries();
        let mut text = String::new();
        for Entry { at, event } in &entries[entries.len().saturating_sub(count)..] {
            let event = match event {
                Event::Received { connection, packet, .. } => format!("{connection} > {}", brief(packet)),
                Event::Sent { connection, packet } => format!("{connection} < {}", brief(packet)),
                Event::ConnectionClosed { connection, why } => format!("{connection} closed: {why}"),
                Event::TlsEstablished { connection, .. } => format!("{connection} TLS established"),
                other => format!("{other:?}"),
            };
            let _ = writeln!(text, "{:>14.3} {event}", at.as_secs_f64());
        }
        text
    }
}

/// A packet in one line.
fn brief(packet: &Packet) -> String {
    match packet {
        Packet::Connect(connect) => format!("CONNECT keep-alive {}", connect.keep_alive),
        Packet::ConnectAck(connack) => {
            format!("CONNACK {:?}, session present: {}", connack.reason_code, connack.session_present)
        }
        Packet::Publish(publish) => {
            let (id, dup) = (publish.packet_id, if publish.dup { " again" } else { "" });
            format!("PUBLISH {id:?}{dup} {} {:?}", publish.topic, String::from_utf8_lossy(&publish.payload))
        }
        Packet::PublishAck(puback) => format!("PUBACK {} {:?}", puback.packet_id, puback.reason_code),
        Packet::Subscribe(subscribe) => format!("SUBSCRIBE {}", subscribe.packet_id),
        Packet::SubscribeAck(suback) => format!("SUBACK {} {:?}", suback.packet_id, suback.status),
        Packet::Disconnect(disconnect) => format!("DISCONNECT {:?}", disconnect.reason_code),
        other => format!("{other:?}"),
    }
}

/// The end of a connection or of an attempt, as the agent reports it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct End {
    pub(super) at: Duration,
    pub(super) state: State,
    pub(super) cause: Cause,
    pub(super) retry_after: Option<Duration>,
    pub(super) wait: Duration,
}

impl End {
    fn of(entry: &Entry) -> Option<Self> {
        match entry.event {
            Event::StateChanged { state, ended: Some(ended), wait: Some(wait) } => {
                let ConnectionEnd { cause, retry_after } = ended;
                Some(Self { at: entry.at, state, cause, retry_after, wait })
            }
            _ => None,
        }
    }
}
