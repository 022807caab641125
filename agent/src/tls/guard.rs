//! The record guard: what lies between the network and embedded-tls.
//!
//! It hands up whole records of legal type and length, and nothing else; anything else shuts the connection for
//! good. Of the plain text that anything on the network path can send, only a ServerHello gets through, and only one in
//! which every choice is ours.
//!
//! A read may be dropped at any byte and taken up again: what has arrived stays here. A write that is dropped shuts
//! the connection, because whatever came next would be read as the rest of its record, and would be encrypted
//! under a nonce already used.

use core::future::ready;

use embassy_futures::select::{Either, select};
use embedded_io_async::{Error, ErrorKind, ErrorType, Read, Write};

use super::latch::Latch;
use super::record::{
    HEADER_LEN, LEGACY_VERSION, MIN_CIPHERTEXT, RecordFault, check_server_hello, content_type,
};
use super::suite::ESTABLISHED;

/// Buffers one incoming record in memory of the caller's; `buffer` is the longest record, header included.
pub(super) struct Guard<'b, T> {
    transport: T,
    buffer: &'b mut [u8],
    /// How much of the current record has arrived, in bytes.
    filled: usize,
    /// How much of it has been handed up; `None` until it is complete and checked.
    handed: Option<usize>,
    phase: Phase,
    /// A write has begun and not ended.
    writing: bool,
    latch: &'b Latch,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The answer to the ClientHello.
    ServerHello,
    /// One ChangeCipherSpec, for middleboxes (RFC 8446 appendix D.4), or encrypted records.
    Encrypting,
    /// Encrypted records of the server's handshake.
    Encrypted,
    /// Encrypted records after it: our own Finished, or what precedes it, has been sent.
    Established,
}

/// The connection is shut, or the transport failed just now. The [`Latch`] knows why.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection is shut")]
pub(super) struct Shut(ErrorKind);

impl Error for Shut {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

impl<'b, T: Read + Write> Guard<'b, T> {
    pub(super) const fn new(transport: T, buffer: &'b mut [u8], latch: &'b Latch) -> Self {
        Self { transport, buffer, filled: 0, handed: None, phase: Phase::ServerHello, writing: false, latch }
    }

    fn shut(&self, fault: RecordFault) -> Shut {
        self.latch.shut(fault);
        Shut(ErrorKind::Other)
    }

    fn failed(&self, error: &T::Error) -> Shut {
        self.latch.shut(RecordFault::Transport);
        Shut(error.kind())
    }

    fn check(&self) -> Result<(), Shut> {
        if self.writing {
            return Err(self.shut(RecordFault::Interrupted));
        }
        match self.latch.fault() {
            Some(fault) => Err(self.shut(fault)),
            None => Ok(()),
        }
    }

    /// Completes the current record, one that is handed up. Everything it knows is in `self` whenever it waits.
    async fn complete(&mut self) -> Result<(), Shut> {
        loop {
            self.receive(HEADER_LEN).await?;
            let end = self.check_header().map_err(|fault| self.shut(fault))?;
            self.receive(end).await?;
            if self.admit().map_err(|fault| self.shut(fault))? {
                self.handed = Some(0);
                return Ok(());
            }
            self.filled = 0;
        }
    }

