//! The embedded engine: the router of rumqttd, fenced off. The only file that names that crate.
//!
//! The router runs on a thread of its own and has sharp edges: it panics when a link it has dropped is woken, leaks
//! a link nobody disconnects, and blocks whoever builds one. So exactly two threads of ours talk to it. The *control
//! thread* builds and drops links and subscribes; the *publish thread* publishes, in batches, through one link of
//! its own. A session holds a [`Link`] that can only receive, and dropping it hands the receiving half back to the
//! control thread, so that nothing can be woken after it was disconnected.

mod control;
mod link;
mod pace;
mod publish;

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::{Router, RouterConfig, SegmentConfig};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use self::control::Control;
pub(crate) use self::link::{Link, Received};
use self::pace::Pace;
use super::envelope::Envelopes;
use super::{BusFilter, EngineError, Message, bus};

/// How long the router may take to answer. It answers in microseconds while it lives; when it dies with the
/// question unread it never does.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages that wait for the publish thread. When it is full, publishers wait: their sockets are read no further.
const PUBLISH_QUEUE: usize = 4096;

/// What the router keeps of each bus filter, in bytes of one segment. A subscriber that is further behind than all
/// segments loses messages, which its link counts.
const SEGMENT_SIZE: usize = 256 * 1024;

/// Segments kept for each bus filter.
const SEGMENT_COUNT: usize = 8;

/// The same for the many bus filters that name a bucket: commands for a few devices, whose sessions have queues of their
/// own. All of them together take half a gigabyte at most.
const NARROW_SEGMENT_SIZE: usize = 64 * 1024;

/// Segments kept for each of those.
const NARROW_SEGMENT_COUNT: usize = 8;

/// How far a session may be behind before publishers wait for it, in bytes of sealed messages: half of what its log
/// certainly holds, as the oldest segment goes when a new one is begun.
fn lag_limit(filter: BusFilter) -> u64 {
    let (size, count) = if filter.is_narrow() {
        (NARROW_SEGMENT_SIZE, NARROW_SEGMENT_COUNT)
    } else {
        (SEGMENT_SIZE, SEGMENT_COUNT)
    };
    (size * (count - 1) / 2) as u64
}

/// Messages the router hands to a link at once.
const FORWARD_BATCH: u64 = 200;

/// Builds a link to the router. A closure, because the type of the router's channel cannot be named outside of the
/// crate it comes from.
type Build = Box<dyn Fn(&str) -> Result<(LinkTx, LinkRx), EngineError> + Send + Sync>;

/// The running engine. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct Engine {
    control: std::sync::mpsc::Sender<Control>,
    publish: mpsc::Sender<Message>,
    alive: Arc<dyn Fn() -> bool + Send + Sync>,
    envelopes: Envelopes,
    pace: Arc<Pace>,
}

impl Engine {
    /// Starts the router and the two threads that talk to it. `max_links` bounds sessions with subscriptions.
    pub(crate) fn start(max_links: usize) -> Result<Self, EngineError> {
        let router = Router::new(
            0,
            RouterConfig {
                // One more for the publish thread.
                max_connections: max_links.saturating_add(1),
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
        let alive: Arc<dyn Fn() -> bool + Send + Sync> = {
            let router = router.clone();
            Arc::new(move || !router.is_disconnected())
        };
        let build: Build = Box::new(move |name| match LinkBuilder::new(name, router.clone()).build() {
            Ok((tx, rx, _)) => Ok((tx, rx)),
            Err(error) => Err(EngineError::Refused(error.to_string())),
        });
        let envelopes = Envelopes::new(Instant::now());
        let pace = Arc::new(Pace::default());
        let runtime = tokio::runtime::Handle::current();
        let (publish_tx, publish_rx) = mpsc::channel(PUBLISH_QUEUE);
        let (control_tx, control_rx) = std::sync::mpsc::channel();

        let publisher = build("publisher")?;
        thread::Builder::new()
            .name("engine-publish".into())
            .spawn({
                let (runtime, alive, pace) = (runtime.clone(), Arc::clone(&alive), Arc::clone(&pace));
                move || publish::run(publisher, publish_rx, envelopes, &pace, &runtime, &*alive)
            })
            .map_err(EngineError::Start)?;
        thread::Builder::new()
            .name("engine-control".into())
            .spawn(move || control::run(&build, &control_rx, &runtime))
            .map_err(EngineError::Start)?;
        Ok(Self { control: control_tx, publish: publish_tx, alive, envelopes, pace })
    }

    /// Whether the router still runs.
    pub(crate) fn is_alive(&self) -> bool {
        (self.alive)()
    }

    /// A link for one session.
    pub(crate) async fn attach(&self) -> Result<Link, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.control.send(Control::Attach { reply }).map_err(|_| EngineError::Stopped)?;
        match timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(attached)) => {
                Ok(Link::new(attached?, self.control.clone(), self.envelopes, Arc::clone(&self.pace)))
            }
            Ok(Err(_)) | Err(_) => Err(EngineError::Stopped),
        }
    }

    /// Hands a message to everyone who wants it. Waits while the engine is behind, but not for ever.
    pub(crate) async fn publish(&self, message: Message) -> Result<(), EngineError> {
        match timeout(ANSWER_TIMEOUT, self.publish.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(EngineError::Stopped),
        }
    }
}
