//! The embedded engine: the router of rumqttd, fenced off. The only file that names that crate.
//!
//! The router runs on a thread of its own and has sharp edges: it panics when a link it has dropped is woken, leaks
//! a link nobody disconnects, and blocks whoever builds one. So exactly two threads of ours talk to it. The *control
//! thread* builds and drops links and subscribes; the *publish thread* publishes, in batches, through one link of
//! its own. A session holds a [`Link`] that can only receive, and dropping it hands the receiving half back to the
//! control thread, so that nothing can be woken after it was disconnected.

mod control;
mod link;
mod publish;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::{Router, RouterConfig};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use self::control::Control;
pub(crate) use self::link::{Link, Received};
use super::envelope::Envelopes;
use super::{EngineError, Message};

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
        let runtime = tokio::runtime::Handle::current();
        let (publish_tx, publish_rx) = mpsc::channel(PUBLISH_QUEUE);
        let (control_tx, control_rx) = std::sync::mpsc::channel();

        let publisher = build("publisher")?;
        thread::Builder::new()
            .name("engine-publish".into())
            .spawn({
                let (runtime, alive) = (runtime.clone(), Arc::clone(&alive));
                move || publish::run(publisher, publish_rx, envelopes, &runtime, &*alive)
            })
            .map_err(EngineError::Start)?;
        thread::Builder::new()
            .name("engine-control".into())
            .spawn(move || control::run(&build, &control_rx, &runtime))
            .map_err(EngineError::Start)?;
        Ok(Self { control: control_tx, publish: publish_tx, alive, envelopes })
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
            Ok(Ok(attached)) => Ok(Link::new(attached?, self.control.clone(), self.envelopes)),
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
