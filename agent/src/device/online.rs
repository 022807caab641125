//! A session: what goes out, what comes in, and whether anybody is still there.

use core::num::NonZeroU16;
use core::pin::pin;
use core::time::Duration;

use device_identity::{Channel, DeviceId, Topic};
use embassy_futures::select::{Either, Either3, select, select3};
use embedded_io_async::{Read, Write};

use super::application::{Application, Wish};
use super::attempt::ONLINE;
use super::ending::{Cause, Ended, Step};
use super::line::{Line, SendError, receive_cause};
use crate::command::Command;
use crate::mqtt::{
    Connack, Inbox, Incoming, Outgoing, PINGREQ, PacketError, PacketId, QoS, ReasonCode, ReceiveError,
    encode_puback, encode_subscribe,
};
use crate::platform::Clock;
use crate::telemetry::Queue;
use crate::tls::TlsError;

/// Packet identifiers of what every session starts with; those of the queue are above.
const SUBSCRIBE_ID: PacketId = NonZeroU16::MIN;
const STATUS_ID: PacketId = NonZeroU16::MIN.saturating_add(1);

/// A session with the broker.
pub(super) struct Online<'o, 'l, 'b, 'q, T: Read + Write, C> {
    pub(super) line: &'o mut Line<'l, 'b, T, C>,
    pub(super) inbox: &'o mut Inbox<'l>,
    pub(super) queue: &'o mut Queue<'q>,
    pub(super) device_id: &'o DeviceId,
    pub(super) status: &'o Topic<'o>,
    /// What the broker allows.
    pub(super) connack: Connack,
    /// How long it may be silent.
    pub(super) keep_alive: Duration,
    /// Whether the message `online` is not acknowledged yet.
    pub(super) status_under_way: bool,
}

/// What the session waits for.
enum Happening {
    Arrived,
    Produced(Wish),
    Alarm,
}

/// When somebody was last heard, and whether an answer is due.
#[derive(Clone, Copy)]
struct Vigil {
    last_heard: Duration,
    /// Since when.
    asked: Option<Duration>,
}

impl<T: Read + Write, C: Clock> Online<'_, '_, '_, '_, T, C> {
    /// Holds the session until it breaks; `Ok` if the application wishes to leave.
    pub(super) async fn talk(&mut self, application: &mut impl Application) -> Result<(), Ended> {
        self.greet().await?;
        let now = self.line.clock.now();
        let mut vigil = Vigil { last_heard: now, asked: Some(now) };
        let mut broker_first = true;
        loop {
            self.send_due(application).await?;
            self.watch(&mut vigil).await?;
            let alarm = self.alarm(&vigil);
            match self.next(alarm, broker_first, application).await? {
                Happening::Alarm | Happening::Produced(Wish::Continue) => {}
                Happening::Produced(Wish::Leave) => return Ok(()),
                Happening::Arrived => {
                    vigil = Vigil { last_heard: self.line.clock.now(), asked: None };
                    self.take(application).await?;
                }
            }
            // Turn and turn about: neither a talkative application nor a talkative broker silences the other.
            broker_first = !broker_first;
        }
    }

    /// Asks for the commands, and says that the device is there.
    async fn greet(&mut self) -> Result<(), Ended> {
        // It has no part that could be refused.
        let commands = Topic::new(self.device_id, Channel::Commands("")).map_err(|_| Cause::Overflow)?;
        let subscribed = self
            .line
            .send(|head| encode_subscribe(SUBSCRIBE_ID, &format_args!("{commands}/#"), head), &[])
            .await;
        subscribed.map_err(in_session)?;
        self.status_under_way = self.connack.maximum_qos == QoS::AtLeastOnce;
        let status = Outgoing {
            topic: self.status,
            packet_id: self.status_under_way.then_some(STATUS_ID),
            retain: self.connack.retain_available,
            dup: false,
            payload_len: ONLINE.len(),
        };
        self.line.publish(&status, ONLINE).await.map_err(in_session)
    }

    /// Sends what the broker has room for.
    async fn send_due(&mut self, application: &mut impl Application) -> Result<(), Ended> {
        loop {
            let window = self.connack.receive_maximum - u16::from(self.status_under_way);
            let id = self.queue.next_id();
            let Some(due) = self.queue.due(window) else { return Ok(()) };
            let packet_id = (due.qos.min(self.connack.maximum_qos) == QoS::AtLeastOnce).then_some(id);
            let outgoing = Outgoing {
                topic: &due.topic,
                packet_id,
                retain: false,
                dup: due.repeats.is_some(),
                payload_len: due.payload.len(),
            };
            match self.line.publish(&outgoing, due.payload).await {
                Ok(()) => self.queue.sent(packet_id),
                // This message alone is too long; the others are not its hostages.
                Err(SendError::Overflow) => {
                    self.queue.discard();
                    application.rejected(ReasonCode::PACKET_TOO_LARGE);
                }
                Err(error) => return Err(in_session(error)),
            }
        }
    }

