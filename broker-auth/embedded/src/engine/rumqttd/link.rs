//! [`RouterLink`]: the receiving end of one session.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};

use rumqttd::Notification;
use rumqttd::local::LinkRx;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::bounds::ANSWER_TIMEOUT;
use super::control::{Attached, Control, LinkId};
use super::pace::{Pace, Reader};
use super::tail::Tail;
use crate::bus::BusFilter;
use crate::engine::envelope::Envelopes;
use crate::engine::{EngineError, Message};

/// What comes out of a [`RouterLink`].
#[derive(Debug)]
pub(crate) struct RouterDelivery {
    /// The message; `None` if only a gap is reported.
    pub(crate) message: Option<Message>,
    /// Its place in the order of publishing, in which every subscription brings its messages.
    pub(crate) place: u64,
    /// Which of the link's subscriptions let it through.
    pub(crate) filter: BusFilter,
    /// How many messages this subscription has lost just before, at least: the router's log had no room for them until
    /// this session was ready.
    pub(crate) lost: u64,
}

/// What links are made with.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) control: mpsc::Sender<Control>,
    pub(super) envelopes: Envelopes,
    pub(super) pace: Arc<Pace>,
    pub(super) tail: Arc<Tail>,
}

/// One session's link to the engine. Dropping it disconnects it.
pub(crate) struct RouterLink {
    link: LinkId,
    /// Always there until the link is dropped.
    receive: Option<LinkRx>,
    exchange: Exchange,
    subscriptions: HashMap<usize, Subscribed>,
    next_id: usize,
    /// The router has paused this link and does not know yet that there is room again.
    paused: bool,
    /// Whether the router knows of all subscriptions.
    serves: bool,
    /// What a router that died had not delivered.
    caught_up: VecDeque<RouterDelivery>,
}

struct Subscribed {
    filter: BusFilter,
    /// How far it has come, for the publish thread.
    reader: Reader,
    /// The mark of the last message that was read, or of the last before it subscribed.
    read: u64,
    /// Up to this mark it has everything, from the tail; what the router brings of it again is dropped.
    caught_up_to: u64,
    /// What was published up to this mark may have come too early for it, and is not missed.
    owed_after: u64,
    /// The position in the router's log of the next message, once one was seen.
    next: Option<u64>,
}

impl Subscribed {
    /// How many messages were lost just before this one, at least. It notes how far the router has come.
    fn lost_before(&mut self, position: Option<u64>, mark: u64, message: Option<&Message>) -> u64 {
        let first = self.next.is_none();
        let lost = match (self.next, position) {
            (Some(next), Some(position)) => position.saturating_sub(next),
            _ => 0,
        };
        self.next = position.map(|position| position + 1).or(self.next);
        let weight = message.map_or(0, |message| u64::try_from(message.weight()).unwrap_or(u64::MAX));
        // The log may have been too short before it was read for the first time.
        if first && mark.saturating_sub(weight) > self.owed_after { lost.max(1) } else { lost }
    }
}

impl RouterLink {
    /// A link without subscriptions.
    pub(super) async fn new(exchange: Exchange) -> Result<Self, EngineError> {
        let Attached { link, receive } = attach(&exchange.control).await?;
        Ok(Self {
            link,
            receive: Some(receive),
            exchange,
            subscriptions: HashMap::new(),
            next_id: 1,
            paused: false,
            serves: true,
            caught_up: VecDeque::new(),
        })
    }

    /// Also receives what `filter` lets through. Everything published after this returned will arrive.
    pub(crate) async fn subscribe(&mut self, filter: &BusFilter) -> Result<(), EngineError> {
        if self.subscriptions.values().any(|subscribed| subscribed.filter == *filter) {
            return Ok(());
        }
        let id = self.next_id;
        self.next_id += 1;
        let reader = self.exchange.pace.read(*filter);
        let read = reader.published();
        let mut subscribed =
            Subscribed { filter: *filter, reader, read, caught_up_to: 0, owed_after: 0, next: None };
        let done = match self.ask(vec![(*filter, id)]).await {
            // The router has died; the next one is asked for this and for everything else.
            Err(EngineError::Lost) => {
                self.subscriptions.insert(id, subscribed);
                return self.resume().await.inspect_err(|_| drop(self.subscriptions.remove(&id)));
            }
            done => done,
        };
        if done.is_ok() {
            subscribed.owed_after = subscribed.reader.published();
            self.subscriptions.insert(id, subscribed);
        } else {
            self.unsubscribe(vec![*filter]);
        }
        done
    }

