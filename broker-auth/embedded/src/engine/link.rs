//! [`Link`]: the receiving end of one session, in terms of topic filters and messages.

use authenticator::policy::TopicFilter;

use super::lanes::Lanes;
use super::rumqttd::{RouterDelivery, RouterLink};
use super::{Engine, EngineError, Message};
use crate::bus::BusFilter;

/// What comes out of a [`Link`].
#[derive(Debug)]
pub(crate) struct Received {
    /// The message; `None` if only a loss is reported.
    pub(crate) message: Option<Message>,
    /// What was lost just before, if anything was.
    pub(crate) lost: Option<Loss>,
}

/// Messages that the engine had no room for until this session was ready.
#[derive(Debug)]
pub(crate) struct Loss {
    /// How many, at least.
    pub(crate) messages: u64,
    /// One of the filters that they were for, to name it to an operator.
    pub(crate) filter: Option<TopicFilter<'static>>,
}

/// One session's link to the engine. It brings every message that one of its filters matches, and some that none does,
/// each once. Dropping it disconnects it.
pub(crate) struct Link {
    router: RouterLink,
    lanes: Lanes,
}

impl Engine {
    /// A link for one session.
    pub(crate) async fn attach(&self) -> Result<Link, EngineError> {
        Ok(Link { router: self.router_link().await?, lanes: Lanes::default() })
    }
}

impl Link {
    /// Also receives what `filter` matches. Everything published after this returned will arrive.
    pub(crate) async fn subscribe(&mut self, filter: &TopicFilter<'static>) -> Result<(), EngineError> {
        self.router.subscribe(&BusFilter::of(filter.as_str())).await?;
        self.lanes.insert(filter.clone());
        Ok(())
    }

    /// No longer receives what these filters alone match.
    pub(crate) fn unsubscribe(&mut self, filters: &[TopicFilter<'static>]) {
        let unused = filters.iter().filter_map(|filter| self.lanes.remove(filter)).collect();
        self.router.unsubscribe(unused);
    }

    /// The next message. Cancelling the future loses nothing. After [`EngineError::Lost`] one [`resume`](Self::resume)s.
    pub(crate) async fn receive(&mut self) -> Result<Received, EngineError> {
        loop {
            let delivery = self.router.receive().await?;
            if let Some(received) = self.take(delivery) {
                return Ok(received);
            }
        }
    }

    /// The next message, if it has come already.
    pub(crate) fn ready(&mut self) -> Option<Result<Received, EngineError>> {
        loop {
            match self.router.ready()? {
                Ok(delivery) => {
                    if let Some(received) = self.take(delivery) {
                        return Some(Ok(received));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Goes on with the next router, when the present one has died. What was published meanwhile is received, too.
    ///
    /// If it fails with [`EngineError::Busy`] it may be tried again later; nothing is received before it has succeeded.
    pub(crate) async fn resume(&mut self) -> Result<(), EngineError> {
        self.router.resume().await
    }

    /// Whether everything that was published to its filters has been received.
    pub(crate) fn has_everything(&self) -> bool {
        self.router.has_everything()
    }

    /// Drops what another lane has brought already. `None`: nothing is left to report.
    fn take(&mut self, delivery: RouterDelivery) -> Option<Received> {
        let RouterDelivery { message, place, filter, lost } = delivery;
        let lost = (lost > 0).then(|| {
            self.lanes.lost(&filter);
            Loss { messages: lost, filter: self.lanes.example(&filter).cloned() }
        });
        let message = message.filter(|message| self.lanes.is_first(&filter, place, &message.topic));
        (message.is_some() || lost.is_some()).then_some(Received { message, lost })
    }
}
