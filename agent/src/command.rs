//! Commands: messages that ask a device to do something.

use device_identity::{Channel, DeviceId, Topic};

use crate::mqtt::Publish;

/// A message on `devices/<id>/commands/…`.
///
/// It comes at least once: if the connection breaks after the command is carried out and before its acknowledgement, it
/// comes again. A command that must not be carried out twice needs an id that the device remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// What follows `commands/` in the topic, and what [its result](crate::telemetry::Queue::publish_result) goes by.
    pub id: &'a str,
    /// What the device is to do; its format is the application's.
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
    pub(crate) fn id_in(topic: &'a str, device_id: &DeviceId) -> Option<&'a str> {
        let topic = Topic::parse(topic).ok().filter(|topic| topic.device_id() == device_id)?;
        match topic.channel() {
            Channel::Commands(id) => Some(id),
            _ => None,
        }
    }
}
