//! An MQTT session: what goes out, what comes in, and when a broker that no longer answers is given up.

use core::future::{pending, ready};
use core::num::NonZeroU16;
use core::pin::pin;
use core::time::Duration;

use device_identity::{Channel, DeviceId, Topic};
use embassy_futures::select::{Either, Either4, select, select4};
use embassy_futures::yield_now;
use embedded_io_async::{Read, Write};

use super::application::{Application, Control};
use super::connection_end::{Cause, ConnectionEnd};
use super::keep_alive::KeepAlive;
use super::packet_writer::{PacketWriter, SendError, receive_cause};
use super::renewal::SessionRenewal;
use crate::command::Command;
use crate::mqtt::{
    Connack, Inbox, Incoming, OutgoingPublish, PINGREQ, PacketError, PacketId, Publish, QoS, ReasonCode,
    ReceiveError, encode_puback, encode_subscribe,
};
use crate::platform::Clock;
use crate::status::ONLINE;
use crate::telemetry::Queue;
use crate::tls::TlsError;

/// Packet identifiers of the two packets every session starts with, and of the two of a renewal; those of the queue are
/// above.
const SUBSCRIBE_ID: PacketId = NonZeroU16::MIN;
const STATUS_ID: PacketId = NonZeroU16::MIN.saturating_add(1);
const RESPONSES_ID: PacketId = NonZeroU16::MIN.saturating_add(2);
const RENEWAL_ID: PacketId = NonZeroU16::MIN.saturating_add(3);

/// How a session that was not broken ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The application wants to leave.
    Left,
    /// It is another certificate's turn, at once.
    AnotherCertificate,
}

/// A session with the broker.
pub(super) struct MqttSession<'o, 'l, 'b, 'q, T: Read + Write, C, R> {
    pub(super) writer: &'o mut PacketWriter<'l, 'b, T, C>,
    pub(super) inbox: &'o mut Inbox<'l>,
    pub(super) queue: &'o mut Queue<'q>,
    pub(super) device_id: &'o DeviceId,
    pub(super) status: &'o Topic<'o>,
    /// What the broker allows.
    pub(super) connack: Connack,
    /// The keep-alive interval that holds: the broker's, or the device's own if that is shorter.
    pub(super) keep_alive: Duration,
    /// How long every message may go without an acknowledgement.
    pub(super) acknowledgement_timeout: Duration,
    /// Which of its own packets the broker has yet to acknowledge.
    pub(super) opening: Opening,
    /// What the device says and hears about its certificate.
    pub(super) renewal: R,
}

/// The packets that are not of the queue, each `true` from when it is sent until it is acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening {
    /// SUBSCRIBE, for the commands.
    subscribe: bool,
    /// The message `online`, if it has QoS 1.
    status: bool,
    /// A request or a confirmation of the renewal, if it has QoS 1.
    renewal: bool,
}

/// What the session waits for.
enum Event {
    /// A packet of the broker is in the inbox.
    Received,
    /// The application has put something into the queue, or wants to leave.
    Produced(Control),
    /// A message of the queue is due, and the broker has room for it.
    MessageDue,
    /// It is time for a ping, or a deadline has passed.
    Timer,
}

impl<T: Read + Write, C: Clock, R: SessionRenewal> MqttSession<'_, '_, '_, '_, T, C, R> {
    /// Holds the session until it breaks; `Ok` if the application wants to leave, or another certificate has its turn.
    ///
    /// One thing a turn: whatever there is to send, the broker's packets are read in between.
    pub(super) async fn run(
        &mut self,
        application: &mut impl Application,
    ) -> Result<SessionEnd, ConnectionEnd> {
        self.open().await?;
        let mut keep_alive = KeepAlive::new(self.writer.clock.now());
        let mut broker_first = true;
        loop {
            self.ping_if_due(&mut keep_alive).await?;
            self.say_about_renewal().await?;
            let timer = self.next_timer(&keep_alive);
            match self.next_event(timer, broker_first, application).await? {
                Event::Received => self.handle_received(&mut keep_alive, application).await?,
                Event::Produced(Control::Leave) => return Ok(SessionEnd::Left),
                // An application that always has something to say must not keep the executor's other tasks from
                // working.
                Event::Produced(Control::Continue) => yield_now().await,
                Event::MessageDue => self.send_next(application).await?,
                Event::Timer => self.handle_timer(&mut keep_alive, application).await?,
            }
            if R::RENEWS && self.renewal.is_another_due(self.writer.clock.now()) {
                return Ok(SessionEnd::AnotherCertificate);
            }
            let is_any = self.opening.is_any() || self.queue.is_any_in_flight();
            keep_alive.set_unacknowledged(is_any, self.writer.clock.now());
            // In turns, so that neither an application nor a broker that never pauses keeps the other from being heard.
            broker_first = !broker_first;
        }
    }