    /// Waits for whatever comes first.
    async fn next(
        &mut self,
        alarm: Duration,
        broker_first: bool,
        application: &mut impl Application,
    ) -> Result<Happening, Ended> {
        let arrival = self.inbox.arrive(&mut self.line.stream);
        let product = application.produce(self.queue);
        let alarm = self.line.clock.sleep_until(alarm);
        let happening = if broker_first {
            match select3(alarm, arrival, product).await {
                Either3::First(()) => Happening::Alarm,
                Either3::Second(arrived) => arrived.map(|()| Happening::Arrived).map_err(receiving)?,
                Either3::Third(wish) => Happening::Produced(wish),
            }
        } else {
            match select3(alarm, product, arrival).await {
                Either3::First(()) => Happening::Alarm,
                Either3::Second(wish) => Happening::Produced(wish),
                Either3::Third(arrived) => arrived.map(|()| Happening::Arrived).map_err(receiving)?,
            }
        };
        Ok(happening)
    }

    /// Takes the packet that has arrived.
    async fn take(&mut self, application: &mut impl Application) -> Result<(), Ended> {
        match self.inbox.packet().map_err(Cause::Protocol)? {
            Incoming::Publish(publish) => {
                // What is no command was not asked for; the broker may forget it all the same.
                if let Some(command) = Command::of(&publish, self.device_id) {
                    let mut obeyed = pin!(application.obey(command, self.queue));
                    // Nothing is read meanwhile, so pings go out without regard to their answers.
                    loop {
                        let due = self.line.last_sent + ping_interval(self.keep_alive);
                        match select(obeyed.as_mut(), self.line.clock.sleep_until(due)).await {
                            Either::First(()) => break,
                            Either::Second(()) => ping(self.line).await?,
                        }
                    }
                }
                if let Some(id) = publish.packet_id {
                    self.line.send(|head| encode_puback(id, head), &[]).await.map_err(in_session)?;
                }
            }
            Incoming::Puback(puback) => {
                let refused = puback.reason.is_error();
                if let Some(message) = self.queue.under_way(puback.packet_id).filter(|_| !refused) {
                    application.delivered(message);
                }
                if puback.packet_id == STATUS_ID {
                    self.status_under_way = false;
                } else if !self.queue.settled(puback.packet_id) {
                    // An answer to nothing that is under way. It does no harm (§4.3.2 has no rule for it).
                    return Ok(());
                }
                if refused {
                    application.rejected(puback.reason);
                }
            }
            Incoming::Suback(suback) => {
                if suback.packet_id == SUBSCRIBE_ID && suback.reason.is_error() {
                    return Err(Cause::Suback(suback.reason).into());
                }
            }
            Incoming::Pingresp => {}
            Incoming::Disconnect(disconnect) => {
                let retry_after = disconnect.hints.retry_after;
                return Err(Ended { cause: Cause::Disconnect(disconnect.reason), retry_after });
            }
            Incoming::Connack(_) => return Err(Cause::Protocol(PacketError::Type { first: 0x20 }).into()),
        }
        Ok(())
    }

    /// Asks whether anybody is there, and gives up on one who has not answered.
    async fn watch(&mut self, vigil: &mut Vigil) -> Result<(), Ended> {
        let now = self.line.clock.now();
        if now < self.alarm(vigil) {
            return Ok(());
        }
        if vigil.asked.is_some() {
            return Err(Cause::Deadline(Step::Answer).into());
        }
        ping(self.line).await?;
        vigil.asked = Some(now);
        Ok(())
    }

    /// When [`watch`](Self::watch) has something to do.
    fn alarm(&self, vigil: &Vigil) -> Duration {
        match vigil.asked {
            Some(asked) => asked + self.line.patience,
            None => vigil.last_heard.min(self.line.last_sent) + ping_interval(self.keep_alive),
        }
    }
}

/// PINGREQ goes out before the keep-alive has passed, so that it arrives before.
fn ping_interval(keep_alive: Duration) -> Duration {
    keep_alive / 4 * 3
}

async fn ping<T: Read + Write, C: Clock>(line: &mut Line<'_, '_, T, C>) -> Result<(), Ended> {
    line.send(|_| Ok(&PINGREQ), &[]).await.map_err(in_session)
}

fn in_session(error: SendError) -> Ended {
    error.cause(Cause::in_session).into()
}

fn receiving(error: ReceiveError<TlsError>) -> Ended {
    receive_cause(error, Cause::in_session, Cause::Closed).into()
}
