//! The control thread: the one place where links are built, subscribed and disconnected.

use std::collections::HashMap;
use std::sync::mpsc;

use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::{
    Disconnect, DisconnectReasonCode, Filter, Packet, QoS, RetainForwardRule, Subscribe, SubscribeProperties,
    Unsubscribe,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Build;
use crate::engine::{BusFilter, EngineError};

/// What a session asks of the control thread.
pub(super) enum Control {
    /// A new link.
    Attach { reply: oneshot::Sender<Result<Attached, EngineError>> },
    /// Also receive what `filter` lets through, marked with `id`.
    Subscribe { link: LinkId, filter: BusFilter, id: usize, reply: oneshot::Sender<Result<(), EngineError>> },
    /// No longer receive what `filter` lets through.
    Unsubscribe { link: LinkId, filter: BusFilter },
    /// The end of a link. It carries the receiving half: whoever gave it away can wake the router no more.
    Detach { link: LinkId, receive: LinkRx },
}

/// The control thread's name for a link. Never used twice, unlike the router's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LinkId(u64);

/// The receiving half of a new link.
pub(super) struct Attached {
    pub(super) link: LinkId,
    pub(super) receive: LinkRx,
}

/// Runs until the engine's handles or the router are gone.
pub(super) fn run(build: &Build, requests: &mpsc::Receiver<Control>, runtime: &Handle) {
    let mut links: HashMap<LinkId, LinkTx> = HashMap::new();
    let mut next = 0;
    // `false`: the router is gone.
    let send = |link: &mut LinkTx, packet| runtime.block_on(link.send(packet)).is_ok();
    while let Ok(request) = requests.recv() {
        match request {
            Control::Attach { reply } => {
                next += 1;
                let link = LinkId(next);
                let attached = build(&format!("s{next}")).map(|(send, receive)| {
                    links.insert(link, send);
                    Attached { link, receive }
                });
                if let Err(Ok(Attached { link, .. })) = reply.send(attached) {
                    // Whoever asked has gone meanwhile.
                    detach(links.remove(&link), runtime);
                }
            }
            Control::Subscribe { link, filter, id, reply } => {
                let filter = Filter {
                    path: filter.to_string(),
                    qos: QoS::AtMostOnce,
                    nolocal: false,
                    preserve_retain: false,
                    retain_forward_rule: RetainForwardRule::Never,
                };
                let properties = SubscribeProperties { id: Some(id), user_properties: Vec::new() };
                let packet =
                    Packet::Subscribe(Subscribe { pkid: 0, filters: vec![filter] }, Some(properties));
                let done = links.get_mut(&link).is_some_and(|link| send(link, packet));
                // Nobody waits any more if the session has ended meanwhile; its `Detach` is on its way.
                let _ = reply.send(if done { Ok(()) } else { Err(EngineError::Stopped) });
            }
            Control::Unsubscribe { link, filter } => {
                if let Some(link) = links.get_mut(&link) {
                    let filters = vec![filter.to_string()];
                    // If the router is gone, so is the subscription.
                    send(link, Packet::Unsubscribe(Unsubscribe { pkid: 0, filters }, None));
                }
            }
            Control::Detach { link, receive } => {
                drop(receive);
                detach(links.remove(&link), runtime);
            }
        }
    }
    for (_, link) in links {
        detach(Some(link), runtime);
    }
}

/// The router forgets a link only when told so.
fn detach(link: Option<LinkTx>, runtime: &Handle) {
    let Some(mut link) = link else { return };
    let disconnect = Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection };
    // If the router is gone, so is the link.
    let _ = runtime.block_on(link.send(Packet::Disconnect(disconnect, None)));
}
