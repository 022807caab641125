//! A client that may say anything, and hears every answer: MQTT by hand over TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, HandshakeKind, RootCertStore, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::credential::Credential;
use crate::fleet::Fleet;
use crate::mqtt::{self, Connect, Kind, Message, PINGREQ, Packet, QoS, Version};

/// How long an answer may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a client hears next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A packet.
    Packet(Packet),
    /// A TLS alert other than close_notify.
    Alert(AlertDescription),
    /// The end of the connection, without a word.
    Closed,
    /// Nothing, for as long as it was listening.
    Silence,
}

/// How a client speaks TLS. Connections made with one share its session store, so that a broker that hands out tickets
/// is found out.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the fleet's broker CA and shows `credential`, or nothing.
    pub fn new(fleet: &Fleet, credential: Option<&Credential>) -> Self {
        Self::with_versions(fleet, credential, rustls::ALL_VERSIONS)
    }

    /// The same with some TLS versions only.
    pub fn with_versions(
        fleet: &Fleet,
        credential: Option<&Credential>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
        let provider = PROVIDER.get_or_init(|| Arc::new(ring::default_provider()));
        let mut roots = RootCertStore::empty();
        let root =
            CertificateDer::from_pem_file(fleet.file("broker-ca/root.pem")).expect("a root certificate");
        roots.add(root).expect("a root certificate");
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(versions)
            .expect("the provider has the versions")
            .with_root_certificates(roots);
        let mut config = match credential {
            Some(credential) => builder.with_client_cert_resolver(shown(credential)),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(16);
        Self(Arc::new(config))
    }

    /// The same with these application protocols (ALPN).
    pub fn with_protocols(self, protocols: &[&str]) -> Self {
        let mut config = Arc::unwrap_or_clone(self.0);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }

    /// A connection to the server of this name, before its handshake.
    pub(crate) fn connection(&self, server: &'static str) -> ClientConnection {
        let name = ServerName::try_from(server).expect("a name");
        ClientConnection::new(Arc::clone(&self.0), name).expect("a configuration fit for TLS")
    }
}

/// Shows the certificate whether or not the key is the right one.
fn shown(credential: &Credential) -> Arc<SingleCertAndKey> {
    let key = ring::sign::any_supported_type(&credential.private_key()).expect("the key can sign");
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(credential.chain(), key)))
}

/// A client's connection.
pub struct Client {
    tls: ClientConnection,
    socket: TcpStream,
    version: Version,
    received: Vec<u8>,
    last_id: u16,
}