    /// Waits until the control thread has subscribed to all of `filters`.
    async fn ask(&self, filters: Vec<(BusFilter, usize)>) -> Result<(), EngineError> {
        let (reply, answer) = oneshot::channel();
        let request = Control::Subscribe { link: self.link, filters, reply };
        self.exchange.control.send(request).map_err(|_| EngineError::Stopped)?;
        match timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(EngineError::Stopped),
            Err(_) => Err(EngineError::Busy),
        }
    }

    /// Goes on with the next router, when the present one has died. What was published meanwhile is received, too.
    ///
    /// If it fails with [`EngineError::Busy`] it may be tried again later; nothing is received before it has succeeded.
    pub(crate) async fn resume(&mut self) -> Result<(), EngineError> {
        self.serves = false;
        let resumed = async {
            loop {
                match self.resume_once().await {
                    Err(EngineError::Lost) => {}
                    done => return done,
                }
            }
        };
        timeout(ANSWER_TIMEOUT, resumed).await.unwrap_or(Err(EngineError::Busy))
    }

    async fn resume_once(&mut self) -> Result<(), EngineError> {
        let Attached { link, receive } = attach(&self.exchange.control).await?;
        let former = std::mem::replace(&mut self.link, link);
        if let Some(receive) = self.receive.replace(receive) {
            // The router may be the same one, if only this link had broken.
            let _ = self.exchange.control.send(Control::Detach { link: former, receive });
        }
        self.paused = false;
        self.ask(self.subscriptions.iter().map(|(id, subscribed)| (subscribed.filter, *id)).collect())
            .await?;
        for subscribed in self.subscriptions.values_mut() {
            let missed = self.exchange.tail.missed(&subscribed.reader, subscribed.read);
            (subscribed.read, subscribed.caught_up_to) = (missed.up_to, missed.up_to);
            (subscribed.owed_after, subscribed.next) = (missed.up_to, None);
            subscribed.reader.has_read(missed.up_to);
            let filter = subscribed.filter;
            if missed.has_gap {
                self.caught_up.push_back(RouterDelivery { message: None, place: 0, filter, lost: 1 });
            }
            let messages = missed.envelopes.iter().filter_map(|sealed| self.exchange.envelopes.open(sealed));
            self.caught_up.extend(messages.map(|opened| RouterDelivery {
                message: Some(opened.message),
                place: opened.place,
                filter,
                lost: 0,
            }));
        }
        self.serves = true;
        Ok(())
    }

    /// No longer receives what these filters let through.
    pub(crate) fn unsubscribe(&mut self, filters: Vec<BusFilter>) {
        if filters.is_empty() {
            return;
        }
        self.subscriptions.retain(|_, subscribed| !filters.contains(&subscribed.filter));
        // If the control thread is gone, so are the subscriptions.
        let _ = self.exchange.control.send(Control::Unsubscribe { link: self.link, filters });
    }

    /// The next message. Cancelling the future loses nothing. After [`EngineError::Lost`] one [`resume`](Self::resume)s.
    pub(crate) async fn receive(&mut self) -> Result<RouterDelivery, EngineError> {
        if let Some(received) = self.caught_up.pop_front() {
            return Ok(received);
        }
        let Some(receive) = self.receive.as_mut().filter(|_| self.serves) else {
            return Err(EngineError::Lost);
        };
        loop {
            if self.paused {
                receive.wake().await.map_err(|_| EngineError::Lost)?;
                self.paused = false;
            }
            match receive.next().await {
                Ok(Some(Notification::Forward(forward))) => {
                    let id = forward
                        .properties
                        .and_then(|properties| properties.subscription_identifiers.last().copied());
                    // A subscription that was cancelled while the message was on its way.
                    let Some(subscribed) = id.and_then(|id| self.subscriptions.get_mut(&id)) else {
                        continue;
                    };
                    let opened = self.exchange.envelopes.open(&forward.publish.payload);
                    let mark = opened.as_ref().map_or(0, |opened| subscribed.filter.mark(opened.marks));
                    let position = forward.cursor.map(|(_, position)| position);
                    let message = opened.as_ref().map(|opened| &opened.message);
                    let lost = subscribed.lost_before(position, mark, message);
                    if opened.is_some() {
                        subscribed.reader.has_read(mark);
                        subscribed.read = subscribed.read.max(mark);
                    }
                    let new = opened.filter(|_| mark == 0 || mark > subscribed.caught_up_to);
                    if new.is_some() || lost > 0 {
                        let (message, place) =
                            new.map_or((None, 0), |opened| (Some(opened.message), opened.place));
                        return Ok(RouterDelivery { message, place, filter: subscribed.filter, lost });
                    }
                }
                // The router pauses a link whose buffer is full, until it is told that there is room again.
                Ok(Some(Notification::Unschedule)) => self.paused = true,
                Ok(Some(_) | None) => {}
                Err(_) => return Err(EngineError::Lost),
            }
        }
    }
}

