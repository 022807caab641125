//! A TLS 1.3 server at the level of records, which sends what a test's script says and no more.
//!
//! It knows the secrets of the handshakes it begins, so it can read everything the client sends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use p256::PublicKey;
use p256::ecdh::EphemeralSecret;
use sha2::{Digest as _, Sha256};

use crate::forge::signature;
use crate::keys::{Protection, Schedule, Secret, verify_data};
use crate::pki::{Certified, Fleet};
use crate::random::Random;

pub const ECDSA_SECP256R1_SHA256: u16 = 0x0403;

/// What the client has sent, decrypted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub certificate: bool,
    pub signature: bool,
    pub finished: bool,
    pub data: Vec<u8>,
    /// Bytes in records of any kind after the ClientHello, decrypted or not.
    pub bytes: usize,
}

/// A ServerHello, right unless changed.
pub struct Hello {
    pub version: [u8; 2],
    pub random: [u8; 32],
    pub session_id: Vec<u8>,
    pub suite: [u8; 2],
    pub compression: u8,
    pub extensions: Vec<(u16, Vec<u8>)>,
}

/// A server at the other end of a TCP connection, or of anything that can be read from and written to.
///
/// Where there is nothing to read, a stream that cannot wait says that it has ended; the server then takes it that the
/// client has nothing to say just now.
pub struct Server<'f, S = TcpStream> {
    peer: S,
    random: Random,
    pub fleet: &'f Fleet,
    client_point: Vec<u8>,
    transcript: Sha256,
    schedule: Option<Schedule>,
    pub sending: Option<Protection>,
    receiving: Option<Protection>,
    /// The secrets of the application phase, known from the server's Finished on.
    application: Option<(Secret, Secret)>,
    pending: Vec<u8>,
    pub seen: Seen,
}

impl<'f> Server<'f> {
    /// Reads a ClientHello.
    pub fn accept(peer: TcpStream, fleet: &'f Fleet) -> Self {
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        peer.set_nodelay(true).unwrap();
        Self::answer(peer, fleet, Random::new())
    }

    /// Reads until the client has gone.
    pub fn drain(&mut self) {
        let _ = self.peer.shutdown(std::net::Shutdown::Write);
        while self.observe() {}
    }
}

impl<'f, S: Read + Write> Server<'f, S> {
    /// Reads a ClientHello, which must have come.
    pub fn answer(peer: S, fleet: &'f Fleet, random: Random) -> Self {
        let mut server = Self {
            peer,
            random,
            fleet,
            client_point: Vec::new(),
            transcript: Sha256::new(),
            schedule: None,
            sending: None,
            receiving: None,
            application: None,
            pending: Vec::new(),
            seen: Seen::default(),
        };
        let (header, hello) = server.record().expect("a ClientHello");
        assert_eq!(header[0], 22, "the first record is a handshake record");
        // The only share is the last thing of 65 bytes: found by its group and length.
        let share = hello.windows(4).position(|found| found == [0, 0x17, 0, 65]).expect("a share on P-256");
        server.client_point = hello[share + 4..share + 4 + 65].to_vec();
        server.transcript.update(&hello);
        server
    }

    fn record(&mut self) -> Option<([u8; 5], Vec<u8>)> {
        let mut header = [0; 5];
        self.peer.read_exact(&mut header).ok()?;
        let mut content = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        self.peer.read_exact(&mut content).ok()?;
        Some((header, content))
    }

    fn hash(&self) -> [u8; 32] {
        self.transcript.clone().finalize().into()
    }

