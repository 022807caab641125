//! Whether a transcript of the server is an honest handshake, decided from the transcript alone and from nothing that the
//! client did with it.

use adversary::keys::{Secret, verify_data};
use adversary::pki::Certified;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, SigningKey};
use sha2::{Digest as _, Sha256};

use crate::fleet::fleet;
use crate::hello::is_server_hello;

/// What a server said, and the client's first words.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// The ClientHello, without its record.
    pub(super) client_hello: Vec<u8>,
    pub(super) said: Vec<Said>,
    /// The server's handshake traffic secret after its first ServerHello.
    pub(super) secret: Option<Secret>,
}

#[derive(Clone, Debug)]
pub(super) enum Said {
    /// Bytes in plain text, which anything on the path could have sent.
    Bytes(Vec<u8>),
    /// A record under the secrets of the handshake, or of the application.
    Sealed { inner: Vec<u8>, established: bool },
}

/// A message of the handshake: all of it, and its body.
struct Message<'t> {
    kind: u8,
    whole: &'t [u8],
    body: &'t [u8],
}

impl Transcript {
    /// The application data that a client may deliver; `None` if it may not authenticate the server at all.
    ///
    /// One ServerHello, perhaps a ChangeCipherSpec, and under the secrets that follow: the broker's Certificate, a
    /// CertificateVerify of its key over everything up to that, Finished over everything, and a CertificateRequest
    /// somewhere before. Where that is, and EncryptedExtensions, only the holder of the key can choose.
    pub(super) fn believable(&self) -> Option<Vec<u8>> {
        let sealed = self.said.iter().position(|said| matches!(said, Said::Sealed { .. }))?;
        let (open, mut sealed) = self.said.split_at(sealed);
        let hello = server_hello(open)?;

        let mut messages = Vec::new();
        while messages.last().is_none_or(|message: &Message<'_>| message.kind != 20) {
            let (Said::Sealed { inner, established: false }, rest) = sealed.split_first()? else {
                return None;
            };
            let (22, content) = content(inner)? else { return None };
            messages.extend(split(content)?);
            sealed = rest;
        }
        let place = |kind| messages.iter().position(|message| message.kind == kind);
        let hash_before = |count: usize| {
            let hash = Sha256::new().chain_update(&self.client_hello).chain_update(&hello);
            messages[..count].iter().fold(hash, |hash, message| hash.chain_update(message.whole)).finalize()
        };
        let essential: Vec<_> =
            messages.iter().map(|message| message.kind).filter(|kind| ![8, 13].contains(kind)).collect();
        let (certificate, proof, finished) = (place(11)?, place(15)?, place(20)?);
        let honest = essential == [11, 15, 20]
            && place(13).is_some()
            && is_of_the_broker(messages[certificate].body)?
            && is_proof(messages[proof].body, &fleet().broker, &hash_before(certificate + 1))?
            && messages[finished].body == verify_data(&self.secret?, hash_before(finished).into());
        honest.then(|| application_data(sealed))
    }
}

/// The one ServerHello that was said in the open, as a message.
fn server_hello(said: &[Said]) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = said
        .iter()
        .flat_map(|said| match said {
            Said::Bytes(bytes) => bytes.clone(),
            Said::Sealed { .. } => Vec::new(),
        })
        .collect();
    let message = bytes.strip_suffix(&[20, 3, 3, 0, 1, 1]).unwrap_or(&bytes);
    let message = message.strip_prefix(&[22, 3, 3, 0, 123])?;
    is_server_hello(message).then(|| message.to_vec())
}

/// Type and content of an inner plain text.
fn content(inner: &[u8]) -> Option<(u8, &[u8])> {
    let end = inner.iter().rposition(|byte| *byte != 0)?;
    Some((inner[end], &inner[..end]))
}

/// Whole messages, one at least.
fn split(mut content: &[u8]) -> Option<Vec<Message<'_>>> {
    let mut messages = Vec::new();
    while messages.is_empty() || !content.is_empty() {
        let (&[kind, l1, l2, l3], rest) = content.split_first_chunk()?;
        let length = u32::from_be_bytes([0, l1, l2, l3]) as usize;
        let (body, after) = rest.split_at_checked(length)?;
        messages.push(Message { kind, whole: &content[..4 + length], body });
        content = after;
    }
    Some(messages)
}

/// Whether a Certificate is the broker's, and has its issuer among the first four.
fn is_of_the_broker(body: &[u8]) -> Option<bool> {
    let (&context, rest) = body.split_first()?;
    let (&[l1, l2, l3], mut list) = rest.get(usize::from(context)..)?.split_first_chunk()?;
    if list.len() != u32::from_be_bytes([0, l1, l2, l3]) as usize {
        return None;
    }
    let mut sent = Vec::new();
    while let Some((&[l1, l2, l3], rest)) = list.split_first_chunk() {
        let (der, rest) = rest.split_at_checked(u32::from_be_bytes([0, l1, l2, l3]) as usize)?;
        let (&[l1, l2], rest) = rest.split_first_chunk()?;
        list = rest.get(usize::from(u16::from_be_bytes([l1, l2]))..)?;
        sent.push(der);
    }
    let fleet = fleet();
    let issuers = sent.get(1..4.min(sent.len()))?;
    Some(sent[0] == fleet.broker.der && issuers.contains(&fleet.broker_issuing.der.as_slice()))
}

/// Whether a CertificateVerify is of this key over this hash.
fn is_proof(body: &[u8], signer: &Certified, hash: &[u8]) -> Option<bool> {
    let (&[4, 3, l1, l2], signature) = body.split_first_chunk()? else { return None };
    if signature.len() != usize::from(u16::from_be_bytes([l1, l2])) {
        return None;
    }
    let signed = [&[b' '; 64][..], b"TLS 1.3, server CertificateVerify\0", hash].concat();
    let key = SigningKey::from_slice(&signer.scalar()).ok()?;
    let signature = DerSignature::from_bytes(signature).ok()?;
    Some(key.verifying_key().verify(&signed, &signature).is_ok())
}

/// What comes before the first thing that may not.
fn application_data(said: &[Said]) -> Vec<u8> {
    let mut data = Vec::new();
    for said in said {
        let Said::Sealed { inner, established: true } = said else { break };
        match content(inner) {
            Some((23, content)) => data.extend_from_slice(content),
            Some((22, content)) if split(content).is_some_and(|all| all.iter().all(|one| one.kind == 4)) => {}
            _ => break,
        }
    }
    data
}
