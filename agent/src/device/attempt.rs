//! From nothing to a session: name, TCP, TLS, CONNECT, CONNACK.

use core::pin::pin;
use core::time::Duration;

use device_identity::{Channel, Topic};
use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;

use super::agent::Agent;
use super::application::{Application, Change};
use super::ending::{Cause, Ended, Step};
use super::line::{Line, receive_cause};
use super::online::{Greeting, Online};
use crate::credential::{Credential, Signer};
use crate::floor::Floor;
use crate::mqtt::{Connack, Connect, Inbox, Incoming, PacketError, ReasonCode, Will};
use crate::platform::{Clock, CryptoRngCore, Network, Platform, within};
use crate::session::State;
use crate::status::OFFLINE;
use crate::tls::{self, AuthenticatedStream, Buffers, TlsError};
use crate::x509::Time;

/// Commands that may be unacknowledged. They are obeyed one after the other, so more would only wait here.
const RECEIVE_MAXIMUM: u16 = 4;

impl<S: Signer> Agent<'_, S> {
    /// One connection, from its beginning to its end; `Ok` if the application wished it.
    pub(super) async fn attempt<N, C, R, F, A>(
        &mut self,
        platform: &mut Platform<N, C, R, F>,
        application: &mut A,
        floor: &mut Floor,
    ) -> Result<(), Ended>
    where
        N: Network,
        C: Clock,
        R: CryptoRngCore,
        F: NorFlash,
        A: Application,
    {
        let Platform { network, clock, rng, flash } = platform;
        let deadline = clock.now().saturating_add(self.config.connect_deadline);
        let patience = self.config.patience;
        // The stream is made where it stays: every place it passes through would be in the future's frame for good.
        let mut line = Line {
            stream: {
                let time = judged_by(clock.unix_time(), floor).map_err(Cause::Tls)?;
                let securing = pin!(secure(network, &mut self.credential, time, rng, self.tls));
                within(clock, deadline, securing).await.ok_or_else(too_late)??
            },
            head: self.head,
            clock,
            patience,
            limit: u32::MAX,
            last_sent: clock.now(),
        };
        let mut inbox = Inbox::new(self.incoming);
        // It has no part that could be refused.
        let status = Topic::new(self.credential.device_id(), Channel::Status).map_err(|_| Cause::Overflow)?;
        let connack = {
            let connect = Connect {
                client_id: self.credential.device_id().as_str(),
                keep_alive: u16::try_from(self.config.keep_alive.as_secs().max(1)).unwrap_or(u16::MAX),
                session_expiry: self.config.session_expiry,
                receive_maximum: RECEIVE_MAXIMUM,
                maximum_packet_size: inbox.limit(),
                will: Will { topic: &status, payload: OFFLINE.as_bytes() },
            };
            let introduction = pin!(introduce(&mut line, &mut inbox, &connect));
            within(clock, deadline, introduction).await.ok_or_else(too_late)??
        };

        if let Some(time) = connack.hints.time {
            // The floor has risen in any case; flash that cannot be written costs it at the next boot.
            let _ = floor.raise(flash, time.min(line.stream.broker_not_after())).await;
        }
        self.session.online(clock.now());
        application.changed(Change::to(State::Online));
        if !connack.session_present {
            self.queue.session_lost();
        }
        let keep_alive = match connack.server_keep_alive {
            // Zero turns the mechanism off; we ask all the same, or a dead broker would never be noticed.
            None | Some(Duration::ZERO) => self.config.keep_alive,
            Some(keep_alive) => keep_alive.min(self.config.keep_alive),
        };
        line.limit = connack.maximum_packet_size;
        let mut online = Online {
            line: &mut line,
            inbox: &mut inbox,
            queue: &mut self.queue,
            device_id: self.credential.device_id(),
            status: &status,
            connack,
            keep_alive,
            acknowledgement: self.config.acknowledgement,
            greeting: Greeting::default(),
        };
        let end = online.talk(application).await;
        let word = match &end {
            // The broker then publishes the will; the device need not say `offline` and wait until it is heard.
            Ok(()) | Err(Ended { cause: Cause::Suback(_), .. }) => Some(ReasonCode::DISCONNECT_WITH_WILL),
            Err(Ended { cause: Cause::Protocol(error), .. }) => Some(error.reason_code()),
            Err(_) => None,
        };
        if let Some(word) = word {
            line.disconnect(word).await;
            if line.stream.is_open() {
                let closing = pin!(line.stream.closing());
                let _ = within(clock, clock.now().saturating_add(patience), closing).await;
            }
        }
        end
    }
}

/// The time to judge by. A clock that has fallen behind the floor since it was trusted is none.
fn judged_by(clock: Option<u64>, floor: &Floor) -> Result<Time, TlsError> {
    let floor = floor.value();
    match clock {
        Some(clock) if clock < floor => Err(TlsError::ClockBehindFloor { clock, floor }),
        Some(clock) => Ok(Time::Clock(clock)),
        None => Ok(Time::Floor(floor)),
    }
}

fn too_late() -> Ended {
    Cause::Deadline(Step::Connecting).into()
}

/// Name, TCP, TLS.
async fn secure<'n, 'b, N: Network, S: Signer>(
    network: &'n mut N,
    credential: &mut Credential<'_, S>,
    time: Time,
    rng: &mut impl CryptoRngCore,
    buffers: &'b mut Buffers,
) -> Result<AuthenticatedStream<'b, N::Connection<'n>>, Ended>
where
    'n: 'b,
{
    let (host, port) = (credential.broker_host(), credential.broker_port());
    let transport = network.connect(host, port).await.map_err(Cause::Network)?;
    Ok(tls::connect(transport, credential, time, rng, buffers).await.map_err(Cause::in_handshake)?)
}

/// CONNECT, and what the broker says to it.
async fn introduce<T, C>(
    line: &mut Line<'_, '_, T, C>,
    inbox: &mut Inbox<'_>,
    connect: &Connect<'_, Topic<'_>>,
) -> Result<Connack, Ended>
where
    T: Read + Write,
    C: Clock,
{
    let sent = line.send(|head| connect.encode(head), &[]).await;
    if let Err(error) = sent {
        return Err(error.cause(Cause::before_connack).into());
    }
    let packet = inbox.next(&mut line.stream).await;
    match packet.map_err(|error| receive_cause(error, Cause::before_connack, Cause::ClosedBeforeConnack))? {
        Incoming::Connack(connack) if connack.reason.is_error() => {
            let retry_after = connack.hints.retry_after;
            Err(Ended { cause: Cause::Connack(connack.reason), retry_after })
        }
        Incoming::Connack(connack) => Ok(connack),
        // Not before CONNACK, says the specification; a word is better than none.
        Incoming::Disconnect(disconnect) => {
            let retry_after = disconnect.hints.retry_after;
            Err(Ended { cause: Cause::Disconnect(disconnect.reason), retry_after })
        }
        Incoming::Publish(_) => Err(Cause::Protocol(PacketError::Type { first: 0x30 }).into()),
        Incoming::Puback(_) => Err(Cause::Protocol(PacketError::Type { first: 0x40 }).into()),
        Incoming::Suback(_) => Err(Cause::Protocol(PacketError::Type { first: 0x90 }).into()),
        Incoming::Pingresp => Err(Cause::Protocol(PacketError::Type { first: 0xD0 }).into()),
    }
}