    /// Subscribes to the commands and, of a device that renews its certificate, to the answers to its requests; publishes
    /// that the device is online.
    async fn open(&mut self) -> Result<(), ConnectionEnd> {
        // The topic has no part that could be refused.
        let commands = Topic::new(self.device_id, Channel::Commands("")).map_err(|_| Cause::Overflow)?;
        let subscribed = self
            .writer
            .send(|head| encode_subscribe(SUBSCRIBE_ID, &format_args!("{commands}/#"), head), &[])
            .await;
        subscribed.map_err(send_error)?;
        if R::RENEWS {
            let responses =
                Topic::new(self.device_id, Channel::CredentialResponse).map_err(|_| Cause::Overflow)?;
            let subscribed =
                self.writer.send(|head| encode_subscribe(RESPONSES_ID, &responses, head), &[]).await;
            subscribed.map_err(send_error)?;
        }
        let status = self.connack.maximum_qos == QoS::AtLeastOnce;
        self.opening = Opening { subscribe: true, status, renewal: false };
        let status = OutgoingPublish {
            topic: self.status,
            packet_id: self.opening.status.then_some(STATUS_ID),
            retain: self.connack.retain_available,
            dup: false,
            payload_len: ONLINE.len(),
        };
        self.writer.publish(&status, ONLINE.as_bytes()).await.map_err(send_error)
    }

    /// How many messages of the queue may be in flight.
    fn window(&self) -> u16 {
        self.connack.receive_maximum - u16::from(self.opening.status) - u16::from(self.opening.renewal)
    }

    /// Publishes what there is to be said about the renewal, if anything is, and the broker has room for it.
    async fn say_about_renewal(&mut self) -> Result<(), ConnectionEnd> {
        if !R::RENEWS || self.opening.renewal {
            return Ok(());
        }
        let now = self.writer.clock.now();
        if !self.renewal.has_to_say(now) {
            return Ok(());
        }
        if self.queue.count_in_flight() >= usize::from(self.window()) {
            return Ok(());
        }
        let topic = Topic::new(self.device_id, Channel::CredentialRequest).map_err(|_| Cause::Overflow)?;
        let acknowledged = self.connack.maximum_qos == QoS::AtLeastOnce;
        let Some(message) = self.renewal.say(now).await else { return Ok(()) };
        let publish = OutgoingPublish {
            topic: &topic,
            packet_id: acknowledged.then_some(RENEWAL_ID),
            retain: false,
            dup: false,
            payload_len: message.len(),
        };
        match self.writer.publish(&publish, message).await {
            Ok(()) if acknowledged => self.opening.renewal = true,
            Ok(()) => self.renewal.said(true).await,
            // The broker takes no packet so long: it is no renewal, and the session goes on.
            Err(SendError::Overflow) => self.renewal.said(false).await,
            Err(error) => return Err(send_error(error)),
        }
        Ok(())
    }

