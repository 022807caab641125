//! One connection: name, TCP, TLS, CONNECT, CONNACK, and the session to its end.

use core::pin::pin;
use core::time::Duration;

use device_identity::{Channel, Topic};
use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;

use super::application::{Application, Change};
use super::connection_end::{Cause, ConnectionEnd, Deadline};
use super::connector::Connector;
use super::mqtt_session::{MqttSession, Opening, SessionEnd};
use super::packet_writer::{PacketWriter, receive_cause};
use super::renewal::{SessionRenewal, SessionTime};
use crate::credential::{Credential, Signer};
use crate::mqtt::{Connack, Connect, Inbox, Incoming, PacketError, ReasonCode, Will};
use crate::platform::{Clock, CryptoRngCore, Network, Platform, within};
use crate::session::State;
use crate::status::OFFLINE;
use crate::time_floor::TimeFloor;
use crate::tls::{self, AuthenticatedStream, Buffers, TlsError};
use crate::x509::Time;

/// Commands that may be unacknowledged. They are handled one after the other, so more would only wait here.
const RECEIVE_MAXIMUM: u16 = 4;

impl Connector<'_> {
    /// One connection, from its beginning to its end; `Ok` if the application wants to leave, or another certificate has
    /// its turn.
    ///
    /// `renewal` makes of flash, randomness and the time what the session does for it.
    pub(super) async fn attempt<'p, S, N, C, R, F, A, W>(
        &mut self,
        credential: &mut Credential<'_, S>,
        platform: &'p mut Platform<N, C, R, F>,
        application: &mut A,
        floor: &mut TimeFloor,
        renewal: impl FnOnce(&'p mut F, &'p mut R, SessionTime) -> W,
    ) -> Result<SessionEnd, ConnectionEnd>
    where
        S: Signer,
        W: SessionRenewal,
        N: Network,
        C: Clock,
        R: CryptoRngCore,
        F: NorFlash,
        A: Application,
    {
        let Platform { network, clock, rng, flash } = platform;
        let deadline = clock.now().saturating_add(self.config.connect_deadline);
        let timeout = self.config.response_timeout;
        // The stream is made where it stays: every place it passes through would be in the future's frame for good.
        let mut writer = PacketWriter {
            stream: {
                let time = verification_time(clock.unix_time(), floor).map_err(Cause::Tls)?;
                let connecting = pin!(connect_tls(network, credential, time, rng, self.tls));
                within(clock, deadline, connecting).await.ok_or_else(connect_deadline_passed)??
            },
            head: self.head,
            clock,
            timeout,
            maximum_packet_size: u32::MAX,
            last_sent: clock.now(),
        };
        let mut inbox = Inbox::new(self.incoming);
        // It has no part that could be refused.
        let status = Topic::new(credential.device_id(), Channel::Status).map_err(|_| Cause::Overflow)?;
        let connack = {
            let connect = Connect {
                client_id: credential.device_id().as_str(),
                keep_alive: u16::try_from(self.config.keep_alive.as_secs().max(1)).unwrap_or(u16::MAX),
                session_expiry: self.config.session_expiry,
                receive_maximum: RECEIVE_MAXIMUM,
                maximum_packet_size: inbox.limit(),
                will: Will { topic: &status, payload: OFFLINE.as_bytes() },
            };
            let exchange = pin!(exchange_connect(&mut writer, &mut inbox, &connect));
            within(clock, deadline, exchange).await.ok_or_else(connect_deadline_passed)??
        };

        if let Some(time) = connack.hints.time {
            // The floor has risen in any case; if the flash cannot be written, it is lost at the next boot.
            let _ = floor.raise(flash, time.min(writer.stream.broker_not_after())).await;
        }
        self.session.online(clock.now());
        application.changed(Change::to(State::Online));
        if !connack.session_present {
            self.queue.session_lost();
        }
        let keep_alive = match connack.server_keep_alive {
            // Zero turns the mechanism off; the device pings all the same, or a dead broker would never be noticed.
            None | Some(Duration::ZERO) => self.config.keep_alive,
            Some(keep_alive) => keep_alive.min(self.config.keep_alive),
        };
        writer.maximum_packet_size = connack.maximum_packet_size;
        let mut session = MqttSession {
            writer: &mut writer,
            inbox: &mut inbox,
            queue: &mut self.queue,
            device_id: credential.device_id(),
            status: &status,
            connack,
            keep_alive,
            acknowledgement_timeout: self.config.acknowledgement_timeout,
            opening: Opening::default(),
            renewal: renewal(flash, rng, session_time(clock, floor)),
        };
        let end = session.run(application).await;
        let reason = match &end {
            // The broker then publishes the will: the device need not publish `offline` and wait for the PUBACK.
            Ok(_) | Err(ConnectionEnd { cause: Cause::Suback(_), .. }) => {
                Some(ReasonCode::DISCONNECT_WITH_WILL)
            }
            Err(ConnectionEnd { cause: Cause::Protocol(error), .. }) => Some(error.reason_code()),
            Err(_) => None,
        };
        if let Some(reason) = reason {
            writer.disconnect(reason).await;
            if writer.stream.is_open() {
                let closing = pin!(writer.stream.closing());
                let _ = within(clock, clock.now().saturating_add(timeout), closing).await;
            }
        }
        end
    }
}

