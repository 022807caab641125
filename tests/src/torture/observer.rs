//! A device and a service that do honest work all the while, and must not notice anything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::client::{Client, Heard, PATIENCE};
use crate::mqtt::{self, Kind, QoS};

/// Messages under way at once.
const BURST: usize = 6;

/// A pause after each round, so that the witnesses are witnesses and not the load.
const PAUSE: Duration = Duration::from_millis(20);

/// What the witnesses saw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Testimony {
    /// Messages each way, each of which came once, in its turn.
    pub messages: u64,
    /// The longest that one burst took from its first publish to its last receipt.
    pub slowest: Duration,
}

/// A device and a service under the policies of a new fleet.
pub(super) struct Witnesses {
    pub(super) name: String,
    pub(super) device: Client,
    pub(super) service: Client,
}

impl Witnesses {
    /// Sends numbered messages up and down, with QoS 1 and 2, until told to stop. Every message must come exactly once,
    /// in order, and every acknowledgement when it is due; anything else, or a wait beyond the patience of a test,
    /// is a panic, and `harmed` is set.
    pub(super) fn watch(mut self, stop: &AtomicBool, harmed: &AtomicBool) -> (Self, Testimony) {
        let _alarm = Alarm(harmed);
        let telemetry = format!("devices/{}/telemetry/numbered", self.name);
        let commands = format!("devices/{}/commands/numbered", self.name);
        assert_eq!(self.device.subscribe(&commands, 2), 2);
        assert_eq!(self.service.subscribe(&telemetry, 2), 2);
        let mut testimony = Testimony::default();
        while !stop.load(Ordering::Relaxed) {
            let qos = 1 + (testimony.messages / BURST as u64 % 2) as u8;
            let up = round(&mut self.device, &mut self.service, &telemetry, qos, testimony.messages);
            let down = round(&mut self.service, &mut self.device, &commands, qos, testimony.messages);
            testimony.messages += BURST as u64;
            testimony.slowest = testimony.slowest.max(up).max(down);
            assert!(self.device.is_alive() && self.service.is_alive(), "a witness is not answered");
            std::thread::sleep(PAUSE);
        }
        (self, testimony)
    }

    /// Says good-bye.
    pub(super) fn leave(self) {
        self.device.disconnect();
        self.service.disconnect();
    }
}

/// Rings when a witness panics.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// One burst from one to the other; how long it took.
fn round(from: &mut Client, to: &mut Client, topic: &str, qos: QoS, first: u64) -> Duration {
    let since = Instant::now();
    let numbers = first..first + BURST as u64;
    for number in numbers.clone() {
        let code = match qos {
            1 => from.publish(topic, &number.to_string()),
            _ => from.publish_qos2(topic, &number.to_string()),
        };
        assert!(matches!(code, 0 | 0x10), "a witness' message is answered with {code:#x}");
    }
    let (mut expected, mut released) = (numbers.clone(), numbers.start);
    while !expected.is_empty() || (qos == 2 && released < numbers.end) {
        let heard = to.hear(PATIENCE);
        let Heard::Packet(packet) = heard else { panic!("a witness heard {heard:?}") };
        if packet.is(Kind::PubRel) {
            to.send(&mqtt::acknowledge(0x70, packet.id()));
            released += 1;
            continue;
        }
        let message = packet.message();
        let number = expected.next().map(|number| number.to_string());
        assert_eq!((&*message.topic, Some(&message.payload)), (topic, number.as_ref()), "to a witness");
        assert_eq!((message.qos, message.retain, message.duplicate), (qos, false, false), "{message:?}");
        to.send(&mqtt::acknowledge(if qos == 1 { 0x40 } else { 0x50 }, message.id));
    }
    since.elapsed()
}
