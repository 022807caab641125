//! What a server does, step by step, as bytes.

use serde::{Deserialize, Serialize};

/// A step of a server that holds the secrets of the handshake it has begun.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Step<'a> {
    /// Sends a ServerHello in a record of its own. What it seals from then on is under the secrets that follow.
    Hello(#[serde(borrow)] Edit<'a>),
    /// Adds a message to the flight. What is changed is its body; its length is set right.
    Add(Message<'a>, Edit<'a>),
    /// Seals the flight as content of a type, with zeros behind it, and sends it.
    Send { kind: u8, padding: u8 },
    /// Seals and sends so many bytes of the flight.
    SendPart(u16),
    /// Seals and sends an inner plain text.
    Seal(&'a [u8]),
    /// Sends a record in plain text.
    Plain(u8, &'a [u8]),
    /// Sends bytes.
    Raw(&'a [u8]),
    /// Sends the last record again.
    Again(Edit<'a>),
    /// What it seals from then on is under the secrets of the application.
    Establish,
}

/// A message as an honest server would send it, and others.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Message<'a> {
    EncryptedExtensions,
    CertificateRequest,
    /// Certificates by their place among those the server has.
    Certificate(&'a [u8]),
    /// Signed by one of those, over what was said so far.
    CertificateVerify {
        signer: u8,
        scheme: u16,
    },
    Finished,
    Other(u8, &'a [u8]),
}

/// Bytes in place of others.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Edit<'a> {
    pub(super) at: u16,
    pub(super) remove: u8,
    pub(super) insert: &'a [u8],
}

impl Edit<'_> {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        let start = usize::from(self.at).min(bytes.len());
        let end = (start + usize::from(self.remove)).min(bytes.len());
        bytes.splice(start..end, self.insert.iter().copied());
    }
}

/// The steps, as postcard writes them. What is no step is passed over.
pub(super) fn read(mut bytes: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while steps.len() < MAX_STEPS && !bytes.is_empty() {
        match postcard::take_from_bytes(bytes) {
            Ok((step, rest)) => {
                steps.push(step);
                bytes = rest;
            }
            Err(_) => bytes = &bytes[1..],
        }
    }
    steps
}

/// Enough for two handshakes.
const MAX_STEPS: usize = 32;

pub(super) fn write(steps: &[Step<'_>]) -> Vec<u8> {
    let write = |bytes, step| postcard::to_extend(step, bytes).expect("memory takes it");
    steps.iter().fold(Vec::new(), write)
}
