//! A TLS server that sends what a test's script says, and counts connections.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::pki::{Ca, Leaf};

pub(crate) type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A CONNACK that accepts, and one that does not (MQTT 5 §3.2).
pub(crate) const ACCEPTED: &[u8] = &[0x20, 3, 0, 0, 0];
pub(crate) const NOT_AUTHORIZED: &[u8] = &[0x20, 3, 0, 0x87, 0];
pub(crate) const SERVER_BUSY: &[u8] = &[0x20, 3, 0, 0x89, 0];
/// DISCONNECT 0x98 without properties, the length of which must be there for rumqttc to read it.
pub(crate) const ADMINISTRATIVE_ACTION: &[u8] = &[0xe0, 2, 0x98, 0];

pub(crate) struct ScriptedBroker {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
}

impl ScriptedBroker {
    /// Runs `script` on every connection. Without `clients` no client certificate is requested.
    pub(crate) fn start(
        chain: &[&Leaf],
        clients: Option<&Ca>,
        script: impl Fn(Stream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let chain_der = chain.iter().map(|leaf| leaf.der.clone()).collect();
        Self::start_with_chain(chain_der, &chain[0].key_der, clients, script)
    }

    pub(crate) fn start_with_chain(
        chain: Vec<Vec<u8>>,
        key: &[u8],
        clients: Option<&Ca>,
        script: impl Fn(Stream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from(ca.der.clone())).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let config = Arc::new(builder.with_single_cert(chain, key).unwrap());

        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let script = Arc::new(script);
        // Ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                let (config, script) = (Arc::clone(&config), Arc::clone(&script));
                std::thread::spawn(move || {
                    let session = ServerConnection::new(config).unwrap();
                    // A script may be cut short by the agent; what matters is what the agent does.
                    let _ = script(StreamOwned::new(session, stream));
                });
            }
        });
        Self { port, connections }
    }

    /// How many TCP connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one MQTT packet: its first byte, and what follows its length.
pub(crate) fn read_packet(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    let first = byte[0];
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        stream.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((first, body))
}

/// Reads the CONNECT and answers it.
pub(crate) fn connect(stream: &mut Stream, connack: &[u8]) -> io::Result<()> {
    let (first, _) = read_packet(stream)?;
    assert_eq!(first, 0x10, "the first packet is a CONNECT");
    send(stream, connack)
}

pub(crate) fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Closes with close_notify and reads to the end, so that no reset overtakes what was sent.
pub(crate) fn close(mut stream: Stream) -> io::Result<()> {
    stream.conn.send_close_notify();
    stream.flush()?;
    stream.sock.shutdown(std::net::Shutdown::Write)?;
    io::copy(&mut stream.sock, &mut io::sink()).map(|_| ())
}

/// A broker that keeps the protocol: SUBACK and PUBACK for everything, until the client leaves. `ack` decides how a
/// PUBLISH with this topic is acknowledged: with which reason code, or not at all.
pub(crate) fn serve(mut stream: Stream, ack: impl Fn(&str) -> Option<u8>) -> io::Result<()> {
    loop {
        let (first, body) = read_packet(&mut stream)?;
        match first >> 4 {
            3 => {
                let topic_length = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = std::str::from_utf8(&body[2..2 + topic_length]).unwrap();
                let packet_id = &body[2 + topic_length..4 + topic_length];
                if let Some(code) = ack(topic) {
                    send(&mut stream, &[0x40, 4, packet_id[0], packet_id[1], code, 0])?;
                }
            }
            8 => send(&mut stream, &[0x90, 4, body[0], body[1], 0, 1])?,
            12 => send(&mut stream, &[0xd0, 0])?,
            14 => return close(stream),
            _ => {}
        }
    }
}
