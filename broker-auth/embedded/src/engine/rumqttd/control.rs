//! The control thread: the one place where links are built, subscribed and disconnected, and where a router that has
//! died is replaced.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::{
    Filter, Packet, QoS, RetainForwardRule, Subscribe, SubscribeProperties, Unsubscribe,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::bounds::REBUILDS_WITHIN;
use super::health::Health;
use super::pace::Pace;
use super::publish::Entrance;
use super::router::{Ends, RunningRouter, disconnect_packet};
use crate::bus::BusFilter;
use crate::engine::EngineError;

/// How often the router is looked at, and nudged, when no session asks for anything. A session that has lost it asks at
/// once.
const ROUTER_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How soon it is nudged after a link has ended.
const POLL_AFTER_DETACH: Duration = Duration::from_millis(5);

/// What a session asks of the control thread.
pub(super) enum Control {
    /// A new link.
    Attach { reply: oneshot::Sender<Result<Attached, EngineError>> },
    /// Also receive what these filters let through, marked with their ids.
    Subscribe {
        link: LinkId,
        filters: Vec<(BusFilter, usize)>,
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
    /// No longer receive what these filters let through.
    Unsubscribe { link: LinkId, filters: Vec<BusFilter> },
    /// The end of a link. It carries the receiving half, so that the session can wake the router no more.
    Detach { link: LinkId, receive: LinkRx },
    /// The end of the router.
    #[cfg(any(test, feature = "for-test"))]
    Kill,
}

/// The control thread's number for a link. Never used twice, unlike the router's own and the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LinkId(u64);

/// Names for links. The router remembers every name for ever, so there are only as many as there were links at a time.
#[derive(Debug, Default)]
struct Names {
    made: u64,
    free: Vec<u64>,
}

impl Names {
    /// A name that no link has.
    fn take(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            self.made
        })
    }

    /// The router was told of the end of the link with this name: it hears of it before it hears of the next one.
    fn give_back(&mut self, name: u64) {
        self.free.push(name);
    }
}

/// The sending half of a link.
struct Sending {
    name: u64,
    link: LinkTx,
}

/// The receiving half of a new link.
pub(super) struct Attached {
    pub(super) link: LinkId,
    pub(super) receive: LinkRx,
}

/// How far it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Links at a time.
    pub(super) links: usize,
    /// Routers that are replaced within [`REBUILDS_WITHIN`]; one more, and the engine is given up.
    pub(super) rebuilds: usize,
}

/// What the control thread works with.
pub(super) struct Controller {
    requests: mpsc::Receiver<Control>,
    /// For the publish thread.
    entrances: mpsc::Sender<Entrance>,
    bounds: Bounds,
    health: Arc<Health>,
    pace: Arc<Pace>,
    runtime: Handle,
    router: Arc<RunningRouter>,
    links: HashMap<LinkId, Sending>,
    numbered: u64,
    names: Names,
    rebuilt: VecDeque<Instant>,
    /// The router falls asleep when the next of those that it serves has ended, though others wait behind it: it takes the
    /// gap for the end of the queue. Whatever comes next wakes it, if need be this.
    pulse: Option<Ends>,
    /// A link has ended since the last nudge.
    ended: bool,
}

impl Controller {
    /// Starts the first router.
    pub(super) fn start(
        requests: mpsc::Receiver<Control>,
        entrances: mpsc::Sender<Entrance>,
        bounds: Bounds,
        health: Arc<Health>,
        pace: Arc<Pace>,
        runtime: Handle,
    ) -> Result<Self, EngineError> {
        let router = Arc::new(RunningRouter::start(bounds.links, runtime.clone())?);
        let mut controller = Self {
            requests,
            entrances,
            bounds,
            health,
            pace,
            runtime,
            router,
            links: HashMap::new(),
            numbered: 0,
            names: Names::default(),
            rebuilt: VecDeque::new(),
            pulse: None,
            ended: false,
        };
        controller.open_entrance()?;
        Ok(controller)
    }

