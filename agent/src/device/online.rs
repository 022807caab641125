//! A session: what goes out, what comes in, and whether anybody is still there.

use core::future::{pending, ready};
use core::num::NonZeroU16;
use core::pin::pin;
use core::time::Duration;

use device_identity::{Channel, DeviceId, Topic};
use embassy_futures::select::{Either, Either4, select, select4};
use embassy_futures::yield_now;
use embedded_io_async::{Read, Write};

use super::application::{Application, Wish};
use super::ending::{Cause, Ended};
use super::line::{Line, SendError, receive_cause};
use super::vigil::Vigil;
use crate::command::Command;
use crate::mqtt::{
    Connack, Inbox, Incoming, Outgoing, PINGREQ, PacketError, PacketId, QoS, ReasonCode, ReceiveError,
    encode_puback, encode_subscribe,
};
use crate::platform::Clock;
use crate::status::ONLINE;
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
    /// How long every message may go without an acknowledgement.
    pub(super) acknowledgement: Duration,
    /// What of the greeting is not acknowledged yet.
    pub(super) greeting: Greeting,
}

/// What a session starts with, as far as it is not acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Greeting {
    /// SUBSCRIBE, for the commands.
    subscribe: bool,
    /// The message `online`, if it has QoS 1.
    status: bool,
}

/// What the session waits for.
enum Happening {
    Arrived,
    Produced(Wish),
    /// A message is due, and the broker has room for it.
    Due,
    Alarm,
}

impl<T: Read + Write, C: Clock> Online<'_, '_, '_, '_, T, C> {
    /// Holds the session until it breaks; `Ok` if the application wishes to leave.
    ///
    /// One thing a turn: whatever there is to send, what the broker says is read in between.
    pub(super) async fn talk(&mut self, application: &mut impl Application) -> Result<(), Ended> {
        self.greet().await?;
        let mut vigil = Vigil::new(self.line.clock.now());
        let mut broker_first = true;
        loop {
            self.ping_if_due(&mut vigil).await?;
            let alarm = self.alarm(&vigil);
            match self.next(alarm, broker_first, application).await? {
                Happening::Arrived => self.arrived(&mut vigil, application).await?,
                Happening::Produced(Wish::Leave) => return Ok(()),
                // An application that always has something to say must not keep everybody else from working.
                Happening::Produced(Wish::Continue) => yield_now().await,
                Happening::Due => self.send_next(application).await?,
                Happening::Alarm => self.alarmed(&mut vigil, application).await?,
            }
            let is_owed = self.greeting.subscribe || self.greeting.status || self.queue.is_any_under_way();
            vigil.owed(is_owed, self.line.clock.now());
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
        self.greeting = Greeting { subscribe: true, status: self.connack.maximum_qos == QoS::AtLeastOnce };
        let status = Outgoing {
            topic: self.status,
            packet_id: self.greeting.status.then_some(STATUS_ID),
            retain: self.connack.retain_available,
            dup: false,
            payload_len: ONLINE.len(),
        };
        self.line.publish(&status, ONLINE.as_bytes()).await.map_err(in_session)
    }

    /// How many messages of the queue may be under way.
    fn window(&self) -> u16 {
        self.connack.receive_maximum - u16::from(self.greeting.status)
    }

    /// Sends one message.
    async fn send_next(&mut self, application: &mut impl Application) -> Result<(), Ended> {
        let Some(departure) = self.queue.depart(self.window(), self.connack.maximum_qos) else {
            return Ok(());
        };
        let Some((topic, message)) = self.queue.departing(departure) else { return Ok(()) };
        let outgoing = Outgoing {
            topic: &topic,
            packet_id: departure.packet_id,
            retain: false,
            dup: departure.repeats,
            payload_len: message.payload.len(),
        };
        match self.line.publish(&outgoing, message.payload).await {
            Ok(()) => {
                if departure.packet_id.is_none() {
                    if departure.qos == QoS::AtLeastOnce {
                        application.delivered(message);
                    }
                    self.queue.discard(departure);
                }
                Ok(())
            }
            // This message alone is too long; the others are not its hostages.
            Err(SendError::Overflow) => {
                application.rejected(message, ReasonCode::PACKET_TOO_LARGE);
                self.queue.discard(departure);
                Ok(())
            }
            Err(error) => Err(in_session(error)),
        }
    }

    /// Waits for whatever comes first.
    async fn next(
        &mut self,
        alarm: Duration,
        broker_first: bool,
        application: &mut impl Application,
    ) -> Result<Happening, Ended> {
        let is_due = self.queue.has_due(self.window());
        let arrival = self.inbox.arrive(&mut self.line.stream);
        let product = application.produce(self.queue);
        let due = async {
            if !is_due {
                pending::<()>().await;
            }
        };
        // Behind what has arrived in any case: whoever was busy for long finds both.
        let alarm = self.line.clock.sleep_until(alarm);
        let happening = if broker_first {
            match select4(arrival, alarm, product, due).await {
                Either4::First(arrived) => arrived.map(|()| Happening::Arrived).map_err(receiving)?,
                Either4::Second(()) => Happening::Alarm,
                Either4::Third(wish) => Happening::Produced(wish),
                Either4::Fourth(()) => Happening::Due,
            }
        } else {
            match select4(product, due, arrival, alarm).await {
                Either4::First(wish) => Happening::Produced(wish),
                Either4::Second(()) => Happening::Due,
                Either4::Third(arrived) => arrived.map(|()| Happening::Arrived).map_err(receiving)?,
                Either4::Fourth(()) => Happening::Alarm,
            }
        };
        Ok(happening)
    }

    /// Takes the packet that has arrived, and notes that somebody is there.
    async fn arrived(&mut self, vigil: &mut Vigil, application: &mut impl Application) -> Result<(), Ended> {
        let since = self.line.clock.now();
        let acknowledges = self.take(application).await?;
        let now = self.line.clock.now();
        vigil.heard(now, acknowledges);
        // A command may take its time, and nothing is read meanwhile.
        vigil.excuse(now.saturating_sub(since));
        Ok(())
    }

    /// Takes the packet that has arrived. Whether it acknowledges something.
    async fn take(&mut self, application: &mut impl Application) -> Result<bool, Ended> {
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
            Incoming::Puback(puback) if puback.packet_id == STATUS_ID => {
                return Ok(core::mem::take(&mut self.greeting.status));
            }
            Incoming::Puback(puback) => {
                // An answer to nothing that is under way does no harm (§4.3.2 has no rule for it).
                let Some(message) = self.queue.under_way(puback.packet_id) else { return Ok(false) };
                if puback.reason.is_error() {
                    application.rejected(message, puback.reason);
                } else {
                    application.delivered(message);
                }
                return Ok(self.queue.settled(puback.packet_id));
            }
            Incoming::Suback(suback) if suback.packet_id == SUBSCRIBE_ID => {
                if suback.reason.is_error() {
                    return Err(Cause::Suback(suback.reason).into());
                }
                return Ok(core::mem::take(&mut self.greeting.subscribe));
            }
            Incoming::Suback(_) => {}
            Incoming::Pingresp => {}
            Incoming::Disconnect(disconnect) => {
                let retry_after = disconnect.hints.retry_after;
                return Err(Ended { cause: Cause::Disconnect(disconnect.reason), retry_after });
            }
            Incoming::Connack(_) => return Err(Cause::Protocol(PacketError::Type { first: 0x20 }).into()),
        }
        Ok(false)
    }

