//! TLS_AES_128_GCM_SHA256, with a look at every record's plain text before embedded-tls sees it.
//!
//! embedded-tls panics on what it does not expect after the handshake, and takes messages in any order and of any
//! claimed length during it. None of that can be seen from outside the encryption, and everything decrypted passes
//! through the cipher: so the cipher is where it is refused. A refused record looks like one that does not decrypt.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{self, AeadCore, AeadInPlace, Buffer, Key, KeyInit, KeySizeUser, Nonce, Tag};
use embedded_tls::{Aes128GcmSha256, TlsCipherSuite};

use super::record::{HEADER_LEN, LEGACY_VERSION, content_type, handshake_type};

/// What the guard writes over the legacy version of a record that follows the handshake. On the wire it is 0x0303,
/// the guard has seen to that; so the field is free to say in which phase a record arrived.
pub(super) const ESTABLISHED: [u8; 2] = [0xff, 0xff];

/// The extension application_layer_protocol_negotiation (RFC 7301 §3.1), and a list of one name, `mqtt`.
const ALPN: [u8; 2] = [0, 16];
const MQTT_SELECTED: &[u8] = b"\x00\x05\x04mqtt";

/// The suite, for embedded-tls.
pub(super) struct Suite;

impl TlsCipherSuite for Suite {
    const CODE_POINT: u16 = Aes128GcmSha256::CODE_POINT;
    type Cipher = Inspecting;
    type KeyLen = <Aes128GcmSha256 as TlsCipherSuite>::KeyLen;
    type IvLen = <Aes128GcmSha256 as TlsCipherSuite>::IvLen;
    type Hash = <Aes128GcmSha256 as TlsCipherSuite>::Hash;
    type LabelBufferSize = <Aes128GcmSha256 as TlsCipherSuite>::LabelBufferSize;
}

/// AES-128-GCM; decrypts what is legal.
pub(super) struct Inspecting(Aes128Gcm);

impl KeySizeUser for Inspecting {
    type KeySize = <Aes128Gcm as KeySizeUser>::KeySize;
}

impl KeyInit for Inspecting {
    fn new(key: &Key<Self>) -> Self {
        Self(Aes128Gcm::new(key))
    }
}

impl AeadCore for Inspecting {
    type NonceSize = <Aes128Gcm as AeadCore>::NonceSize;
    type TagSize = <Aes128Gcm as AeadCore>::TagSize;
    type CiphertextOverhead = <Aes128Gcm as AeadCore>::CiphertextOverhead;
}

impl AeadInPlace for Inspecting {
    fn encrypt_in_place_detached(
        &self,
        nonce: &Nonce<Self>,
        header: &[u8],
        buffer: &mut [u8],
    ) -> aead::Result<Tag<Self>> {
        self.0.encrypt_in_place_detached(nonce, header, buffer)
    }

    fn decrypt_in_place_detached(
        &self,
        nonce: &Nonce<Self>,
        header: &[u8],
        buffer: &mut [u8],
        tag: &Tag<Self>,
    ) -> aead::Result<()> {
        let Ok([kind, v1, v2, l1, l2]) = <[u8; HEADER_LEN]>::try_from(header) else {
            return Err(aead::Error);
        };
        let established = [v1, v2] == ESTABLISHED;
        let [v1, v2] = LEGACY_VERSION;
        self.0.decrypt_in_place_detached(nonce, &[kind, v1, v2, l1, l2], buffer, tag)?;
        if is_legal(buffer, established) { Ok(()) } else { Err(aead::Error) }
    }

    fn decrypt_in_place(
        &self,
        nonce: &Nonce<Self>,
        header: &[u8],
        buffer: &mut dyn Buffer,
    ) -> aead::Result<()> {
        let length = buffer.len().checked_sub(size_of::<Tag<Self>>()).ok_or(aead::Error)?;
        let (content, tag) = buffer.as_mut().split_at_mut_checked(length).ok_or(aead::Error)?;
        let tag = Tag::<Self>::clone_from_slice(tag);
        self.decrypt_in_place_detached(nonce, header, content, &tag)?;
        buffer.truncate(length);
        Ok(())
    }
}