    /// Runs until the engine's handles are gone, or routers die too often.
    pub(super) fn run(mut self) {
        loop {
            let glance = if self.ended { POLL_AFTER_DETACH } else { ROUTER_POLL_INTERVAL };
            let request = match self.requests.recv_timeout(glance) {
                Ok(request) => Some(request),
                Err(RecvTimeoutError::Timeout) => {
                    self.nudge();
                    None
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if !self.router.lives()
                && let Err(error) = self.rebuild()
            {
                tracing::error!(%error, "the embedded MQTT engine is given up");
                self.health.give_up();
                return;
            }
            if let Some(request) = request {
                self.answer(request);
            }
        }
        for (_, Sending { link, .. }) in self.links.drain() {
            disconnect(link, &self.router);
        }
    }

    /// A new router in the place of one that has died. Sessions come by themselves; what they have missed is in the tail.
    fn rebuild(&mut self) -> Result<(), EngineError> {
        let now = Instant::now();
        self.rebuilt.retain(|at| now.duration_since(*at) < REBUILDS_WITHIN);
        if self.rebuilt.len() >= self.bounds.rebuilds {
            return Err(EngineError::Stopped);
        }
        self.rebuilt.push_back(now);
        // Their router is gone, and cannot be woken any more.
        self.links.clear();
        self.names = Names::default();
        self.router = Arc::new(RunningRouter::start(self.bounds.links, self.runtime.clone())?);
        self.pace.renewed();
        self.open_entrance()?;
        self.health.rebuilt();
        tracing::error!(
            rebuilds = self.health.rebuilds(),
            "the router of the embedded MQTT engine has died, and there is a new one: please report what is in the log \
             before this line"
        );
        Ok(())
    }

    /// Gives the router something to do that it does without a trace.
    fn nudge(&mut self) {
        self.ended = false;
        if let Some((link, _receive)) = &mut self.pulse {
            let nothing = Packet::Unsubscribe(Unsubscribe { pkid: 0, filters: Vec::new() }, None);
            // A router that is gone is noticed anyway.
            let _ = self.router.hand_over(link, vec![nothing]);
        }
    }

    /// Lets the publish thread and this one into the router.
    fn open_entrance(&mut self) -> Result<(), EngineError> {
        self.pulse = Some(self.router.link("pulse".into())?);
        let link = self.router.link("publish".into())?;
        let entrance = Entrance { router: Arc::clone(&self.router), link };
        // It ends with the engine only.
        self.entrances.send(entrance).map_err(|_| EngineError::Stopped)
    }

    /// A new link. If the router refuses it, or does not answer, its name is not used again: it may still come.
    fn attach(&mut self) -> Result<Attached, EngineError> {
        let name = self.names.take();
        let (link, receive) = self.router.link(format!("s{name}"))?;
        self.numbered += 1;
        let id = LinkId(self.numbered);
        self.links.insert(id, Sending { name, link });
        Ok(Attached { link: id, receive })
    }

    /// The end of a link, unless it ended with its router.
    fn detach(&mut self, id: LinkId, receive: LinkRx) {
        drop(receive);
        if let Some(Sending { name, link }) = self.links.remove(&id) {
            disconnect(link, &self.router);
            self.names.give_back(name);
            self.ended = true;
        }
    }

    fn answer(&mut self, request: Control) {
        match request {
            Control::Attach { reply } => {
                // The session has gone meanwhile.
                if reply.is_closed() {
                    return;
                }
                let attached = self.attach();
                if let Err(Ok(Attached { link, receive })) = reply.send(attached) {
                    self.detach(link, receive);
                }
            }
            Control::Subscribe { link, filters, reply } => {
                let link = self.links.get_mut(&link);
                let done = link.is_some_and(|link| subscribe(&mut link.link, &filters, &self.router));
                // A session that has ended meanwhile does not wait for the answer; its `Detach` is on its way.
                let _ = reply.send(if done { Ok(()) } else { Err(EngineError::Lost) });
            }
            Control::Unsubscribe { link, filters } => {
                if let Some(link) = self.links.get_mut(&link) {
                    let filters = filters.iter().map(ToString::to_string).collect();
                    // If the router is gone, so is the subscription.
                    let packet = Packet::Unsubscribe(Unsubscribe { pkid: 0, filters }, None);
                    let _ = self.router.hand_over(&mut link.link, vec![packet]);
                }
            }
            Control::Detach { link, receive } => self.detach(link, receive),
            #[cfg(any(test, feature = "for-test"))]
            Control::Kill => {
                if let Ok((send, receive)) = self.router.link("killer".into()) {
                    disconnect(send, &self.router);
                    // The router panics when a link is woken that it has dropped.
                    let _ = receive.ready();
                }
            }
        }
    }
}

/// `false`: the router is gone. A subscription identifier is a packet's, not a filter's, so it takes one packet each.
fn subscribe(link: &mut LinkTx, filters: &[(BusFilter, usize)], router: &RunningRouter) -> bool {
    let packet = |(filter, id): &(BusFilter, usize)| {
        let filter = Filter {
            path: filter.to_string(),
            qos: QoS::AtMostOnce,
            nolocal: false,
            preserve_retain: false,
            retain_forward_rule: RetainForwardRule::Never,
        };
        let properties = SubscribeProperties { id: Some(*id), user_properties: Vec::new() };
        Packet::Subscribe(Subscribe { pkid: 0, filters: vec![filter] }, Some(properties))
    };
    router.hand_over(link, filters.iter().map(packet).collect()).is_ok()
}

/// The router forgets a link only when told so. It must hear it last, as it dies of a link that wakes it afterwards:
/// the session receives on the link no more, and what it has sent before is ahead of this.
fn disconnect(mut link: LinkTx, router: &RunningRouter) {
    // If the router is gone, so is the link.
    let _ = router.hand_over(&mut link, vec![disconnect_packet()]);
}
