//! One connection of the broker, from its handshake to its end.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{Codec, Connect, Packet, PublishAck, QoS, SubscribeAck};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::broker::{Act, Broker};
use super::chronicle::Event;
use super::manners::{Handshake, Introduction, Manners};

/// What the broker keeps of its one device over connections.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Whether there is one.
    pub(super) exists: bool,
    pub(super) is_subscribed: bool,
    /// Commands that have not been sent: id and payload.
    pub(super) commands: VecDeque<(String, String)>,
    /// Commands without an acknowledgement, in the order in which they were sent.
    pub(super) unacknowledged: VecDeque<Publish>,
    last_id: u16,
}

/// Why a connection ended, as the broker sees it.
type Why = String;

/// A connection, and whose it is.
pub(super) struct Serving {
    pub(super) broker: Broker,
    pub(super) connection: usize,
}

/// The stream of a connection, with what has arrived and what is to be said later.
struct Talk {
    stream: TlsStream<DuplexStream>,
    codec: Codec,
    arrived: BytesMut,
    later: VecDeque<(Instant, Packet)>,
    /// Packets of the session that have gone out over this connection.
    sent: usize,
}

impl Serving {
    pub(super) async fn serve(self, stream: DuplexStream) {
        let connection = self.connection;
        let broker = self.broker.clone();
        let why = self.connection(stream).await.unwrap_or_else(|why| why);
        broker.note(Event::Gone { connection, why });
    }

    async fn connection(self, stream: DuplexStream) -> Result<Why, Why> {
        let handshake = self.broker.manners().handshake;
        match handshake {
            Handshake::Close => return Ok("it was closed at once".to_owned()),
            Handshake::Silence => return listen(stream).await,
            Handshake::Honest | Handshake::UnknownDevice => {}
        }
        let stream =
            TlsAcceptor::from(self.broker.tls()).accept(stream).await.map_err(|error| error.to_string())?;
        self.broker.note(Event::Secured { connection: self.connection });
        let mut talk = Talk {
            stream,
            codec: Codec::new(0, 0),
            arrived: BytesMut::new(),
            later: VecDeque::new(),
            sent: 0,
        };
        let connect = match self.receive(&mut talk).await? {
            Packet::Connect(connect) => connect,
            other => panic!("the first packet is no CONNECT: {other:?}"),
        };
        let Manners { introduction, remembers, .. } = self.broker.manners().clone();
        match introduction {
            Introduction::Silence => listen(talk.stream).await,
            Introduction::HangUp => Ok("it was hung up on CONNECT".to_owned()),
            Introduction::Close => talk.close().await,
            Introduction::Disconnect(disconnect) => {
                self.send(&mut talk, Packet::Disconnect(*disconnect)).await?;
                talk.close().await
            }
            Introduction::Answer(mut connack) => {
                let is_yes = u8::from(connack.reason_code) < 0x80;
                if is_yes {
                    self.broker.takes_over(self.connection);
                    let mut session = self.broker.session();
                    if !remembers {
                        *session =
                            Session { commands: std::mem::take(&mut session.commands), ..Session::default() };
                    }
                    connack.session_present = session.exists;
                    session.exists = true;
                }
                let keep_alive = connack.server_keepalive_sec.unwrap_or(connect.keep_alive);
                self.send(&mut talk, Packet::ConnectAck(connack)).await?;
                if is_yes { self.session(&mut talk, &connect, keep_alive).await } else { talk.close().await }
            }
        }
    }

    /// The next packet.
    async fn receive(&self, talk: &mut Talk) -> Result<Packet, Why> {
        loop {
            if let Some(packet) = self.packet(talk) {
                return Ok(packet);
            }
            talk.read().await?;
        }
    }

    /// A packet that has arrived as a whole.
    fn packet(&self, talk: &mut Talk) -> Option<Packet> {
        let before = talk.arrived.len();
        let (packet, _) = talk.codec.decode(&mut talk.arrived).expect("the device speaks MQTT")?;
        let length = before - talk.arrived.len();
        self.broker.note(Event::Received { connection: self.connection, packet: packet.clone(), length });
        Some(packet)
    }

    async fn send(&self, talk: &mut Talk, packet: Packet) -> Result<(), Why> {
        self.broker.note(Event::Sent { connection: self.connection, packet: packet.clone() });
        let mut bytes = BytesMut::new();
        talk.codec.encode(packet, &mut bytes).expect("the broker speaks MQTT");
        let wrote = async {
            talk.stream.write_all(&bytes).await?;
            talk.stream.flush().await
        };
        wrote.await.map_err(|error| error.to_string())
    }

