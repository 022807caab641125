//! What may pass as a TLS record (RFC 8446 §5), and the one ServerHello that answers our ClientHello.

/// Type, legacy version, length (RFC 8446 §5.1).
pub(super) const HEADER_LEN: usize = 5;

/// The shortest TLSCiphertext: the inner content type and the AEAD tag (RFC 8446 §5.2).
pub(super) const MIN_CIPHERTEXT: usize = 1 + 16;

/// ContentType (RFC 8446 §5.1).
pub(super) mod content_type {
    pub(in crate::tls) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(in crate::tls) const ALERT: u8 = 21;
    pub(in crate::tls) const HANDSHAKE: u8 = 22;
    pub(in crate::tls) const APPLICATION_DATA: u8 = 23;
}

/// HandshakeType (RFC 8446 §4).
pub(super) mod handshake_type {
    pub(in crate::tls) const SERVER_HELLO: u8 = 2;
    pub(in crate::tls) const NEW_SESSION_TICKET: u8 = 4;
    pub(in crate::tls) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(in crate::tls) const CERTIFICATE: u8 = 11;
    pub(in crate::tls) const CERTIFICATE_REQUEST: u8 = 13;
    pub(in crate::tls) const CERTIFICATE_VERIFY: u8 = 15;
    pub(in crate::tls) const FINISHED: u8 = 20;
}

/// `legacy_record_version` and `legacy_version` of everything a TLS 1.3 server sends.
pub(super) const LEGACY_VERSION: [u8; 2] = [0x03, 0x03];

/// Why the record guard has shut a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// A record that is empty, too short for its type, or longer than the buffer for it.
    #[error("a record of a length that is not allowed")]
    Length,
    /// A legacy version other than 0x0303.
    #[error("a record of another legacy version than 0x0303")]
    Version,
    /// A record that is not encrypted, where all must be. Anything on the network path can send one.
    #[error("a record in plain text where all must be encrypted")]
    Plaintext,
    /// The server answers the ClientHello with an alert (RFC 8446 §6). Anything on the network path could have sent it.
    #[error("the server answers with alert {description}")]
    Alert {
        /// AlertDescription.
        description: u8,
    },
    /// The first record is neither a ServerHello nor an alert.
    #[error("the server answers with something other than a ServerHello")]
    NoServerHello,
    /// The ServerHello is not one to our ClientHello.
    #[error("the ServerHello {0}")]
    ServerHello(#[from] ServerHelloFault),
    /// The TLS client was about to send something that is neither a ClientHello nor encrypted.
    #[error("an outgoing record that is not allowed")]
    Outgoing,
    /// A write was abandoned half way. What follows would be read as the rest of its record.
    #[error("a write was abandoned half way")]
    Interrupted,
    /// The transport has ended.
    #[error("the connection ended without close_notify")]
    Ended,
    /// The transport has failed.
    #[error("the transport failed")]
    Transport,
    /// The handshake was refused on our side.
    #[error("the handshake was refused")]
    Refused,
}

/// What is wrong with a ServerHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerHelloFault {
    /// It is not exactly one well-formed message in one record.
    #[error("is not one well-formed message in one record")]
    Malformed,
    /// `legacy_version` is not 0x0303, or `supported_versions` not TLS 1.3.
    #[error("is not of TLS 1.3")]
    Version,
    /// It asks for another ClientHello, which we cannot send: the server has to take P-256 at once.
    #[error("is a HelloRetryRequest; the server must accept P-256")]
    HelloRetryRequest,
    /// It echoes a session id. Ours is empty.
    #[error("echoes a session id that was not sent")]
    SessionId,
    /// It selects another suite than TLS_AES_128_GCM_SHA256.
    #[error("selects a cipher suite that was not offered")]
    CipherSuite,
    /// It selects compression.
    #[error("selects compression")]
    Compression,
    /// Its extensions are not exactly `supported_versions` and `key_share`.
    #[error("does not have exactly the extensions supported_versions and key_share")]
    Extensions,
    /// Its key share is not an uncompressed point of P-256.
    #[error("has no key share on P-256")]
    KeyShare,
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
const TLS_AES_128_GCM_SHA256: [u8; 2] = [0x13, 0x01];
const SUPPORTED_VERSIONS: [u8; 2] = [0x00, 0x2b];
const KEY_SHARE: [u8; 2] = [0x00, 0x33];
const TLS_1_3: [u8; 2] = [0x03, 0x04];
const SECP256R1: [u8; 2] = [0x00, 0x17];
/// Group, length, point: what `key_share` holds.
const KEY_SHARE_LEN: usize = 2 + 2 + 65;

/// Checks the content of the first record: one ServerHello (RFC 8446 §4.1.3), in which every choice is ours.
///
/// embedded-tls checks none of this.
pub(super) fn check_server_hello(message: &[u8]) -> Result<(), ServerHelloFault> {
    let mut message = Bytes(message);
    if message.take()? != [handshake_type::SERVER_HELLO] || message.length::<3>()? != message.0.len() {
        return Err(ServerHelloFault::Malformed);
    }
    if message.take()? != LEGACY_VERSION {
        return Err(ServerHelloFault::Version);
    }
    if message.take()? == HELLO_RETRY_REQUEST {
        return Err(ServerHelloFault::HelloRetryRequest);
    }
    if message.take()? != [0] {
        return Err(ServerHelloFault::SessionId);
    }
    if message.take()? != TLS_AES_128_GCM_SHA256 {
        return Err(ServerHelloFault::CipherSuite);
    }
    if message.take()? != [0] {
        return Err(ServerHelloFault::Compression);
    }
    if message.length::<2>()? != message.0.len() {
        return Err(ServerHelloFault::Malformed);
    }
    let (mut version, mut share) = (false, false);
    while !message.0.is_empty() {
        let kind = message.take::<2>()?;
        let length = message.length::<2>()?;
        match kind {
            SUPPORTED_VERSIONS if length == 2 && !version => {
                version = true;
                if message.take()? != TLS_1_3 {
                    return Err(ServerHelloFault::Version);
                }
            }
            KEY_SHARE if !share => {
                share = true;
                // The group, and the length of a point with its first byte, which says that it is uncompressed.
                if length != KEY_SHARE_LEN || message.take()? != SECP256R1 || message.take()? != [0, 65, 0x04]
                {
                    return Err(ServerHelloFault::KeyShare);
                }
                message.take::<64>()?;
            }
            _ => return Err(ServerHelloFault::Extensions),
        }
    }
    if version && share { Ok(()) } else { Err(ServerHelloFault::Extensions) }
}

/// What is left of a message.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ServerHelloFault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(ServerHelloFault::Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A big-endian length of `N` bytes, at most four.
    fn length<const N: usize>(&mut self) -> Result<usize, ServerHelloFault> {
        Ok(self.take::<N>()?.into_iter().fold(0, |length, byte| length << 8 | usize::from(byte)))
    }
}