    /// Sends raw bytes. That the client has closed already is no error.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.peer.write_all(bytes);
    }

    /// The same, in pieces that arrive apart.
    pub fn trickle(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.raw(&[*byte]);
        }
    }

    /// A record in plain text.
    pub fn plain(&mut self, kind: u8, content: &[u8]) {
        self.raw(&plain(kind, content));
    }

    /// A ServerHello of our choice as a message, and the secrets that follow if the client takes it.
    pub fn hello(&mut self, change: impl FnOnce(&mut Hello)) -> Vec<u8> {
        self.hello_edited(change, |_| ())
    }

    /// The same, with the message itself changed at the end.
    pub fn hello_edited(
        &mut self,
        change: impl FnOnce(&mut Hello),
        edit: impl FnOnce(&mut Vec<u8>),
    ) -> Vec<u8> {
        let secret = EphemeralSecret::random(&mut self.random);
        let point = p256::EncodedPoint::from(secret.public_key());
        let mut hello = Hello {
            version: [3, 3],
            random: [7; 32],
            session_id: Vec::new(),
            suite: [0x13, 0x01],
            compression: 0,
            extensions: vec![(43, vec![3, 4]), (51, [&[0, 0x17, 0, 65][..], point.as_bytes()].concat())],
        };
        change(&mut hello);
        let extensions: Vec<u8> = hello
            .extensions
            .iter()
            .flat_map(|(kind, value)| [&kind.to_be_bytes()[..], &length16(value.len()), value].concat())
            .collect();
        let body = [
            &hello.version[..],
            &hello.random,
            &[u8::try_from(hello.session_id.len()).unwrap()],
            &hello.session_id,
            &hello.suite,
            &[hello.compression],
            &length16(extensions.len()),
            &extensions,
        ]
        .concat();
        let mut message = message(2, &body);
        edit(&mut message);
        self.transcript.update(&message);
        let client = PublicKey::from_sec1_bytes(&self.client_point).unwrap();
        let schedule = Schedule::new(secret.diffie_hellman(&client).raw_secret_bytes(), self.hash());
        self.sending = Some(Protection::new(&schedule.server_handshake));
        self.receiving = Some(Protection::new(&schedule.client_handshake));
        self.schedule = Some(schedule);
        message
    }

    /// An honest ServerHello, sent.
    pub fn begin(&mut self) {
        let hello = self.hello(|_| ());
        self.plain(22, &hello);
    }

    /// Encrypts and sends an inner plain text as it is.
    pub fn seal(&mut self, inner: &[u8]) {
        let record = self.sealed(inner);
        self.raw(&record);
    }

    pub fn sealed(&mut self, inner: &[u8]) -> Vec<u8> {
        self.sending.as_mut().expect("secrets").seal(inner)
    }

    /// Encrypts and sends content of a type.
    pub fn encrypted(&mut self, kind: u8, content: &[u8]) {
        self.seal(&[content, &[kind]].concat());
    }

    /// Adds a message to the transcript and to what [`send`](Self::send) sends.
    pub fn add(&mut self, message: &[u8]) -> &mut Self {
        self.transcript.update(message);
        self.pending.extend_from_slice(message);
        self
    }

    /// Sends what was added, in one record.
    pub fn send(&mut self) {
        let messages = std::mem::take(&mut self.pending);
        self.encrypted(22, &messages);
    }

    /// What was added, not sent.
    pub fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// What is to be sent before anything else that is added.
    pub fn put_back(&mut self, messages: Vec<u8>) {
        self.pending.splice(..0, messages);
    }

    pub fn add_encrypted_extensions(&mut self) -> &mut Self {
        self.add(&encrypted_extensions())
    }

    pub fn add_certificate_request(&mut self) -> &mut Self {
        self.add(&certificate_request())
    }

    /// The broker's chain.
    pub fn add_certificate(&mut self) -> &mut Self {
        let fleet = self.fleet;
        self.add(&certificate(&[&fleet.broker.der, &fleet.broker_issuing.der]))
    }

    /// With the broker's key.
    pub fn add_certificate_verify(&mut self) -> &mut Self {
        let proof = self.proof(&self.fleet.broker);
        self.add_proof(ECDSA_SECP256R1_SHA256, &proof)
    }

    pub fn add_proof(&mut self, scheme: u16, signature: &[u8]) -> &mut Self {
        self.add(&certificate_verify(scheme, signature))
    }

    /// A signature over the transcript so far.
    pub fn proof(&self, signer: &Certified) -> Vec<u8> {
        self.proof_with(signer, "TLS 1.3, server CertificateVerify")
    }

    pub fn proof_with(&self, signer: &Certified, context: &str) -> Vec<u8> {
        let signed = [&[b' '; 64][..], context.as_bytes(), &[0], &self.hash()].concat();
        signature(&signer.scalar(), &signed).as_bytes().to_vec()
    }

    /// A right Finished; the application secrets follow from it.
    pub fn add_finished(&mut self) -> &mut Self {
        let verify_data = self.verify_data();
        self.add(&message(20, &verify_data)).conclude()
    }

    /// The application secrets follow from what was said so far.
    pub fn conclude(&mut self) -> &mut Self {
        self.application = Some(self.schedule.as_ref().expect("secrets").application(self.hash()));
        self
    }

    pub fn verify_data(&self) -> [u8; 32] {
        verify_data(&self.handshake_secret().expect("secrets"), self.hash())
    }

    /// The server's handshake traffic secret, known from the ServerHello on.
    pub fn handshake_secret(&self) -> Option<Secret> {
        self.schedule.as_ref().map(|schedule| schedule.server_handshake)
    }

    /// Everything from ServerHello to Finished, as an honest broker sends it.
    pub fn handshake(&mut self) {
        self.begin();
        self.add_encrypted_extensions().add_certificate_request().add_certificate();
        self.add_certificate_verify().add_finished();
        self.send();
        self.establish();
    }

    /// The client's application traffic secret.
    pub fn client_secret(&self) -> [u8; 32] {
        self.application.expect("a Finished was sent").0
    }

    /// From here on, what is sent is under the application secrets.
    pub fn establish(&mut self) {
        let (_, secret) = self.application.expect("a Finished was sent");
        self.sending = Some(Protection::new(&secret));
    }

    /// Reads until the client has shown its certificate.
    pub fn await_certificate(&mut self) {
        while !self.seen.certificate && self.observe() {}
    }

    /// Reads until the client is done with its handshake.
    pub fn await_finished(&mut self) {
        while !self.seen.finished && self.observe() {}
    }

    /// Reads until the client has said as much as this.
    pub fn await_data(&mut self, data: &[u8]) {
        while self.seen.data != data && self.observe() {}
    }

    /// Takes in one record of the client, if there is one.
    pub fn observe(&mut self) -> bool {
        let Some((header, content)) = self.record() else { return false };
        self.seen.bytes += content.len();
        let opened = self.receiving.as_mut().and_then(|receiving| receiving.open(&header, &content));
        match opened {
            Some((22, messages)) => match messages[0] {
                11 => self.seen.certificate |= messages.len() > 8,
                15 => self.seen.signature = true,
                20 => {
                    self.seen.finished = true;
                    self.receiving = self.application.map(|(secret, _)| Protection::new(&secret));
                }
                other => panic!("the client sent handshake message {other}"),
            },
            Some((23, data)) => self.seen.data.extend(data),
            _ => {}
        }
        true
    }
}