    /// Sends one message of the queue.
    async fn send_next(&mut self, application: &mut impl Application) -> Result<(), ConnectionEnd> {
        let Some(outgoing) = self.queue.send_next(self.window(), self.connack.maximum_qos) else {
            return Ok(());
        };
        let Some((topic, message)) = self.queue.message_of(outgoing) else { return Ok(()) };
        let publish = OutgoingPublish {
            topic: &topic,
            packet_id: outgoing.packet_id,
            retain: false,
            dup: outgoing.repeats,
            payload_len: message.payload.len(),
        };
        match self.writer.publish(&publish, message.payload).await {
            Ok(()) => {
                if outgoing.packet_id.is_none() {
                    if outgoing.qos == QoS::AtLeastOnce {
                        application.delivered(message);
                    }
                    self.queue.discard(outgoing);
                }
                Ok(())
            }
            // This message alone is too long for the broker; the session goes on for the others.
            Err(SendError::Overflow) => {
                application.rejected(message, ReasonCode::PACKET_TOO_LARGE);
                self.queue.discard(outgoing);
                Ok(())
            }
            Err(error) => Err(send_error(error)),
        }
    }

    /// Waits for whatever happens first.
    async fn next_event(
        &mut self,
        timer: Duration,
        broker_first: bool,
        application: &mut impl Application,
    ) -> Result<Event, ConnectionEnd> {
        let has_due = self.queue.has_due(self.window());
        let received = self.inbox.arrive(&mut self.writer.stream);
        let produced = application.produce(self.queue);
        let due = async {
            if !has_due {
                pending::<()>().await;
            }
        };
        // Behind the broker's packets in either order: after a long command both are there, and the packet counts.
        let timer = self.writer.clock.sleep_until(timer);
        let event = if broker_first {
            match select4(received, timer, produced, due).await {
                Either4::First(received) => received.map(|()| Event::Received).map_err(receive_error)?,
                Either4::Second(()) => Event::Timer,
                Either4::Third(control) => Event::Produced(control),
                Either4::Fourth(()) => Event::MessageDue,
            }
        } else {
            match select4(produced, due, received, timer).await {
                Either4::First(control) => Event::Produced(control),
                Either4::Second(()) => Event::MessageDue,
                Either4::Third(received) => received.map(|()| Event::Received).map_err(receive_error)?,
                Either4::Fourth(()) => Event::Timer,
            }
        };
        Ok(event)
    }

    /// Handles the packet in the inbox, and notes that the broker is there.
    async fn handle_received(
        &mut self,
        keep_alive: &mut KeepAlive,
        application: &mut impl Application,
    ) -> Result<(), ConnectionEnd> {
        let since = self.writer.clock.now();
        let acknowledges = self.handle_packet(application).await?;
        let now = self.writer.clock.now();
        keep_alive.received(now, acknowledges);
        // A command may take its time, and nothing is read meanwhile.
        keep_alive.extend(now.saturating_sub(since));
        Ok(())
    }

    /// Handles the packet in the inbox. Whether it acknowledges something.
    async fn handle_packet(&mut self, application: &mut impl Application) -> Result<bool, ConnectionEnd> {
        match self.inbox.packet().map_err(Cause::Protocol)? {
            Incoming::Publish(publish) => {
                // A message that is no command was not subscribed to. It is acknowledged, so that it does not come
                // again.
                if let Some(command) = Command::of(&publish, self.device_id) {
                    let mut handled = pin!(application.handle_command(command, self.queue));
                    // Nothing is read meanwhile, so pings go out without regard to their answers.
                    loop {
                        let due = self.writer.last_sent + ping_interval(self.keep_alive);
                        match select(handled.as_mut(), self.writer.clock.sleep_until(due)).await {
                            Either::First(()) => break,
                            Either::Second(()) => ping(self.writer).await?,
                        }
                    }
                }
                if R::RENEWS && is_response(&publish, self.device_id) {
                    self.renewal.hear(publish.payload).await;
                }
                if let Some(id) = publish.packet_id {
                    self.writer.send(|head| encode_puback(id, head), &[]).await.map_err(send_error)?;
                }
            }
            Incoming::Puback(puback) if puback.packet_id == STATUS_ID => {
                return Ok(core::mem::take(&mut self.opening.status));
            }
            Incoming::Puback(puback) if puback.packet_id == RENEWAL_ID => {
                let awaited = core::mem::take(&mut self.opening.renewal);
                if awaited {
                    self.renewal.said(!puback.reason.is_error()).await;
                }
                return Ok(awaited);
            }
            Incoming::Puback(puback) => {
                // A PUBACK for nothing in flight does no harm (§4.3.2 has no rule for it).
                let Some(message) = self.queue.in_flight(puback.packet_id) else { return Ok(false) };
                if puback.reason.is_error() {
                    application.rejected(message, puback.reason);
                } else {
                    application.delivered(message);
                }
                return Ok(self.queue.acknowledge(puback.packet_id));
            }
            Incoming::Suback(suback) if suback.packet_id == SUBSCRIBE_ID => {
                if suback.reason.is_error() {
                    return Err(Cause::Suback(suback.reason).into());
                }
                return Ok(core::mem::take(&mut self.opening.subscribe));
            }
            Incoming::Suback(_) => {}
            Incoming::Pingresp => {}
            Incoming::Disconnect(disconnect) => {
                let retry_after = disconnect.hints.retry_after;
                return Err(ConnectionEnd { cause: Cause::Disconnect(disconnect.reason), retry_after });
            }
            Incoming::Connack(_) => return Err(Cause::Protocol(PacketError::Type { first: 0x20 }).into()),
        }
        Ok(false)
    }