    async fn session(&self, talk: &mut Talk, connect: &Connect, keep_alive: u16) -> Result<Why, Why> {
        // One and a half times the keep-alive (MQTT 5 §3.1.2.10).
        let patience = (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1500));
        let mut deadline = patience.map(|patience| Instant::now() + patience);
        let window = connect.receive_max.map_or(usize::MAX, |max| usize::from(max.get()));
        loop {
            let broker = self.broker.clone();
            // It takes note of a poke from here on.
            let poked = broker.poked();
            if broker.owner() != self.connection {
                return Ok("another connection has the session".to_owned());
            }
            match broker.take_act() {
                Some(Act::Disconnect(disconnect)) => {
                    self.send(talk, Packet::Disconnect(*disconnect)).await?;
                    return talk.close().await;
                }
                Some(Act::Close) => return talk.close().await,
                Some(Act::HangUp) => return Ok("it was hung up".to_owned()),
                None => {}
            }
            while let Some(packet) = talk.due() {
                self.send(talk, packet).await?;
            }
            while let Some(command) = self.next_command(talk, window) {
                self.send(talk, Packet::Publish(Box::new(command))).await?;
            }
            let alarm = talk.later.front().map(|(due, _)| *due).into_iter().chain(deadline).min();
            let alarm = async {
                match alarm {
                    Some(alarm) => sleep_until(alarm).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = poked => {}
                read = talk.read() => {
                    read?;
                    deadline = patience.map(|patience| Instant::now() + patience);
                }
                () = alarm => {
                    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Ok("the device was silent for too long".to_owned());
                    }
                }
            }
            while let Some(packet) = self.packet(talk) {
                if let Some(why) = self.take(talk, packet) {
                    return Ok(why);
                }
            }
        }
    }

    /// The next command to send over this connection: first what was sent before, then what never was.
    fn next_command(&self, talk: &mut Talk, window: usize) -> Option<Publish> {
        let mut session = self.broker.session();
        if !session.is_subscribed || talk.sent >= window {
            return None;
        }
        if let Some(command) = session.unacknowledged.get_mut(talk.sent) {
            command.dup = true;
            talk.sent += 1;
            return Some(command.clone());
        }
        let (id, payload) = session.commands.pop_front()?;
        session.last_id = session.last_id.checked_add(1).unwrap_or(1);
        let command = Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: format!("devices/dev-1/commands/{id}").into(),
            packet_id: NonZeroU16::new(session.last_id),
            payload: payload.into(),
            properties: None,
        };
        session.unacknowledged.push_back(command.clone());
        talk.sent += 1;
        Some(command)
    }

    /// Takes a packet; `Some` if it is the end.
    fn take(&self, talk: &mut Talk, packet: Packet) -> Option<Why> {
        let manners = self.broker.manners().clone();
        let now = Instant::now();
        match packet {
            Packet::Publish(publish) => {
                if let (Some(packet_id), Some(takes)) = (publish.packet_id, manners.puback) {
                    let (reason_code, properties) = (manners.verdict, Vec::new());
                    let puback = PublishAck { packet_id, reason_code, properties, reason_string: None };
                    // One after the other.
                    let begins = talk.later.back().map_or(now, |(due, _)| now.max(*due));
                    talk.later.push_back((begins + takes, Packet::PublishAck(puback)));
                }
            }
            Packet::Subscribe(subscribe) => {
                if let Some(verdict) = manners.suback {
                    let suback = SubscribeAck {
                        packet_id: subscribe.packet_id,
                        properties: Vec::new(),
                        reason_string: None,
                        status: vec![verdict],
                    };
                    self.broker.session().is_subscribed = u8::from(verdict) < 0x80;
                    talk.later.push_front((now, Packet::SubscribeAck(suback)));
                }
            }
            Packet::PingRequest if manners.pingresp => talk.later.push_front((now, Packet::PingResponse)),
            Packet::PingRequest => {}
            Packet::PublishAck(puback) => {
                let mut session = self.broker.session();
                let unacknowledged = &mut session.unacknowledged;
                let position =
                    unacknowledged.iter().position(|command| command.packet_id == Some(puback.packet_id));
                let position = position.expect("an acknowledgement of nothing");
                assert!(
                    position < talk.sent,
                    "a command is acknowledged that did not come over this connection"
                );
                unacknowledged.remove(position);
                talk.sent -= 1;
            }
            Packet::Disconnect(disconnect) => return Some(format!("{:?}", disconnect.reason_code)),
            other => panic!("not for a broker: {other:?}"),
        }
        None
    }
}

impl Talk {
    async fn read(&mut self) -> Result<(), Why> {
        match self.stream.read_buf(&mut self.arrived).await {
            Ok(0) => Err("the device closed the connection".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What is to be said by now.
    fn due(&mut self) -> Option<Packet> {
        self.later.pop_front_if(|(due, _)| *due <= Instant::now()).map(|(_, packet)| packet)
    }

    /// close_notify, and the rest of what the device has to say. It is not deciphered: a damaged record after its
    /// close_notify is more than rustls can take.
    async fn close(&mut self) -> Result<Why, Why> {
        self.stream.shutdown().await.map_err(|error| error.to_string())?;
        listen(self.stream.get_mut().0).await
    }
}

/// Takes whatever comes, until the end.
async fn listen(mut stream: impl AsyncRead + Unpin) -> Result<Why, Why> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.map_err(|error| error.to_string())? > 0 {}
    Ok("nothing more came".to_owned())
}
