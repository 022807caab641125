//! [`Memberships`]: the shared subscriptions of one session.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::time::Instant;

use super::group::{Group, Member};
use super::{Groups, NoGroup};
use crate::session::outbox::Delivery;
use crate::session::queue_limits::QueueLimits;
use authenticator::policy::TopicFilter;
use mqtt::SubscriptionOptions;

/// The shared subscriptions of one session. They end with the value.
#[derive(Debug)]
pub(crate) struct Memberships {
    groups: Arc<Groups>,
    member: Member,
    /// The group that is asked first comes first.
    list: Vec<Membership>,
    /// Whether no group will wake this member.
    rests: bool,
}

#[derive(Debug)]
struct Membership {
    group: Arc<Group>,
    options: SubscriptionOptions,
    /// The Subscription Identifier, if the client gave one.
    id: Option<NonZeroU32>,
}

impl Memberships {
    pub(crate) fn new(groups: Arc<Groups>) -> Self {
        Self { groups, member: Member::default(), list: Vec::new(), rests: true }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn contains(&self, filter: &TopicFilter<'_>) -> bool {
        self.list.iter().any(|membership| membership.group.is_of(filter))
    }

    /// Joins a group, or gives its membership other options and another id. `limits` are a new group's.
    pub(crate) fn join(
        &mut self,
        filter: &TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
        limits: QueueLimits,
    ) -> Result<(), NoGroup> {
        if let Some(present) = self.list.iter_mut().find(|membership| membership.group.is_of(filter)) {
            (present.options, present.id) = (options, id);
            return Ok(());
        }
        let group = self.groups.join(filter, limits)?;
        self.list.push(Membership { group, options, id });
        Ok(())
    }

    /// Leaves a group. `false` if it was in none of that filter.
    pub(crate) fn leave(&mut self, filter: &TopicFilter<'_>) -> bool {
        let before = self.list.len();
        self.retain(|other| other.as_str() != filter.as_str());
        self.list.len() < before
    }

    /// Leaves the groups whose filters are not `allowed`; returns how many messages no member is left for.
    pub(crate) fn retain(&mut self, allowed: impl Fn(&TopicFilter<'static>) -> bool) -> usize {
        let mut lost = 0;
        self.list.retain(|membership| {
            let stays = allowed(membership.group.filter());
            if !stays {
                lost += self.groups.leave(&membership.group, &self.member);
            }
            stays
        });
        lost
    }

    /// Whether nothing waits in any of the groups.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.iter().all(|membership| membership.group.is_empty())
    }

    /// Takes a message from one of the groups, each in its turn. The [`member`](Self::member) is woken for the next.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Delivery> {
        self.rests = false;
        let mut found = self.list.iter().enumerate();
        let (index, delivery) =
            found.find_map(|(index, membership)| Some((index, membership.take(&self.member, now)?)))?;
        // Those after it are asked first the next time.
        self.list.rotate_left(index + 1);
        Some(delivery)
    }

    /// Has no room for messages, or no client to send them to.
    pub(crate) fn rest(&mut self) {
        if !self.rests {
            self.list.iter().for_each(|membership| membership.group.rests(&self.member));
            self.rests = true;
        }
    }

    /// What is woken when there may be something to take.
    pub(crate) fn member(&self) -> Member {
        self.member.clone()
    }
}

impl Membership {
    fn take(&self, member: &Member, now: Instant) -> Option<Delivery> {
        let message = self.group.take(member, now)?;
        Some(Delivery {
            qos: self.options.qos.less_value(message.qos),
            retain: self.options.retain_as_published && message.retain,
            subscription_ids: self.id.into_iter().collect(),
            group: Some(Arc::clone(&self.group)),
            message,
        })
    }
}

impl Drop for Memberships {
    fn drop(&mut self) {
        self.retain(|_| false);
    }
}
