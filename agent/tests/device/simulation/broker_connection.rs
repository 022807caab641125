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

use super::broker::{Broker, BrokerAction};
use super::broker_behaviour::{BrokerBehaviour, ConnectReply, TlsBehaviour};
use super::event_log::Event;

/// The broker's session of its one device, over connections.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Whether the broker has a session of the device.
    pub(super) exists: bool,
    pub(super) is_subscribed: bool,
    /// Messages for the device that have not been sent: topic below the device's, payload, and whether it is retained.
    pub(super) messages: VecDeque<(String, Vec<u8>, bool)>,
    /// Messages without an acknowledgement, in the order in which they were sent.
    pub(super) unacknowledged: VecDeque<Publish>,
    last_id: u16,
}

/// Why a connection ended, in the broker's words.
type Why = String;

/// A connection of the broker.
pub(super) struct BrokerConnection {
    pub(super) broker: Broker,
    pub(super) connection: usize,
}

/// The stream of a connection, with received bytes and packets that are to be sent later.
struct PacketStream {
    stream: TlsStream<DuplexStream>,
    codec: Codec,
    received: BytesMut,
    later: VecDeque<(Instant, Packet)>,
    /// Packets of the session that have gone out over this connection.
    sent: usize,
}

impl BrokerConnection {
    pub(super) async fn serve(self, stream: DuplexStream) {
        let connection = self.connection;
        let broker = self.broker.clone();
        let why = self.connection(stream).await.unwrap_or_else(|why| why);
        broker.record(Event::ConnectionClosed { connection, why });
    }

    async fn connection(self, stream: DuplexStream) -> Result<Why, Why> {
        let tls = self.broker.behaviour().tls;
        match tls {
            TlsBehaviour::Close => return Ok("it was closed at once".to_owned()),
            TlsBehaviour::Silence => return drain(stream).await,
            TlsBehaviour::Complete | TlsBehaviour::UnknownDevice => {}
        }
        let stream =
            TlsAcceptor::from(self.broker.tls()).accept(stream).await.map_err(|error| error.to_string())?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let certificate = shown.map(|shown| shown.to_vec()).unwrap_or_default();
        self.broker.record(Event::TlsEstablished { connection: self.connection, certificate });
        let mut packets = PacketStream {
            stream,
            codec: Codec::new(0, 0),
            received: BytesMut::new(),
            later: VecDeque::new(),
            sent: 0,
        };
        let connect = match self.receive(&mut packets).await? {
            Packet::Connect(connect) => connect,
            other => panic!("the first packet is no CONNECT: {other:?}"),
        };
        let BrokerBehaviour { connect_reply, keeps_session, .. } = self.broker.behaviour().clone();
        match connect_reply {
            ConnectReply::Silence => drain(packets.stream).await,
            ConnectReply::HangUp => Ok("it was hung up on CONNECT".to_owned()),
            ConnectReply::Close => packets.close().await,
            ConnectReply::Disconnect(disconnect) => {
                self.send(&mut packets, Packet::Disconnect(*disconnect)).await?;
                packets.close().await
            }
            ConnectReply::Answer(mut connack) => {
                let is_yes = u8::from(connack.reason_code) < 0x80;
                if is_yes {
                    self.broker.take_over(self.connection);
                    let mut session = self.broker.session();
                    if !keeps_session {
                        *session =
                            Session { messages: std::mem::take(&mut session.messages), ..Session::default() };
                    }
                    connack.session_present = session.exists;
                    session.exists = true;
                }
                let keep_alive = connack.server_keepalive_sec.unwrap_or(connect.keep_alive);
                self.send(&mut packets, Packet::ConnectAck(connack)).await?;
                if is_yes {
                    self.session(&mut packets, &connect, keep_alive).await
                } else {
                    packets.close().await
                }
            }
        }
    }

    /// The next packet.
    async fn receive(&self, packets: &mut PacketStream) -> Result<Packet, Why> {
        loop {
            if let Some(packet) = self.packet(packets) {
                return Ok(packet);
            }
            packets.read().await?;
        }
    }

    /// The next packet, if it has arrived as a whole.
    fn packet(&self, packets: &mut PacketStream) -> Option<Packet> {
        let before = packets.received.len();
        let (packet, _) = packets.codec.decode(&mut packets.received).expect("the device speaks MQTT")?;
        let length = before - packets.received.len();
        self.broker.record(Event::Received { connection: self.connection, packet: packet.clone(), length });
        Some(packet)
    }

    async fn send(&self, packets: &mut PacketStream, packet: Packet) -> Result<(), Why> {
        self.broker.record(Event::Sent { connection: self.connection, packet: packet.clone() });
        let mut bytes = BytesMut::new();
        packets.codec.encode(packet, &mut bytes).expect("the broker speaks MQTT");
        let wrote = async {
            packets.stream.write_all(&bytes).await?;
            packets.stream.flush().await
        };
        wrote.await.map_err(|error| error.to_string())
    }