fn length16(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_be_bytes()
}

fn length24(length: usize) -> [u8; 3] {
    let [_, length @ ..] = u32::try_from(length).unwrap().to_be_bytes();
    length
}

/// A record in plain text.
pub fn plain(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &length16(content.len()), content].concat()
}

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length24(body.len()), body].concat()
}

/// EncryptedExtensions without any.
pub fn encrypted_extensions() -> Vec<u8> {
    message(8, &[0, 0])
}

/// EncryptedExtensions with these, each a type and a value.
pub fn encrypted_extensions_with(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let extensions: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, value)| [&kind.to_be_bytes()[..], &length16(value.len()), value].concat())
        .collect();
    message(8, &[&length16(extensions.len()), &extensions[..]].concat())
}

/// CertificateVerify with a signature of this scheme.
pub fn certificate_verify(scheme: u16, signature: &[u8]) -> Vec<u8> {
    message(15, &[&scheme.to_be_bytes()[..], &length16(signature.len()), signature].concat())
}

/// CertificateRequest for ecdsa_secp256r1_sha256.
pub fn certificate_request() -> Vec<u8> {
    message(13, &[0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3])
}

/// A Certificate message with these certificates.
pub fn certificate(chain: &[&[u8]]) -> Vec<u8> {
    let entries: Vec<u8> =
        chain.iter().flat_map(|der| [&length24(der.len())[..], der, &[0, 0]].concat()).collect();
    message(11, &[&[0][..], &length24(entries.len()), &entries].concat())
}
