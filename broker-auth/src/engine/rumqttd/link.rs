//! [`Link`]: the receiving end of one session.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};

use rumqttd::Notification;
use rumqttd::local::LinkRx;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::ANSWER_TIMEOUT;
use super::control::{Attached, Control, LinkId};
use super::pace::{Pace, Reader};
use crate::engine::envelope::Envelopes;
use crate::engine::{BusFilter, EngineError, Message};

/// What comes out of a [`Link`].
#[derive(Debug)]
pub(crate) struct Received {
    /// The message; `None` if only a gap is reported.
    pub(crate) message: Option<Message>,
    /// Which of the link's subscriptions let it through.
    pub(crate) filter: BusFilter,
    /// How many messages this subscription has lost just before: the router's log had no room for them until this
    /// session was ready.
    pub(crate) lost: u64,
}

/// One session's link to the engine. Dropping it disconnects it.
pub(crate) struct Link {
    link: LinkId,
    /// Always there until the link is dropped.
    receive: Option<LinkRx>,
    control: mpsc::Sender<Control>,
    envelopes: Envelopes,
    pace: Arc<Pace>,
    subscriptions: HashMap<usize, Subscribed>,
    next_id: usize,
    /// The router has paused this link and does not know yet that there is room again.
    paused: bool,
}

struct Subscribed {
    filter: BusFilter,
    /// How far it has come; there once the router knows of the subscription.
    reader: Option<Reader>,
    /// The position in the router's log of the next message, once one was seen.
    next: Option<u64>,
}

impl Link {
    pub(super) fn new(
        attached: Attached,
        control: mpsc::Sender<Control>,
        envelopes: Envelopes,
        pace: Arc<Pace>,
    ) -> Self {
        let Attached { link, receive } = attached;
        Self {
            link,
            receive: Some(receive),
            control,
            envelopes,
            pace,
            subscriptions: HashMap::new(),
            next_id: 1,
            paused: false,
        }
    }

    /// Also receives what `filter` lets through. Everything published after this returned will arrive.
    pub(crate) async fn subscribe(&mut self, filter: &BusFilter) -> Result<(), EngineError> {
        if self.subscriptions.values().any(|subscribed| subscribed.filter == *filter) {
            return Ok(());
        }
        let id = self.next_id;
        self.next_id += 1;
        let (reply, answer) = oneshot::channel();
        self.control
            .send(Control::Subscribe { link: self.link, filter: *filter, id, reply })
            .map_err(|_| EngineError::Stopped)?;
        self.subscriptions.insert(id, Subscribed { filter: *filter, reader: None, next: None });
        match timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(done)) => done?,
            Ok(Err(_)) | Err(_) => return Err(EngineError::Stopped),
        }
        if let Some(subscribed) = self.subscriptions.get_mut(&id) {
            subscribed.reader = Some(self.pace.read(*filter));
        }
        Ok(())
    }

    /// No longer receives what `filter` lets through.
    pub(crate) fn unsubscribe(&mut self, filter: &BusFilter) {
        self.subscriptions.retain(|_, subscribed| subscribed.filter != *filter);
        // If the control thread is gone, so is the subscription.
        let _ = self.control.send(Control::Unsubscribe { link: self.link, filter: *filter });
    }

    /// The next message. Cancelling the future loses nothing.
    pub(crate) async fn receive(&mut self) -> Result<Received, EngineError> {
        let Some(receive) = self.receive.as_mut() else { return Err(EngineError::Stopped) };
        loop {
            if self.paused {
                receive.wake().await.map_err(|_| EngineError::Stopped)?;
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
                    let mut lost = 0;
                    if let Some((_, position)) = forward.cursor {
                        lost = subscribed.next.map_or(0, |next| position.saturating_sub(next));
                        subscribed.next = Some(position + 1);
                    }
                    let message = self.envelopes.open(&forward.publish.payload).map(|(message, marks)| {
                        if let Some(reader) = &subscribed.reader {
                            reader.has_read(marks);
                        }
                        message
                    });
                    if message.is_some() || lost > 0 {
                        return Ok(Received { message, filter: subscribed.filter, lost });
                    }
                }
                // The router pauses a link whose buffer is full, until it is told that there is room again.
                Ok(Some(Notification::Unschedule)) => self.paused = true,
                Ok(Some(_) | None) => {}
                Err(_) => return Err(EngineError::Stopped),
            }
        }
    }
}

impl Link {
    /// The next message, if it has come already.
    pub(crate) fn ready(&mut self) -> Option<Result<Received, EngineError>> {
        match pin!(self.receive()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => Some(received),
            Poll::Pending => None,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(receive) = self.receive.take() {
            // If the control thread is gone, so is the router.
            let _ = self.control.send(Control::Detach { link: self.link, receive });
        }
    }
}
