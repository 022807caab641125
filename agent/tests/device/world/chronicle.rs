//! What happened, in its order, and when.

use std::cell::{Ref, RefCell};
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use countersign_agent::device::{Cause, Ended};
use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::session::State;
use rmqtt_codec::v5::Packet;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The device has power, and nothing in its RAM.
    Boot,
    /// `run` was dropped, and is called once more.
    Again,
    /// The agent asks the network for a connection.
    Attempt,
    /// The agent says that its state has changed.
    Changed {
        state: State,
        ended: Option<Ended>,
        wait: Option<Duration>,
    },
    /// The firmware has put this into the queue.
    Said {
        text: String,
        qos: QoS,
    },
    /// The firmware begins to do what a command says, and has done it.
    Obeying {
        id: String,
        duplicate: bool,
    },
    Obeyed {
        id: String,
    },
    /// There is no room in the queue for its result.
    NoRoom {
        id: String,
    },
    /// The agent says that the broker has a message, or does not want one.
    Delivered {
        text: String,
    },
    Rejected {
        text: String,
        reason: ReasonCode,
    },
    /// The broker of this connection has proved itself, and knows the device.
    Secured {
        connection: usize,
    },
    /// The broker has got a packet of so many bytes, or has sent one.
    Received {
        connection: usize,
        packet: Packet,
        length: usize,
    },
    Sent {
        connection: usize,
        packet: Packet,
    },
    /// The broker has no more to do with the connection.
    Gone {
        connection: usize,
        why: String,
    },
}

/// An event with its time.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Since the world began.
    pub(super) at: Duration,
    pub(super) event: Event,
}

/// The record of one world. All who hold it write into the same one.
#[derive(Clone, Debug)]
pub(super) struct Chronicle(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    begin: Instant,
    entries: RefCell<Vec<Entry>>,
    more: Notify,
}

impl Chronicle {
    /// Time begins.
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

    pub(super) fn note(&self, event: Event) {
        let at = self.now();
        self.0.entries.borrow_mut().push(Entry { at, event });
        self.0.more.notify_waiters();
    }

    /// How much has happened; what happens later is behind this mark.
    pub(super) fn mark(&self) -> usize {
        self.0.entries.borrow().len()
    }

    pub(super) fn entries(&self) -> Ref<'_, [Entry]> {
        Ref::map(self.0.entries.borrow(), Vec::as_slice)
    }

    /// What `wanted` makes of every event behind `mark`.
    pub(super) fn all<T>(&self, mark: usize, wanted: impl FnMut(&Entry) -> Option<T>) -> Vec<T> {
        self.entries()[mark..].iter().filter_map(wanted).collect()
    }

    /// Waits for the first event behind `mark` that `wanted` wants, for at most `patience`.
    #[track_caller]
    pub(super) fn first<T>(
        &self,
        mark: usize,
        patience: Duration,
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
            let found = timeout(patience, search).await;
            found.unwrap_or_else(|_| panic!("it did not happen within {patience:?} ({caller})"))
        }
    }

    /// Waits until the agent is in `state`; when that was.
    #[track_caller]
    pub(super) fn becomes(
        &self,
        mark: usize,
        wanted: State,
        patience: Duration,
    ) -> impl Future<Output = Duration> {
        self.first(mark, patience, move |entry| match entry.event {
            Event::Changed { state, .. } if state == wanted => Some(entry.at),
            _ => None,
        })
    }

    /// Waits until a connection or an attempt ends.
    #[track_caller]
    pub(super) fn ends(&self, mark: usize, patience: Duration) -> impl Future<Output = End> {
        self.first(mark, patience, End::of)
    }

    /// The ends of all connections and attempts behind `mark`.
    pub(super) fn all_ends(&self, mark: usize) -> Vec<End> {
        self.all(mark, End::of)
    }

    /// When the agent has asked for a connection, behind `mark`.
    pub(super) fn attempts(&self, mark: usize) -> Vec<Duration> {
        self.all(mark, |entry| matches!(entry.event, Event::Attempt).then_some(entry.at))
    }

    /// Whether the agent says that it is online.
    pub(super) fn is_online(&self) -> bool {
        let state = |entry: &Entry| match entry.event {
            Event::Changed { state, .. } => Some(state),
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
                Event::Gone { connection, why } => format!("{connection} is gone: {why}"),
                other => format!("{other:?}"),
            };
            let _ = writeln!(text, "{:>14.3} {event}", at.as_secs_f64());
        }
        text
    }
}

/// What matters of a packet.
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
            Event::Changed { state, ended: Some(ended), wait: Some(wait) } => {
                let Ended { cause, retry_after } = ended;
                Some(Self { at: entry.at, state, cause, retry_after, wait })
            }
            _ => None,
        }
    }
}
