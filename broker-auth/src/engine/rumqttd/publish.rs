//! The publish thread: messages in, batches of router packets out.

use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::{Packet, Publish};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::engine::envelope::Envelopes;
use crate::engine::{Message, bus};

/// Messages that wake the router once.
const BATCH: usize = 256;

/// Runs until the engine's handles or the router are gone. The receiving half is only held: the router takes a link
/// without one for broken.
pub(super) fn run(
    (mut link, _receive): (LinkTx, LinkRx),
    mut messages: mpsc::Receiver<Message>,
    envelopes: Envelopes,
    runtime: &Handle,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while messages.blocking_recv_many(&mut batch, BATCH) > 0 {
        let Some(last) = batch.pop() else { continue };
        // All but the last go into the shared buffer unannounced; sending the last announces them all.
        link.buffer().extend(batch.drain(..).map(|message| packet(message, envelopes)));
        if runtime.block_on(link.send(packet(last, envelopes))).is_err() {
            return;
        }
    }
}

fn packet(message: Message, envelopes: Envelopes) -> Packet {
    let topic = bus::topic(&message.topic);
    Packet::Publish(Publish::new(topic.into(), envelopes.seal(message), false), None)
}
