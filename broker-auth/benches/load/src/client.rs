//! One client.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::packet::{Packet, QoS, Version, Writer};
use crate::site::Identity;

/// How long an answer may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// Which MQTT.
    pub version: Version,
    /// Seconds.
    pub keep_alive: u16,
    /// How long the session outlives the connection, in seconds. Zero: not at all, and the session is clean.
    pub session_expiry: u32,
}

impl Default for ConnectOptions {
    /// MQTT 5, a clean session, and no need to ping within a benchmark.
    fn default() -> Self {
        Self { version: Version::V5, keep_alive: 3600, session_expiry: 0 }
    }
}

/// Why a client is not, or no longer, connected.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// TCP or TLS, or the server closed it.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// A reason code of 0x80 or more, or of MQTT 3.1.1 anything but zero.
    #[error("refused with reason code {0:#04x}")]
    Refused(u8),
    /// Something that does not belong here.
    #[error("not the answer that was due: {0:?}")]
    Unexpected(Packet),
    /// Nothing.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silence,
}

/// A connected client.
pub struct Client {
    stream: TlsStream<TcpStream>,
    received: BytesMut,
    writer: Writer,
}

impl Client {
    /// TCP and TLS. With TLS 1.3 a client is done before the server has looked at its certificate.
    pub async fn dial(to: SocketAddr, identity: &Identity, version: Version) -> Result<Self, Lost> {
        let socket = timeout(PATIENCE, TcpStream::connect(to)).await.map_err(|_| Lost::Silence)??;
        Self::dial_over(socket, identity, version).await
    }

    /// A TCP connection from another address of this machine.
    pub async fn reach_from(from: Ipv4Addr, to: SocketAddr) -> Result<TcpStream, Lost> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        Ok(timeout(PATIENCE, socket.connect(to)).await.map_err(|_| Lost::Silence)??)
    }

    /// TLS over a TCP connection that is there.
    pub async fn dial_over(socket: TcpStream, identity: &Identity, version: Version) -> Result<Self, Lost> {
        socket.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a DNS name");
        let secured = TlsConnector::from(Arc::clone(&identity.tls)).connect(name, socket);
        let stream = timeout(PATIENCE, secured).await.map_err(|_| Lost::Silence)??;
        Ok(Self { stream, received: BytesMut::new(), writer: Writer(version) })
    }

    /// Connects and is let in; whether the server had a session for it.
    pub async fn connect(
        to: SocketAddr,
        identity: &Identity,
        options: ConnectOptions,
    ) -> Result<(Self, bool), Lost> {
        Self::connect_as(&identity.name, to, identity, options).await
    }

    /// The same with another client id than the identity's name.
    pub async fn connect_as(
        client_id: &str,
        to: SocketAddr,
        identity: &Identity,
        options: ConnectOptions,
    ) -> Result<(Self, bool), Lost> {
        let mut client = Self::dial(to, identity, options.version).await?;
        let session_present = client.enter(client_id, options).await?;
        Ok((client, session_present))
    }

    /// Is let in, after TLS; whether the server had a session for it.
    pub async fn enter(&mut self, client_id: &str, options: ConnectOptions) -> Result<bool, Lost> {
        self.send(&self.writer.connect(client_id, options.keep_alive, options.session_expiry)).await?;
        match self.answer().await? {
            Packet::ConnAck(0, session_present) => Ok(session_present),
            Packet::ConnAck(code, _) => Err(Lost::Refused(code)),
            other => Err(Lost::Unexpected(other)),
        }
    }

    /// What writes its packets.
    pub fn writer(&self) -> Writer {
        self.writer
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next packet, whenever it comes. May be dropped and called again.
    pub async fn hear(&mut self) -> io::Result<Packet> {
        loop {
            if let Some(packet) = Packet::take(self.writer.0, &mut self.received) {
                return Ok(packet);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// A packet that has come already.
    pub fn heard(&mut self) -> Option<Packet> {
        Packet::take(self.writer.0, &mut self.received)
    }

    /// The next packet, which is due.
    pub async fn answer(&mut self) -> Result<Packet, Lost> {
        Ok(timeout(PATIENCE, self.hear()).await.map_err(|_| Lost::Silence)??)
    }

    /// Subscribes to one filter.
    pub async fn subscribe(&mut self, filter: &str, qos: QoS) -> Result<(), Lost> {
        self.send(&self.writer.subscribe(1, filter, qos)).await?;
        match self.answer().await? {
            Packet::SubAck(code) if code < 0x80 => Ok(()),
            Packet::SubAck(code) => Err(Lost::Refused(code)),
            other => Err(Lost::Unexpected(other)),
        }
    }

    /// Publishes with QoS 1, and waits for the acknowledgement.
    pub async fn publish(&mut self, topic: &str, payload: &[u8]) -> Result<(), Lost> {
        self.send(&self.writer.publish_acknowledged(1, topic, payload)).await?;
        match self.answer().await? {
            Packet::PubAck(_, code) if code < 0x80 => Ok(()),
            Packet::PubAck(_, code) => Err(Lost::Refused(code)),
            other => Err(Lost::Unexpected(other)),
        }
    }

    /// Says good-bye, and closes.
    pub async fn leave(mut self) -> io::Result<()> {
        self.send(&crate::packet::DISCONNECT).await?;
        // The server may be faster, and have closed it.
        let _ = self.stream.shutdown().await;
        Ok(())
    }

    /// The TCP connection, to break it.
    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref().0
    }
}