    /// Sends a ping if the connection was silent for long enough.
    async fn ping_if_due(&mut self, keep_alive: &mut KeepAlive) -> Result<(), ConnectionEnd> {
        if !keep_alive.awaits_response() && self.writer.clock.now() >= self.ping_at(keep_alive) {
            ping(self.writer).await?;
            keep_alive.ping_sent(self.writer.clock.now());
        }
        Ok(())
    }

    fn ping_at(&self, keep_alive: &KeepAlive) -> Duration {
        keep_alive.last_received().min(self.writer.last_sent) + ping_interval(self.keep_alive)
    }

    /// When there is something to do though nothing happens: a ping, or a deadline.
    fn next_timer(&self, keep_alive: &KeepAlive) -> Duration {
        let deadline = keep_alive.deadline(self.writer.timeout, self.acknowledgement_timeout);
        let ping = (!keep_alive.awaits_response()).then(|| self.ping_at(keep_alive));
        [deadline.map(|(at, _)| at), ping].into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    /// Gives up a broker that has not answered by its deadline.
    async fn handle_timer(
        &mut self,
        keep_alive: &mut KeepAlive,
        application: &mut impl Application,
    ) -> Result<(), ConnectionEnd> {
        let deadline = keep_alive.deadline(self.writer.timeout, self.acknowledgement_timeout);
        let Some((_, deadline)) = deadline.filter(|(at, _)| *at <= self.writer.clock.now()) else {
            return Ok(());
        };
        // If the device was the one that was busy, the answer may be in the network stack, which gets to run here.
        yield_now().await;
        match select(self.inbox.arrive(&mut self.writer.stream), ready(())).await {
            Either::First(received) => received.map_err(receive_error)?,
            Either::Second(()) => return Err(Cause::Deadline(deadline).into()),
        }
        self.handle_received(keep_alive, application).await
    }
}

impl Opening {
    const fn is_any(&self) -> bool {
        self.subscribe || self.status || self.renewal
    }
}

/// Whether it is an answer to a request of this device. One that the broker had kept is none: a certificate is nothing that
/// is kept for whoever comes.
fn is_response(publish: &Publish<'_>, device_id: &DeviceId) -> bool {
    let topic = Topic::parse(publish.topic).ok().filter(|topic| topic.device_id() == device_id);
    !publish.retain && topic.is_some_and(|topic| topic.channel() == Channel::CredentialResponse)
}

/// PINGREQ goes out before the keep-alive has passed, so that it arrives before.
fn ping_interval(keep_alive: Duration) -> Duration {
    keep_alive / 4 * 3
}

async fn ping<T: Read + Write, C: Clock>(
    writer: &mut PacketWriter<'_, '_, T, C>,
) -> Result<(), ConnectionEnd> {
    writer.send(|_| Ok(&PINGREQ), &[]).await.map_err(send_error)
}

fn send_error(error: SendError) -> ConnectionEnd {
    error.cause(Cause::in_session).into()
}

fn receive_error(error: ReceiveError<TlsError>) -> ConnectionEnd {
    receive_cause(error, Cause::in_session, Cause::Closed).into()
}
