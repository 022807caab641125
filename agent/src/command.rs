//! What the fleet asks of the device.

use device_identity::{Channel, DeviceId, Topic};

use crate::mqtt::Publish;

/// A message on `devices/<id>/commands/…`.
///
/// At least once: a connection that breaks between the deed and its acknowledgement brings the command again. What must
/// not be done twice needs an id that the device remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// What follows `commands/` in the topic, and what [its result](crate::telemetry::Queue::publish_result) goes by.
    pub id: &'a str,
    /// What to do.
    pub payload: &'a [u8],
    /// The broker has sent it before, and cannot know whether it arrived.
    pub duplicate: bool,
}

impl<'a> Command<'a> {
    /// The command in a message, or `None` if it is no command for `device_id`.
    pub fn of(publish: &Publish<'a>, device_id: &DeviceId) -> Option<Self> {
        let id = Self::id_in(publish.topic, device_id)?;
        Some(Self { id, payload: publish.payload, duplicate: publish.dup })
    }

    /// The id in the topic of a command, or `None` if it is no topic of commands for `device_id`.
    pub fn id_in(topic: &'a str, device_id: &DeviceId) -> Option<&'a str> {
        let topic = Topic::parse(topic).ok().filter(|topic| topic.device_id() == device_id)?;
        match topic.channel() {
            Channel::Commands(id) => Some(id),
            _ => None,
        }
    }
}
