//! Shared subscriptions (MQTT 5 §4.8.2): every message goes to one member of a group.
//!
//! A [`Group`] has a queue, and its members take from it: only those that are connected and have room, the longest idle
//! one first. A message leaves the queue under a lock, so no two members get it; nothing is a member's before it is about
//! to be sent, so nothing is lost when members come and go. Publishers put messages into the queue themselves, after
//! they have handed them to the engine, which knows nothing of groups.
//!
//! What was sent to a member and not acknowledged stays in its session, and is sent to it again when it is back. If its
//! session ends instead, the messages of QoS 1 go back to the front of the queue; those of QoS 2 must not go to anybody
//! else [MQTT-4.8.2-5].

mod group;
mod memberships;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

pub(crate) use group::{Group, Member};
pub(crate) use memberships::Memberships;

use super::memory::Memory;
use super::queue_limits::QueueLimits;
use crate::bus::BusFilter;
use crate::engine::Message;
use authenticator::policy::{TopicFilter, TopicName};

/// Groups at once: each may keep as much as an absent client, and every publisher looks through some of them.
const MAX_GROUPS: usize = 1024;

/// All groups with members.
#[derive(Debug)]
pub(crate) struct Groups {
    sorted: RwLock<Sorted>,
    /// What their queues may take, with those of all sessions.
    memory: Arc<Memory>,
}

/// By bus filter, so that a publisher looks at few.
#[derive(Debug, Default)]
struct Sorted {
    by_bus: HashMap<BusFilter, Vec<Arc<Group>>>,
    count: usize,
}

/// Why a group cannot be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoGroup {
    /// There is no room for another one.
    Full,
    /// The filter is no shared one.
    NotShared,
}

impl Groups {
    /// No groups yet.
    pub(super) fn new(memory: Arc<Memory>) -> Self {
        Self { sorted: RwLock::default(), memory }
    }

    /// Whether no message can be for any.
    pub(crate) fn is_empty(&self) -> bool {
        self.sorted.read().count == 0
    }

    /// Queues a message for every group that asked for it; returns how many had no room.
    pub(crate) fn offer(&self, message: &Message) -> u64 {
        let Ok(name) = TopicName::new(&message.topic) else { return 0 };
        let sorted = self.sorted.read();
        let candidates = BusFilter::letting_through(&message.topic);
        let candidates = candidates.iter().filter_map(|bus| sorted.by_bus.get(bus)).flatten();
        let wanting = candidates.filter(|group| group.wants(&name));
        wanting.map(|group| u64::from(group.push(message.detached()).is_err())).sum()
    }

    /// Adds a member to the group of a shared filter, which is made if there is none. `limits` are a new group's.
    fn join(&self, filter: &TopicFilter<'static>, limits: QueueLimits) -> Result<Arc<Group>, NoGroup> {
        let new = Group::new(filter, limits, self.memory.allowance()).ok_or(NoGroup::NotShared)?;
        let bus = BusFilter::of(new.asked().as_str());
        let mut sorted = self.sorted.write();
        let mut present = sorted.by_bus.get(&bus).into_iter().flatten();
        if let Some(group) = present.find(|group| group.is_of(filter)) {
            group.joined();
            return Ok(Arc::clone(group));
        }
        if sorted.count >= MAX_GROUPS {
            return Err(NoGroup::Full);
        }
        let group = Arc::new(new);
        group.joined();
        sorted.by_bus.entry(bus).or_default().push(Arc::clone(&group));
        sorted.count += 1;
        Ok(group)
    }

    /// Takes a member out of its group, which ends with its last; returns how many messages end with it.
    fn leave(&self, group: &Arc<Group>, member: &Member) -> usize {
        let mut sorted = self.sorted.write();
        let Some(lost) = group.left(member) else { return 0 };
        let bus = BusFilter::of(group.asked().as_str());
        let Some(groups) = sorted.by_bus.get_mut(&bus) else { return lost };
        let before = groups.len();
        groups.retain(|other| !Arc::ptr_eq(other, group));
        let gone = before - groups.len();
        if groups.is_empty() {
            sorted.by_bus.remove(&bus);
        }
        sorted.count -= gone;
        lost
    }
}

#[cfg(test)]
mod tests;