    async fn session(
        &self,
        packets: &mut PacketStream,
        connect: &Connect,
        keep_alive: u16,
    ) -> Result<Why, Why> {
        // One and a half times the keep-alive (MQTT 5 §3.1.2.10).
        let limit = (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1500));
        let mut deadline = limit.map(|limit| Instant::now() + limit);
        let window = connect.receive_max.map_or(usize::MAX, |max| usize::from(max.get()));
        loop {
            let broker = self.broker.clone();
            // Created before the state is read, so that no wake-up is missed.
            let woken = broker.woken();
            if broker.owner() != self.connection {
                return Ok("another connection has the session".to_owned());
            }
            match broker.take_act() {
                Some(BrokerAction::Disconnect(disconnect)) => {
                    self.send(packets, Packet::Disconnect(*disconnect)).await?;
                    return packets.close().await;
                }
                Some(BrokerAction::Close) => return packets.close().await,
                Some(BrokerAction::HangUp) => return Ok("it was hung up".to_owned()),
                None => {}
            }
            while let Some(packet) = packets.due() {
                self.send(packets, packet).await?;
            }
            while let Some(command) = self.next_command(packets, window) {
                self.send(packets, Packet::Publish(Box::new(command))).await?;
            }
            let timer = packets.later.front().map(|(due, _)| *due).into_iter().chain(deadline).min();
            let timer = async {
                match timer {
                    Some(timer) => sleep_until(timer).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = woken => {}
                read = packets.read() => {
                    read?;
                    deadline = limit.map(|limit| Instant::now() + limit);
                }
                () = timer => {
                    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Ok("the device was silent for too long".to_owned());
                    }
                }
            }
            while let Some(packet) = self.packet(packets) {
                if let Some(why) = self.handle(packets, packet) {
                    return Ok(why);
                }
            }
        }
    }

    /// The next command to send over this connection: first those sent before over another connection, then new ones.
    fn next_command(&self, packets: &mut PacketStream, window: usize) -> Option<Publish> {
        let mut session = self.broker.session();
        if !session.is_subscribed || packets.sent >= window {
            return None;
        }
        if let Some(command) = session.unacknowledged.get_mut(packets.sent) {
            command.dup = true;
            packets.sent += 1;
            return Some(command.clone());
        }
        let (topic, payload, retain) = session.messages.pop_front()?;
        session.last_id = session.last_id.checked_add(1).unwrap_or(1);
        let command = Publish {
            dup: false,
            retain,
            qos: QoS::AtLeastOnce,
            topic: format!("devices/dev-1/{topic}").into(),
            packet_id: NonZeroU16::new(session.last_id),
            payload: payload.into(),
            properties: None,
        };
        session.unacknowledged.push_back(command.clone());
        packets.sent += 1;
        Some(command)
    }

    /// Handles a packet; `Some` if the connection ends with it.
    fn handle(&self, packets: &mut PacketStream, packet: Packet) -> Option<Why> {
        let behaviour = self.broker.behaviour().clone();
        let now = Instant::now();
        match packet {
            Packet::Publish(publish) => {
                if let (Some(packet_id), Some(delay)) = (publish.packet_id, behaviour.puback_delay) {
                    let (reason_code, properties) = (behaviour.puback_reason, Vec::new());
                    let puback = PublishAck { packet_id, reason_code, properties, reason_string: None };
                    // Acknowledgements go out one after the other.
                    let begins = packets.later.back().map_or(now, |(due, _)| now.max(*due));
                    packets.later.push_back((begins + delay, Packet::PublishAck(puback)));
                }
                if publish.topic.ends_with("/credential/request") {
                    self.broker.request(&publish.payload);
                }
            }
            Packet::Subscribe(subscribe) => {
                if let Some(puback_reason) = behaviour.suback {
                    let suback = SubscribeAck {
                        packet_id: subscribe.packet_id,
                        properties: Vec::new(),
                        reason_string: None,
                        status: vec![puback_reason],
                    };
                    self.broker.session().is_subscribed = u8::from(puback_reason) < 0x80;
                    packets.later.push_front((now, Packet::SubscribeAck(suback)));
                }
            }
            Packet::PingRequest if behaviour.pingresp => {
                packets.later.push_front((now, Packet::PingResponse));
            }
            Packet::PingRequest => {}
            Packet::PublishAck(puback) => {
                let mut session = self.broker.session();
                let unacknowledged = &mut session.unacknowledged;
                let position =
                    unacknowledged.iter().position(|command| command.packet_id == Some(puback.packet_id));
                let position = position.expect("an acknowledgement of nothing");
                assert!(
                    position < packets.sent,
                    "a command is acknowledged that did not come over this connection"
                );
                unacknowledged.remove(position);
                packets.sent -= 1;
            }
            Packet::Disconnect(disconnect) => return Some(format!("{:?}", disconnect.reason_code)),
            other => panic!("not for a broker: {other:?}"),
        }
        None
    }
}

impl PacketStream {
    async fn read(&mut self) -> Result<(), Why> {
        match self.stream.read_buf(&mut self.received).await {
            Ok(0) => Err("the device closed the connection".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The next packet that is to be sent by now.
    fn due(&mut self) -> Option<Packet> {
        self.later.pop_front_if(|(due, _)| *due <= Instant::now()).map(|(_, packet)| packet)
    }

    /// Sends close_notify and reads to the end of the stream, without decrypting: rustls would fail on a damaged record
    /// after it.
    async fn close(&mut self) -> Result<Why, Why> {
        self.stream.shutdown().await.map_err(|error| error.to_string())?;
        drain(self.stream.get_mut().0).await
    }
}

/// Reads and drops everything, to the end of the stream.
async fn drain(mut stream: impl AsyncRead + Unpin) -> Result<Why, Why> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.map_err(|error| error.to_string())? > 0 {}
    Ok("nothing more came".to_owned())
}
