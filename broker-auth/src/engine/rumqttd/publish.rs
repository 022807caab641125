//! The publish thread: messages in, batches of router packets out.

use std::thread;
use std::time::Duration;

use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::{Packet, Publish};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::engine::envelope::Envelopes;
use crate::engine::{Message, bus};

/// Messages that wake the router once.
const BATCH: usize = 256;

/// Messages the router may have lying before it. Its buffer has no end of its own; with this one, a router that is
/// behind makes publishers wait instead of filling the memory.
const AHEAD: usize = 4 * BATCH;

/// How long to wait before looking at the router's buffer again; it empties it in about as much.
const PAUSE: Duration = Duration::from_micros(100);

/// Runs until the engine's handles or the router are gone. The receiving half is only held: the router takes a link
/// without one for broken.
pub(super) fn run(
    (mut link, _receive): (LinkTx, LinkRx),
    mut messages: mpsc::Receiver<Message>,
    envelopes: Envelopes,
    runtime: &Handle,
    router_lives: &dyn Fn() -> bool,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while messages.blocking_recv_many(&mut batch, BATCH) > 0 {
        let Some(last) = batch.pop() else { continue };
        // All but the last go into the shared buffer unannounced; sending the last announces them all.
        link.buffer().extend(batch.drain(..).map(|message| packet(message, envelopes)));
        if runtime.block_on(link.send(packet(last, envelopes))).is_err() {
            return;
        }
        while link.buffer().len() > AHEAD {
            if !router_lives() {
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}

fn packet(message: Message, envelopes: Envelopes) -> Packet {
    let topic = bus::topic(&message.topic);
    Packet::Publish(Publish::new(topic.into(), envelopes.seal(message), false), None)
}