    /// Asks whether anybody is there, if nothing was said for long.
    async fn ping_if_due(&mut self, vigil: &mut Vigil) -> Result<(), Ended> {
        if !vigil.has_asked() && self.line.clock.now() >= self.ping_at(vigil) {
            ping(self.line).await?;
            vigil.asks(self.line.clock.now());
        }
        Ok(())
    }

    fn ping_at(&self, vigil: &Vigil) -> Duration {
        vigil.last_heard().min(self.line.last_sent) + ping_interval(self.keep_alive)
    }

    /// When there is something to do though nothing happens.
    fn alarm(&self, vigil: &Vigil) -> Duration {
        let overdue = vigil.overdue_at(self.line.patience, self.acknowledgement).map(|(at, _)| at);
        let ping = (!vigil.has_asked()).then(|| self.ping_at(vigil));
        [overdue, ping].into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    /// Gives up on a broker that owes an answer for too long.
    async fn alarmed(&mut self, vigil: &mut Vigil, application: &mut impl Application) -> Result<(), Ended> {
        let overdue = vigil.overdue_at(self.line.patience, self.acknowledgement);
        let Some((_, step)) = overdue.filter(|(at, _)| *at <= self.line.clock.now()) else { return Ok(()) };
        // If it was us who were busy, the answer may lie where the network has had no time yet to fetch it from.
        yield_now().await;
        match select(self.inbox.arrive(&mut self.line.stream), ready(())).await {
            Either::First(arrived) => arrived.map_err(receiving)?,
            Either::Second(()) => return Err(Cause::Deadline(step).into()),
        }
        self.arrived(vigil, application).await
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
