//! One router of rumqttd, from its start to its end.

use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError, SendError};
use std::thread;
use std::time::{Duration, Instant};

use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::protocol::{Disconnect, DisconnectReasonCode, Packet};
use rumqttd::{Router, RouterConfig, SegmentConfig};
use tokio::runtime::Handle;

use super::bounds::{ANSWER_TIMEOUT, NARROW_SEGMENT_COUNT, NARROW_SEGMENT_SIZE, SEGMENT_COUNT, SEGMENT_SIZE};
use crate::bus;
use crate::engine::EngineError;

/// Messages the router hands to a link at once.
const FORWARD_BATCH: u64 = 200;

/// How often an unanswered question is taken for what it is if the router has died.
const LINK_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How long to wait before looking at a link's buffer again; the router empties it in about as much.
const RETRY_PAUSE: Duration = Duration::from_micros(100);

/// Both halves of a link.
pub(super) type Ends = (LinkTx, LinkRx);

type Answer = mpsc::Sender<Result<Ends, EngineError>>;

/// The router has died.
pub(super) struct Dead;

/// The end of a link.
pub(super) fn disconnect_packet() -> Packet {
    Packet::Disconnect(Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection }, None)
}

/// A router on a thread of its own, and a thread that asks it for links.
///
/// Building a link waits for the router's answer, for ever if the router dies with the question unread. So links are built
/// on a thread of their own: a parked thread for each router that has died is the most that is left of it.
pub(super) struct RunningRouter {
    lives: Box<dyn Fn() -> bool + Send + Sync>,
    questions: mpsc::Sender<(String, Answer)>,
    /// Sending on a link is a future, though one that never waits.
    runtime: Handle,
}

impl RunningRouter {
    /// Starts a router for at most `max_links` links.
    pub(super) fn start(max_links: usize, runtime: Handle) -> Result<Self, EngineError> {
        let router = Router::new(
            0,
            RouterConfig {
                max_connections: max_links,
                max_outgoing_packet_count: FORWARD_BATCH,
                max_segment_size: SEGMENT_SIZE,
                max_segment_count: SEGMENT_COUNT,
                custom_segment: Some(HashMap::from([(
                    bus::NARROW.to_owned(),
                    SegmentConfig {
                        max_segment_size: NARROW_SEGMENT_SIZE,
                        max_segment_count: NARROW_SEGMENT_COUNT,
                    },
                )])),
                ..RouterConfig::default()
            },
        );
        let router = router.spawn();
        let lives = {
            let router = router.clone();
            Box::new(move || !router.is_disconnected())
        };
        let (questions, asked) = mpsc::channel::<(String, Answer)>();
        let handle = runtime.clone();
        thread::Builder::new()
            .name("engine-links".into())
            .spawn(move || {
                for (name, answer) in asked {
                    let built = LinkBuilder::new(&name, router.clone()).build();
                    let ends = built.map(|(send, receive, _)| (send, receive)).map_err(|error| {
                        if router.is_disconnected() {
                            EngineError::Lost
                        } else {
                            EngineError::Refused(error.to_string())
                        }
                    });
                    // The session may have given up; the router would keep the link.
                    if let Err(SendError(Ok((mut send, _receive)))) = answer.send(ends) {
                        let _ = handle.block_on(send.send(disconnect_packet()));
                    }
                }
            })
            .map_err(EngineError::Start)?;
        Ok(Self { lives, questions, runtime })
    }

    /// Whether it still runs.
    pub(super) fn lives(&self) -> bool {
        (self.lives)()
    }

    /// Hands packets over on `link`, once the router has taken those before them.
    ///
    /// An announcement makes the router take whatever lies in the link's buffer. What is put beside something that is
    /// announced already is taken in that one's turn: ahead of all that was sent in between, on this link and on others.
    pub(super) fn hand_over(&self, link: &mut LinkTx, mut packets: Vec<Packet>) -> Result<(), Dead> {
        while !link.buffer().is_empty() {
            if !self.lives() {
                return Err(Dead);
            }
            thread::sleep(RETRY_PAUSE);
        }
        let Some(last) = packets.pop() else { return Ok(()) };
        // All but the last go into the shared buffer unannounced; sending the last announces them all.
        link.buffer().extend(packets);
        self.runtime.block_on(link.send(last)).map(drop).map_err(|_| Dead)
    }

    /// A new link, under a name that no other has.
    pub(super) fn link(&self, name: String) -> Result<Ends, EngineError> {
        let (answer, answered) = mpsc::channel();
        let gone = || EngineError::Refused("the thread that builds links is gone".into());
        self.questions.send((name, answer)).map_err(|_| gone())?;
        let asked = Instant::now();
        loop {
            match answered.recv_timeout(LINK_POLL_INTERVAL) {
                Ok(ends) => return ends,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) if !self.lives() => return Err(EngineError::Lost),
                Err(RecvTimeoutError::Timeout) if asked.elapsed() > ANSWER_TIMEOUT => {
                    return Err(EngineError::Busy);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
