//! [`Group`]: a queue, and members that take from it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use mqtt::count::Total;

use crate::engine::Message;
use crate::session::memory::{Allowance, Share};
use crate::session::queue_limits::{Dropped, QueueLimits};
use authenticator::policy::{TopicFilter, TopicName};

/// A session, as its groups know it: it is woken when there is something to take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member(Arc<Notify>);

impl Member {
    /// Waits until a group has something. Cancelling the future loses nothing.
    pub(crate) async fn woken(&self) {
        self.0.notified().await;
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// All sessions that have subscribed to the same share name and filter.
#[derive(Debug)]
pub(crate) struct Group {
    /// The whole of it, `$share/…`.
    filter: TopicFilter<'static>,
    /// The filter in it.
    asked: TopicFilter<'static>,
    limits: QueueLimits,
    allowance: Allowance,
    state: Mutex<State>,
}

/// A message, and its share of the memory that all queues have.
#[derive(Debug)]
struct Held {
    message: Message,
    _share: Share,
}

/// If there is something in the queue, no member is idle, or one was woken that has not answered yet: by taking it,
/// or by saying that it has no room.
#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Held>,
    bytes: usize,
    /// Members that have taken something, or found nothing, in that order.
    idle: VecDeque<Member>,
    members: usize,
    /// Messages dropped for want of room.
    dropped: Total,
    /// What the latest of them was for.
    dropped_topic: String,
}

impl State {
    fn wake(&mut self) {
        if let Some(member) = self.idle.pop_front() {
            member.0.notify_one();
        }
    }

    fn pop(&mut self) -> Option<Message> {
        let message = self.queue.pop_front()?.message;
        self.bytes -= message.weight();
        Some(message)
    }

    /// It is not idle any more.
    fn rouse(&mut self, member: &Member) {
        self.idle.retain(|idle| !idle.is(member));
    }
}

impl Group {
    /// A group without members. `None` if `filter` is no shared one.
    pub(super) fn new(
        filter: &TopicFilter<'static>,
        limits: QueueLimits,
        allowance: Allowance,
    ) -> Option<Self> {
        let asked = filter.shared()?.filter.into_owned();
        Some(Self { filter: filter.clone(), asked, limits, allowance, state: Mutex::default() })
    }

    pub(super) fn filter(&self) -> &TopicFilter<'static> {
        &self.filter
    }

    pub(super) fn asked(&self) -> &TopicFilter<'static> {
        &self.asked
    }

    pub(super) fn is_of(&self, filter: &TopicFilter<'_>) -> bool {
        self.filter.as_str() == filter.as_str()
    }

    pub(super) fn wants(&self, topic: &TopicName<'_>) -> bool {
        self.asked.matches(topic)
    }

    pub(super) fn joined(&self) {
        self.state.lock().members += 1;
    }

    /// A member is gone. If it was the last, how many messages no member will get any more.
    pub(super) fn left(&self, member: &Member) -> Option<usize> {
        self.rests(member);
        let mut state = self.state.lock();
        state.members -= 1;
        if state.members == 0
            && let Some(dropped) = state.dropped.unlogged()
        {
            self.log_dropped(dropped, &state.dropped_topic);
        }
        (state.members == 0).then(|| state.queue.len())
    }

    fn log_dropped(&self, dropped: u64, topic: &str) {
        tracing::warn!(
            group = self.filter.as_str(),
            topic,
            dropped,
            "messages are dropped: the queue of a shared subscription is full"
        );
    }

    /// Whether nothing waits for its members.
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    /// Queues a message for the member that takes it first.
    pub(super) fn push(&self, message: Message) -> Result<(), Dropped> {
        let mut state = self.state.lock();
        let weight = message.weight();
        let share = if state.queue.len() >= self.limits.messages || state.bytes + weight > self.limits.bytes {
            Err(Dropped::Queue)
        } else {
            self.allowance.take(weight).ok_or(Dropped::Memory)
        };
        let share = share.inspect_err(|_| {
            state.dropped_topic.clear();
            state.dropped_topic.push_str(&message.topic);
            if let Some(dropped) = state.dropped.add(1) {
                self.log_dropped(dropped, &state.dropped_topic);
            }
        })?;
        state.bytes += weight;
        state.queue.push_back(Held { message, _share: share });
        state.wake();
        Ok(())
    }

    /// Queues, before all others, a message that a member had taken, and the room it has.
    pub(in crate::session) fn give_back(&self, message: Message, share: Share) {
        let mut state = self.state.lock();
        state.bytes += message.weight();
        state.queue.push_front(Held { message, _share: share });
        state.wake();
    }

    /// The next message, if there is one. Either way `member` is the last in the line of those that are woken for
    /// another, unless it says that it [`rests`](Self::rests).
    pub(super) fn take(&self, member: &Member, now: Instant) -> Option<Message> {
        let mut state = self.state.lock();
        state.rouse(member);
        state.idle.push_back(member.clone());
        let message = std::iter::from_fn(|| state.pop()).find(|message| message.remaining(now).is_ok());
        if !state.queue.is_empty() {
            state.wake();
        }
        message
    }

    /// A member has no room, or no client: what is there is for another.
    pub(super) fn rests(&self, member: &Member) {
        let mut state = self.state.lock();
        state.rouse(member);
        if !state.queue.is_empty() {
            state.wake();
        }
    }
}
