//! One client's connection: packets in, packets out, and a deadline for everything half done.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::timeout;

use crate::limits::ConnectionLimits;
use crate::reader::Reader;
use crate::transport::Transport;
use crate::wire::{Malformed, Oversize, Wire};
use crate::writer::Writer;
use crate::{Packet, Version};

/// Splits a fresh transport.
pub fn open(transport: Box<dyn Transport>, limits: &Arc<ConnectionLimits>) -> (Reader, Writer) {
    let (read, write) = tokio::io::split(transport);
    (Reader::new(read, Arc::clone(limits)), Writer::new(write, Arc::clone(limits)))
}

/// A connection whose CONNECT has been read.
pub struct Connection {
    /// The receiving side.
    pub reader: Reader,
    /// The sending side.
    pub writer: Writer,
    wire: Wire,
}

impl Connection {
    /// Puts the sides together, with the codec of the version that CONNECT named.
    pub fn new(reader: Reader, writer: Writer, wire: Wire) -> Self {
        Self { reader, writer, wire }
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.wire.version()
    }

    /// The longest packet that is read, in bytes.
    pub fn max_packet_size(&self) -> usize {
        self.reader.max_packet_size()
    }

    /// Decodes one whole packet.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(&mut self, frame: BytesMut) -> Result<Packet, Malformed> {
        self.wire.decode(frame)
    }

    /// Puts a packet into the buffer.
    ///
    /// # Errors
    /// It is longer than the client accepts.
    pub fn send(&mut self, packet: Packet) -> Result<(), Oversize> {
        self.wire.encode(packet, self.writer.buffer())
    }

    /// Sends a last packet and closes, within `deadline`: a client that reads nothing must not keep its session.
    pub async fn close(mut self, last: Option<Packet>, deadline: Duration) {
        if let Some(packet) = last {
            // A last packet that is too long for the client is left out.
            let _ = self.send(packet);
        }
        // Past the deadline the connection is closed all the same.
        let _ = timeout(deadline, self.writer.finish()).await;
    }
}
