//! The key schedule of TLS 1.3 (RFC 8446 §7), for TLS_AES_128_GCM_SHA256 without PSK.

use aes_gcm::aead::AeadInPlace as _;
use aes_gcm::{Aes128Gcm, KeyInit as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// A traffic secret.
pub type Secret = [u8; 32];

/// The secrets of both phases, as far as they are known.
pub struct Schedule {
    handshake: Secret,
    /// The client's handshake traffic secret.
    pub client_handshake: Secret,
    /// The server's handshake traffic secret.
    pub server_handshake: Secret,
}

impl Schedule {
    /// From the shared secret and the transcript hash up to the ServerHello.
    pub fn new(shared: &[u8], transcript: [u8; 32]) -> Self {
        let early = Hkdf::<Sha256>::extract(Some(&[0; 32]), &[0; 32]).0;
        let derived = derive(&early.into(), "derived", Sha256::digest([]).into());
        let handshake = Hkdf::<Sha256>::extract(Some(&derived), shared).0.into();
        Self {
            handshake,
            client_handshake: derive(&handshake, "c hs traffic", transcript),
            server_handshake: derive(&handshake, "s hs traffic", transcript),
        }
    }

    /// The application traffic secrets of client and server, from the transcript hash up to the server's Finished.
    pub fn application(&self, transcript: [u8; 32]) -> (Secret, Secret) {
        let derived = derive(&self.handshake, "derived", Sha256::digest([]).into());
        let master = Hkdf::<Sha256>::extract(Some(&derived), &[0; 32]).0.into();
        (derive(&master, "c ap traffic", transcript), derive(&master, "s ap traffic", transcript))
    }
}

/// `verify_data` of a Finished (RFC 8446 §4.4.4).
pub fn verify_data(secret: &Secret, transcript: [u8; 32]) -> [u8; 32] {
    let key: [u8; 32] = expand(secret, "finished", &[]);
    let mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&key).unwrap();
    mac.chain_update(transcript).finalize().into_bytes().into()
}

/// One direction of record protection (RFC 8446 §5.2).
pub struct Protection {
    cipher: Aes128Gcm,
    iv: [u8; 12],
    sequence: u64,
}

impl Protection {
    /// From a traffic secret; its first record is the next.
    pub fn new(secret: &Secret) -> Self {
        let key: [u8; 16] = expand(secret, "key", &[]);
        Self { cipher: Aes128Gcm::new(&key.into()), iv: expand(secret, "iv", &[]), sequence: 0 }
    }

    fn nonce(&mut self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, counter) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= counter;
        }
        self.sequence += 1;
        nonce
    }

    /// A record around `inner`: content, content type, padding.
    pub fn seal(&mut self, inner: &[u8]) -> Vec<u8> {
        let length = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let header = [23, 3, 3, length[0], length[1]];
        let mut content = inner.to_vec();
        let nonce = self.nonce().into();
        let tag = self.cipher.encrypt_in_place_detached(&nonce, &header, &mut content).unwrap();
        [&header[..], &content, &tag].concat()
    }

    /// Content type and content; `None` if it does not decrypt.
    pub fn open(&mut self, header: &[u8], content: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (inner, tag) = content.split_at_checked(content.len().checked_sub(16)?)?;
        let mut inner = inner.to_vec();
        let nonce = self.nonce().into();
        self.cipher.decrypt_in_place_detached(&nonce, header, &mut inner, tag.into()).ok()?;
        while inner.last() == Some(&0) {
            inner.pop();
        }
        Some((inner.pop()?, inner))
    }
}

fn derive(secret: &Secret, label: &str, transcript: [u8; 32]) -> Secret {
    expand(secret, label, &transcript)
}

/// HKDF-Expand-Label (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &Secret, label: &str, context: &[u8]) -> [u8; N] {
    let label = format!("tls13 {label}");
    let length = u16::try_from(N).unwrap().to_be_bytes();
    let label_length = [u8::try_from(label.len()).unwrap()];
    let context_length = [u8::try_from(context.len()).unwrap()];
    let info = [&length[..], &label_length, label.as_bytes(), &context_length, context].concat();
    let mut expanded = [0; N];
    Hkdf::<Sha256>::from_prk(secret).unwrap().expand(&info, &mut expanded).unwrap();
    expanded
}