impl Client {
    /// Connects and completes the handshake as far as the client can tell: with TLS 1.3, a broker that refuses the
    /// certificate is heard only afterwards.
    pub fn dial(address: SocketAddr, tls: &Tls, version: Version) -> Result<Self, Heard> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE).expect("the broker accepts connections");
        Self::dial_over(socket, tls, version)
    }

    /// The same over a connection that is there.
    pub fn dial_over(socket: TcpStream, tls: &Tls, version: Version) -> Result<Self, Heard> {
        Self::dial_for("localhost", socket, tls, version)
    }

    /// The same for the server of this name; an address is asked for by no name.
    pub fn dial_for(
        server: &'static str,
        socket: TcpStream,
        tls: &Tls,
        version: Version,
    ) -> Result<Self, Heard> {
        socket.set_nodelay(true).expect("a socket option");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        socket.set_write_timeout(Some(PATIENCE)).expect("a socket option");
        let mut client =
            Self { tls: tls.connection(server), socket, version, received: Vec::new(), last_id: 0 };
        while client.tls.is_handshaking() {
            client.tls.complete_io(&mut client.socket).map_err(|error| ending(&error))?;
        }
        Ok(client)
    }

    /// Connects and says the first `part` of a ClientHello, `1.0` being all of it, and nothing more.
    pub fn stall(address: SocketAddr, tls: &Tls, part: f64) -> TcpStream {
        let mut socket =
            TcpStream::connect_timeout(&address, PATIENCE).expect("the broker accepts connections");
        let mut tls = tls.connection("localhost");
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).expect("memory");
        let length = (hello.len() as f64 * part) as usize;
        socket.write_all(&hello[..length]).expect("the broker takes it");
        socket
    }

    /// Connects, sends CONNECT, and returns what comes back.
    pub fn attempt(address: SocketAddr, tls: &Tls, connect: &Connect) -> (Option<Self>, Heard) {
        match Self::dial(address, tls, connect.version()) {
            Err(heard) => (None, heard),
            Ok(mut client) => {
                let heard = client.ask(connect);
                (Some(client), heard)
            }
        }
    }

    /// Sends CONNECT, and returns what comes back.
    pub fn ask(&mut self, connect: &Connect) -> Heard {
        self.send(&connect.packet());
        self.hear(PATIENCE)
    }

    /// Connects and is let in.
    #[track_caller]
    pub fn connect(address: SocketAddr, tls: &Tls, connect: &Connect) -> Self {
        Self::connect_and_connack(address, tls, connect).0
    }

    /// Connects and is let in; the CONNACK too.
    #[track_caller]
    pub fn connect_and_connack(address: SocketAddr, tls: &Tls, connect: &Connect) -> (Self, Packet) {
        match Self::attempt(address, tls, connect) {
            (Some(client), Heard::Packet(connack))
                if connack.is(Kind::ConnAck) && connack.reason_code() == 0 =>
            {
                (client, connack)
            }
            (_, heard) => panic!("{} was not let in: {heard:?}", connect.client_id()),
        }
    }

    /// Whether the handshake was a full one.
    pub fn handshake_was_full(&self) -> bool {
        matches!(
            self.tls.handshake_kind(),
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest)
        )
    }

    /// How many TLS 1.3 session tickets the broker has sent.
    pub fn tickets(&self) -> u32 {
        self.tls.tls13_tickets_received()
    }

    /// The certificate that the broker has shown.
    pub fn broker_certificate(&self) -> CertificateDer<'static> {
        let chain = self.tls.peer_certificates().expect("the handshake is over");
        chain.first().expect("a chain has a leaf").clone().into_owned()
    }

    /// Sends bytes. A broker that has closed the connection is noticed when it is listened to.
    pub fn send(&mut self, bytes: &[u8]) {
        let mut stream = rustls::Stream::new(&mut self.tls, &mut self.socket);
        let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    }

    /// What the broker says next, if it says something within `patience`.
    pub fn hear(&mut self, patience: Duration) -> Heard {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(packet) = Packet::take(self.version, &mut self.received) {
                return Heard::Packet(packet);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Silence;
            }
            self.socket.set_read_timeout(Some(left)).expect("a socket option");
            let mut buffer = [0; 4096];
            match rustls::Stream::new(&mut self.tls, &mut self.socket).read(&mut buffer) {
                Ok(0) => return Heard::Closed,
                Ok(count) => self.received.extend(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return ending(&error),
            }
        }
    }

    /// The next packet, which must be of this type.
    #[track_caller]
    pub fn expect(&mut self, kind: Kind) -> Packet {
        match self.hear(PATIENCE) {
            Heard::Packet(packet) if packet.is(kind) => packet,
            heard => panic!("{kind:?} was expected: {heard:?}"),
        }
    }

    /// Subscribes; the reason code.
    #[track_caller]
    pub fn subscribe(&mut self, filter: &str, qos: QoS) -> u8 {
        let id = self.next_id();
        self.send(&mqtt::subscribe(self.version, filter, qos, id));
        self.expect(Kind::SubAck).reason_code()
    }

    /// Subscribes while messages come; the topics of retained ones go into `topics`. The reason code.
    #[track_caller]
    pub fn subscribe_among_messages(&mut self, filter: &str, topics: &mut Vec<String>) -> u8 {
        let id = self.next_id();
        self.send(&mqtt::subscribe(self.version, filter, 0, id));
        loop {
            match self.hear(PATIENCE) {
                Heard::Packet(packet) if packet.is(Kind::Publish) => {
                    let message = packet.message();
                    topics.extend(message.retain.then_some(message.topic));
                }
                Heard::Packet(packet) if packet.is(Kind::SubAck) => return packet.reason_code(),
                heard => panic!("SUBACK was expected: {heard:?}"),
            }
        }
    }

    /// Publishes with QoS 0, which has no answer.
    pub fn publish_qos0(&mut self, topic: &str, payload: &str) {
        self.send(&mqtt::publish(self.version, topic, payload.as_bytes(), 0, false, 0));
    }

    /// Publishes with QoS 1; the reason code.
    #[track_caller]
    pub fn publish(&mut self, topic: &str, payload: &str) -> u8 {
        self.publish_with(topic, payload, 1, false)
    }

    /// Publishes a retained message with QoS 1; the reason code.
    #[track_caller]
    pub fn publish_retained(&mut self, topic: &str, payload: &str) -> u8 {
        self.publish_with(topic, payload, 1, true)
    }

    /// Publishes with QoS 2, up to PUBCOMP; the reason code of PUBREC.
    #[track_caller]
    pub fn publish_qos2(&mut self, topic: &str, payload: &str) -> u8 {
        self.publish_with(topic, payload, 2, false)
    }

    #[track_caller]
    fn publish_with(&mut self, topic: &str, payload: &str, qos: QoS, retain: bool) -> u8 {
        let id = self.next_id();
        self.send(&mqtt::publish(self.version, topic, payload.as_bytes(), qos, retain, id));
        let answer = self.expect(if qos == 2 { Kind::PubRec } else { Kind::PubAck });
        assert_eq!(answer.id(), id, "{answer:?}");
        if qos == 2 && answer.reason_code() < 0x80 {
            self.send(&mqtt::acknowledge(0x62, id));
            assert_eq!(self.expect(Kind::PubComp).id(), id);
        }
        answer.reason_code()
    }

    /// The next message, acknowledged as its quality of service asks for.
    #[track_caller]
    pub fn receive(&mut self) -> Message {
        let message = self.expect(Kind::Publish).message();
        match message.qos {
            1 => self.send(&mqtt::acknowledge(0x40, message.id)),
            2 => {
                self.send(&mqtt::acknowledge(0x50, message.id));
                assert_eq!(self.expect(Kind::PubRel).id(), message.id);
                self.send(&mqtt::acknowledge(0x70, message.id));
            }
            _ => {}
        }
        message
    }

    /// Whether the broker answers: nothing else may have been sent before that is not yet read.
    #[track_caller]
    pub fn is_alive(&mut self) -> bool {
        self.send(&PINGREQ);
        matches!(self.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::PingResp))
    }

    /// Says good-bye.
    pub fn disconnect(mut self) {
        self.send(&mqtt::DISCONNECT);
        assert_eq!(self.hear(PATIENCE), Heard::Closed);
    }

    fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }
}

/// The alert that ended a connection, if one did.
pub(crate) fn alert_in(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
        Some(error) => panic!("TLS failed: {error}"),
        None => None,
    }
}

/// How a failed connection ended.
fn ending(error: &io::Error) -> Heard {
    match alert_in(error) {
        Some(alert) => Heard::Alert(alert),
        None if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Heard::Silence,
        None => Heard::Closed,
    }
}
