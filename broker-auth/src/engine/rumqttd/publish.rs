//! The publish thread: messages in, batches of router packets out.

use std::thread;
use std::time::Duration;

use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::{Packet, Publish};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::pace::Pace;
use crate::engine::Message;
use crate::engine::bus::BusTopic;
use crate::engine::envelope::Envelopes;

/// Messages that wake the router once.
const BATCH: usize = 256;

/// Bytes that wake the router once, but for a message that is longer. The router writes a batch into its logs before it
/// lets anyone read, and no log must be overtaken by that alone.
const BATCH_BYTES: usize = 64 * 1024;

/// Messages the router may have lying before it. Its buffer has no end of its own; with this one, a router that is
/// behind makes publishers wait instead of filling the memory.
const AHEAD: usize = BATCH;

/// How long to wait before looking at the router's buffer again; it empties it in about as much.
const PAUSE: Duration = Duration::from_micros(100);

/// Runs until the engine's handles or the router are gone. The receiving half is only held: the router takes a link
/// without one for broken.
pub(super) fn run(
    (mut link, _receive): (LinkTx, LinkRx),
    mut messages: mpsc::Receiver<Message>,
    envelopes: Envelopes,
    pace: &Pace,
    runtime: &Handle,
    router_lives: &dyn Fn() -> bool,
) {
    let mut waiting = Vec::with_capacity(BATCH);
    while messages.blocking_recv_many(&mut waiting, BATCH) > 0 {
        let mut messages = waiting.drain(..).peekable();
        while messages.peek().is_some() {
            let mut published = pace.publishing();
            let mut batch = Vec::new();
            let mut bytes = 0;
            while let Some(message) = messages.next_if(|_| bytes < BATCH_BYTES) {
                let (topic, size) = (BusTopic::of(&message.topic), message.weight());
                bytes += size;
                let envelope = envelopes.seal(message, published.add(topic, size));
                batch.push(Packet::Publish(Publish::new(topic.to_string().into(), envelope, false), None));
            }
            let Some(last) = batch.pop() else { continue };
            // All but the last go into the shared buffer unannounced; sending the last announces them all.
            link.buffer().extend(batch);
            if runtime.block_on(link.send(last)).is_err() {
                return;
            }
            while link.buffer().len() > AHEAD {
                if !router_lives() {
                    return;
                }
                thread::sleep(PAUSE);
            }
            published.wait(router_lives);
        }
    }
}