/// The time to verify certificates at. A clock that is behind the floor is wrong, and not used.
fn verification_time(clock: Option<u64>, floor: &TimeFloor) -> Result<Time, TlsError> {
    let floor = floor.value();
    match clock {
        Some(clock) if clock < floor => Err(TlsError::ClockBehindFloor { clock, floor }),
        Some(clock) => Ok(Time::Clock(clock)),
        None => Ok(Time::Floor(floor)),
    }
}

fn session_time(clock: &impl Clock, floor: &TimeFloor) -> SessionTime {
    let unix = clock.unix_time().unwrap_or_default().max(floor.value());
    SessionTime { unix, at: clock.now() }
}

fn connect_deadline_passed() -> ConnectionEnd {
    Cause::Deadline(Deadline::Connect).into()
}

/// Resolves the name, connects with TCP, and completes the TLS handshake.
async fn connect_tls<'n, 'b, N: Network, S: Signer>(
    network: &'n mut N,
    credential: &mut Credential<'_, S>,
    time: Time,
    rng: &mut impl CryptoRngCore,
    buffers: &'b mut Buffers,
) -> Result<AuthenticatedStream<'b, N::Connection<'n>>, ConnectionEnd>
where
    'n: 'b,
{
    let (host, port) = (credential.broker_host(), credential.broker_port());
    let transport = network.connect(host, port).await.map_err(Cause::Network)?;
    Ok(tls::connect(transport, credential, time, rng, buffers).await.map_err(Cause::in_handshake)?)
}

/// Sends CONNECT and waits for the broker's CONNACK.
async fn exchange_connect<T, C>(
    writer: &mut PacketWriter<'_, '_, T, C>,
    inbox: &mut Inbox<'_>,
    connect: &Connect<'_, Topic<'_>>,
) -> Result<Connack, ConnectionEnd>
where
    T: Read + Write,
    C: Clock,
{
    let sent = writer.send(|head| connect.encode(head), &[]).await;
    if let Err(error) = sent {
        return Err(error.cause(Cause::before_connack).into());
    }
    let packet = inbox.next(&mut writer.stream).await;
    match packet.map_err(|error| receive_cause(error, Cause::before_connack, Cause::ClosedBeforeConnack))? {
        Incoming::Connack(connack) if connack.reason.is_error() => {
            let retry_after = connack.hints.retry_after;
            Err(ConnectionEnd { cause: Cause::Connack(connack.reason), retry_after })
        }
        Incoming::Connack(connack) => Ok(connack),
        // A server may not send it before CONNACK (§3.14); its reason is worth more than a protocol error.
        Incoming::Disconnect(disconnect) => {
            let retry_after = disconnect.hints.retry_after;
            Err(ConnectionEnd { cause: Cause::Disconnect(disconnect.reason), retry_after })
        }
        Incoming::Publish(_) => Err(Cause::Protocol(PacketError::Type { first: 0x30 }).into()),
        Incoming::Puback(_) => Err(Cause::Protocol(PacketError::Type { first: 0x40 }).into()),
        Incoming::Suback(_) => Err(Cause::Protocol(PacketError::Type { first: 0x90 }).into()),
        Incoming::Pingresp => Err(Cause::Protocol(PacketError::Type { first: 0xD0 }).into()),
    }
}