/// A link to the router of the moment. If that one dies meanwhile, the next is asked.
async fn attach(control: &mpsc::Sender<Control>) -> Result<Attached, EngineError> {
    let attached = async {
        loop {
            let (reply, answer) = oneshot::channel();
            control.send(Control::Attach { reply }).map_err(|_| EngineError::Stopped)?;
            match answer.await {
                Ok(Err(EngineError::Lost)) => {}
                Ok(attached) => return attached,
                // The control thread has given up.
                Err(_) => return Err(EngineError::Stopped),
            }
        }
    };
    timeout(ANSWER_TIMEOUT, attached).await.unwrap_or(Err(EngineError::Busy))
}

impl RouterLink {
    /// Whether everything that was published to its subscriptions has been received.
    pub(crate) fn has_everything(&self) -> bool {
        self.caught_up.is_empty()
            && self.subscriptions.values().all(|subscribed| subscribed.read >= subscribed.reader.published())
    }

    /// The next message, if it has come already.
    pub(crate) fn ready(&mut self) -> Option<Result<RouterDelivery, EngineError>> {
        match pin!(self.receive()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => Some(received),
            Poll::Pending => None,
        }
    }
}

impl Drop for RouterLink {
    fn drop(&mut self) {
        if let Some(receive) = self.receive.take() {
            // If the control thread is gone, so is the router.
            let _ = self.exchange.control.send(Control::Detach { link: self.link, receive });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_before_the_first_message_is_noticed() {
        let message = Message::specimen("a/b/c", "");
        let weight = u64::try_from(message.weight()).unwrap();
        let subscribed = || {
            let filter = BusFilter::of("a/b/c");
            let reader = Arc::new(Pace::default()).read(filter);
            Subscribed { filter, reader, read: 0, caught_up_to: 0, owed_after: 1_000, next: None }
        };
        let mut in_time = subscribed();
        assert_eq!(in_time.lost_before(Some(70), 1_000 + weight, Some(&message)), 0);
        assert_eq!(in_time.lost_before(Some(71), 1_000 + 2 * weight, Some(&message)), 0);
        assert_eq!(in_time.lost_before(Some(75), 1_000 + 6 * weight, Some(&message)), 3);
        // Published before the subscription was confirmed, but after the router had it.
        assert_eq!(subscribed().lost_before(Some(70), 900, Some(&message)), 0);
        assert_eq!(subscribed().lost_before(Some(75), 1_000 + 6 * weight, Some(&message)), 1);
    }
}