/// May this TLSInnerPlaintext (RFC 8446 §5.2) arrive in this phase?
fn is_legal(inner: &[u8], established: bool) -> bool {
    // Without any byte that is not padding there is no content type.
    let Some(end) = inner.iter().rposition(|&byte| byte != 0) else { return false };
    let Some((content, [kind, ..])) = inner.split_at_checked(end) else { return false };
    match *kind {
        content_type::APPLICATION_DATA => established,
        content_type::ALERT => content.len() == 2,
        content_type::HANDSHAKE => are_legal_messages(content, established),
        _ => false,
    }
}

/// One or more whole messages, each as long as what it holds. Fragments are refused, because embedded-tls does not put
/// them together; so is a Finished with anything behind it, which would be taken for part of the flight that the
/// Finished has closed (RFC 8446 §5.1). Within a record the messages of a flight stand in their order; from record to
/// record nothing is remembered here, and the gate sees to what matters.
fn are_legal_messages(mut content: &[u8], established: bool) -> bool {
    let mut place = 0;
    loop {
        let Some((&[kind, l1, l2, l3], rest)) = content.split_first_chunk() else { return false };
        let length = usize::try_from(u32::from_be_bytes([0, l1, l2, l3])).unwrap_or(usize::MAX);
        let Some((body, rest)) = rest.split_at_checked(length) else { return false };
        if after_fields(kind, body) != Some(&[]) {
            return false;
        }
        let next = match kind {
            handshake_type::ENCRYPTED_EXTENSIONS if !established => 1,
            handshake_type::CERTIFICATE_REQUEST if !established => 2,
            handshake_type::CERTIFICATE if !established => 3,
            handshake_type::CERTIFICATE_VERIFY if !established => 4,
            handshake_type::FINISHED if !established && rest.is_empty() => 5,
            // Any number of them.
            handshake_type::NEW_SESSION_TICKET if established => place + 1,
            _ => return false,
        };
        if next <= place {
            return false;
        }
        if rest.is_empty() {
            return true;
        }
        place = next;
        content = rest;
    }
}

/// What is left of a message after its fields (RFC 8446 §4); `None` if they reach beyond its end.
///
/// embedded-tls goes by the fields and not by the length: what was left over would be the next message to it, and
/// fields that reach too far would swallow one.
fn after_fields(kind: u8, body: &[u8]) -> Option<&[u8]> {
    match kind {
        handshake_type::ENCRYPTED_EXTENSIONS if selects_mqtt_or_nothing(body) => after_vector::<2>(body),
        handshake_type::CERTIFICATE_REQUEST => after_vector::<1>(body).and_then(after_vector::<2>),
        handshake_type::CERTIFICATE => after_vector::<1>(body).and_then(after_vector::<3>),
        handshake_type::CERTIFICATE_VERIFY => body.get(2..).and_then(after_vector::<2>),
        handshake_type::FINISHED => body.get(32..),
        handshake_type::NEW_SESSION_TICKET => {
            let nonce = body.get(8..)?;
            after_vector::<1>(nonce).and_then(after_vector::<2>).and_then(after_vector::<2>)
        }
        _ => None,
    }
}

/// Whether EncryptedExtensions select the protocol that was offered, or none (RFC 7301 §3.1). embedded-tls does not look.
///
/// A server that does not know ALPN selects none; one that selects another protocol takes us for somebody else.
fn selects_mqtt_or_nothing(body: &[u8]) -> bool {
    let Some((_, mut extensions)) = body.split_first_chunk::<2>() else { return false };
    while !extensions.is_empty() {
        let Some((&[k1, k2, l1, l2], rest)) = extensions.split_first_chunk() else { return false };
        let Some((value, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([l1, l2]))) else {
            return false;
        };
        if [k1, k2] == ALPN && value != MQTT_SELECTED {
            return false;
        }
        extensions = rest;
    }
    true
}

/// What follows a vector whose length takes `N` bytes.
fn after_vector<const N: usize>(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<N>()?;
    rest.get(length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))..)
}
