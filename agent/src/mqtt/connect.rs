//! CONNECT (MQTT 5 §3.1).

use core::fmt;

use super::error::Overflow;
use super::property::{MAXIMUM_PACKET_SIZE, RECEIVE_MAXIMUM, SESSION_EXPIRY_INTERVAL};
use super::wire::Writer;

/// User name and password never; a will, QoS 1 and retained, always.
const FLAG_WILL: u8 = 0b0000_0100;
const FLAG_WILL_QOS_1: u8 = 0b0000_1000;
const FLAG_WILL_RETAIN: u8 = 0b0010_0000;

/// What the broker publishes when a session ends without DISCONNECT: retained, QoS 1.
#[derive(Clone, Copy, Debug)]
pub struct Will<'a, T> {
    /// The topic.
    pub topic: &'a T,
    /// The payload.
    pub payload: &'a [u8],
}

/// The beginning of a session, or its continuation: Clean Start is always 0, so that what waits for the device at the
/// broker outlives a reboot.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a, T> {
    /// The device id.
    pub client_id: &'a str,
    /// Seconds.
    pub keep_alive: u16,
    /// How long the broker keeps the session of a device that is away, seconds.
    pub session_expiry: u32,
    /// The most commands that may be unacknowledged.
    pub receive_maximum: u16,
    /// The longest packet that is taken, bytes.
    pub maximum_packet_size: u32,
    /// Its last will.
    pub will: Will<'a, T>,
}

impl<T: fmt::Display> Connect<'_, T> {
    /// Writes the packet to `buffer`.
    pub fn encode<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Overflow> {
        let mut packet = Writer::new(buffer);
        packet.binary(b"MQTT");
        packet.byte(5);
        packet.byte(FLAG_WILL | FLAG_WILL_QOS_1 | FLAG_WILL_RETAIN);
        packet.u16(self.keep_alive);
        packet.variable(5 + 3 + 5);
        packet.byte(SESSION_EXPIRY_INTERVAL);
        packet.u32(self.session_expiry);
        packet.byte(RECEIVE_MAXIMUM);
        packet.u16(self.receive_maximum);
        packet.byte(MAXIMUM_PACKET_SIZE);
        packet.u32(self.maximum_packet_size);
        packet.binary(self.client_id.as_bytes());
        packet.variable(0);
        packet.text(self.will.topic);
        packet.binary(self.will.payload);
        packet.finish(0x10, 0)
    }
}