    /// Waits until `end` bytes of the record have arrived, and reads none beyond.
    async fn receive(&mut self, end: usize) -> Result<(), Shut> {
        while self.filled < end {
            let Some(room) = self.buffer.get_mut(self.filled..end) else {
                return Err(self.shut(RecordFault::Length));
            };
            match self.transport.read(room).await {
                Ok(0) => return Err(self.shut(RecordFault::Ended)),
                Ok(arrived) => self.filled = self.filled.saturating_add(arrived).min(end),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    /// Fails if the broker has gone already, without having seen who we are: nothing it has read by now says that it
    /// does not want us. A device can need longer for its part of the handshake than a broker waits.
    async fn check_presence(&mut self) -> Result<(), Shut> {
        if self.handed.is_some_and(|handed| handed >= self.filled) {
            (self.filled, self.handed) = (0, None);
        }
        let Some(room) = self.buffer.get_mut(self.filled..HEADER_LEN).filter(|_| self.handed.is_none())
        else {
            return Ok(());
        };
        match select(self.transport.read(room), ready(())).await {
            Either::First(Ok(0) | Err(_)) => Err(self.shut(RecordFault::Ended)),
            Either::First(Ok(arrived)) => {
                self.filled = self.filled.saturating_add(arrived).min(HEADER_LEN);
                Ok(())
            }
            Either::Second(()) => Ok(()),
        }
    }

    /// Writes all of a record. To take nothing of the first that shows who we are is to be gone already, too.
    async fn write_whole(&mut self, record: &[u8]) -> Result<(), Shut> {
        let mut rest = record;
        while !rest.is_empty() {
            match self.transport.write(rest).await {
                Ok(0) => {
                    self.latch.shut(RecordFault::Transport);
                    return Err(Shut(ErrorKind::WriteZero));
                }
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(_) if self.introduces() && rest.len() == record.len() => {
                    return Err(self.shut(RecordFault::Ended));
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    /// Whether what goes out now is the first that shows the broker who we are.
    fn introduces(&self) -> bool {
        self.phase != Phase::Established && self.latch.is_showing()
    }

    /// Judges a record by its header, before a byte of its content is waited for. Returns where the record ends.
    fn check_header(&self) -> Result<usize, RecordFault> {
        let Some(&[kind, v1, v2, l1, l2]) = self.buffer.first_chunk::<HEADER_LEN>() else {
            return Err(RecordFault::Length);
        };
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        let legal_length = match (kind, self.phase) {
            (content_type::HANDSHAKE, Phase::ServerHello) => 1..=usize::MAX,
            (content_type::ALERT, Phase::ServerHello) => 2..=2,
            (content_type::CHANGE_CIPHER_SPEC, Phase::Encrypting) => 1..=1,
            (_, Phase::ServerHello) => return Err(RecordFault::NoServerHello),
            (content_type::APPLICATION_DATA, _) => MIN_CIPHERTEXT..=usize::MAX,
            _ => return Err(RecordFault::Plaintext),
        };
        if [v1, v2] != LEGACY_VERSION {
            return Err(RecordFault::Version);
        }
        let end = HEADER_LEN + length;
        if legal_length.contains(&length) && end <= self.buffer.len() {
            Ok(end)
        } else {
            Err(RecordFault::Length)
        }
    }

    /// Judges a complete record and moves on. `false` if it is to be dropped.
    fn admit(&mut self) -> Result<bool, RecordFault> {
        let Some((header, content)) = self
            .buffer
            .get_mut(..self.filled)
            .and_then(|record| record.split_first_chunk_mut::<HEADER_LEN>())
        else {
            return Err(RecordFault::Length);
        };
        let [kind, version @ .., _, _] = header;
        match (*kind, self.phase) {
            (content_type::ALERT, _) => {
                Err(RecordFault::Alert { description: content.last().copied().unwrap_or_default() })
            }
            (content_type::HANDSHAKE, _) => {
                check_server_hello(content)?;
                self.phase = Phase::Encrypting;
                Ok(true)
            }
            (content_type::CHANGE_CIPHER_SPEC, _) if *content != [1] => Err(RecordFault::Plaintext),
            (content_type::CHANGE_CIPHER_SPEC, _) => {
                self.phase = Phase::Encrypted;
                Ok(false)
            }
            (_, Phase::Established) => {
                // Tells the cipher, which sees the header, that the handshake is over.
                *version = ESTABLISHED;
                Ok(true)
            }
            _ => {
                self.phase = Phase::Encrypted;
                Ok(true)
            }
        }
    }

    /// embedded-tls writes whole records: first a ClientHello, then encrypted ones.
    fn check_outgoing(&self, record: &[u8]) -> Result<(), RecordFault> {
        let kind = match self.phase {
            Phase::ServerHello => content_type::HANDSHAKE,
            _ => content_type::APPLICATION_DATA,
        };
        match record {
            [first, _, _, l1, l2, content @ ..]
                if *first == kind && usize::from(u16::from_be_bytes([*l1, *l2])) == content.len() =>
            {
                Ok(())
            }
            _ => Err(RecordFault::Outgoing),
        }
    }
}

impl<T: Read + Write> ErrorType for Guard<'_, T> {
    type Error = Shut;
}

impl<T: Read + Write> Read for Guard<'_, T> {
    /// Never waits in the middle of a record: embedded-tls keeps what it has of one in a future that may be dropped.
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Shut> {
        self.check()?;
        let handed = match self.handed {
            Some(handed) if handed < self.filled => handed,
            Some(_) => {
                (self.filled, self.handed) = (0, None);
                self.complete().await?;
                0
            }
            None => {
                self.complete().await?;
                0
            }
        };
        let rest = self.buffer.get(handed..self.filled).unwrap_or_default();
        let length = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        self.handed = Some(handed + length);
        Ok(length)
    }
}

impl<T: Read + Write> Write for Guard<'_, T> {
    async fn write(&mut self, record: &[u8]) -> Result<usize, Shut> {
        self.check()?;
        if record.first() == Some(&content_type::CHANGE_CIPHER_SPEC) {
            // An alert in plain text, for which embedded-tls uses the wrong type. It goes nowhere; the error that it
            // is about comes back to us all the same.
            return Ok(record.len());
        }
        self.check_outgoing(record).map_err(|fault| self.shut(fault))?;
        if self.introduces() {
            self.check_presence().await?;
        }
        self.writing = true;
        let written = self.write_whole(record).await;
        self.writing = false;
        written?;
        if self.phase != Phase::ServerHello {
            self.phase = Phase::Established;
        }
        Ok(record.len())
    }

    async fn flush(&mut self) -> Result<(), Shut> {
        self.check()?;
        let flushed = self.transport.flush().await;
        flushed.map_err(|error| self.failed(&error))
    }
}
