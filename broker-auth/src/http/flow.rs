//! [`Flow`]: what one connection is doing, and since when nothing has moved.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::head::RequestHead;
use super::head_fault::HeadFault;

/// What one connection is doing: the reader of heads, the answers to requests and whoever watches deadlines share it.
#[derive(Debug)]
pub(super) struct Flow {
    state: Mutex<State>,
    /// The phase is another one.
    pub(super) turned: Notify,
}

#[derive(Debug)]
struct State {
    /// Heads that were read and not answered yet; hyper asks for an answer to each, in order.
    heads: VecDeque<Result<RequestHead, HeadFault>>,
    phase: Phase,
    /// When bytes moved last.
    moved: Instant,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// For a request to begin, after another one.
    Idle,
    /// For the rest of a head, since then.
    Head(Instant),
    /// For the decision about a request, since then.
    Deciding(Instant),
    /// For the origin to begin its answer.
    Asking,
    /// A request is being answered.
    Exchange,
    /// The answer is complete, and on its way.
    Ending,
}

/// A request that is being answered. Dropping it says that its answer is complete.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Flow>);

impl Flow {
    /// A connection whose first head is waited for, from now on.
    pub(super) fn new(now: Instant) -> Arc<Self> {
        let state = State { heads: VecDeque::new(), phase: Phase::Head(now), moved: now };
        Arc::new(Self { state: Mutex::new(state), turned: Notify::new() })
    }

    /// What it waits for, and when bytes moved last.
    pub(super) fn now(&self) -> (Phase, Instant) {
        let state = self.state.lock();
        (state.phase, state.moved)
    }

    /// Bytes have moved.
    pub(super) fn moved(&self) {
        self.state.lock().moved = Instant::now();
    }

    /// A part of a head is there.
    pub(super) fn head_begins(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Idle {
            self.turn(&mut state, Phase::Head(Instant::now()));
        }
    }

    /// A head was read whole, or is refused.
    pub(super) fn head_read(&self, head: Result<RequestHead, HeadFault>) {
        self.state.lock().heads.push_back(head);
    }

    /// The next head, to be answered.
    pub(super) fn begin(self: &Arc<Self>) -> Option<(Result<RequestHead, HeadFault>, Exchange)> {
        let mut state = self.state.lock();
        let head = state.heads.pop_front()?;
        self.turn(&mut state, Phase::Deciding(Instant::now()));
        Some((head, Exchange(Arc::clone(self))))
    }

    /// An exchange without a head.
    pub(super) fn exchange(self: &Arc<Self>) -> Exchange {
        self.turn(&mut self.state.lock(), Phase::Exchange);
        Exchange(Arc::clone(self))
    }

    /// The request that is decided about was granted, and the origin is asked.
    pub(super) fn asks(&self) {
        self.turn(&mut self.state.lock(), Phase::Asking);
    }

    /// The origin has begun its answer, or there is another one.
    pub(super) fn answers(&self) {
        self.turn(&mut self.state.lock(), Phase::Exchange);
    }

    /// Everything that was written is with the system.
    pub(super) fn flushed(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Ending {
            self.turn(&mut state, Phase::Idle);
        }
    }

    fn turn(&self, state: &mut State, phase: Phase) {
        state.phase = phase;
        state.moved = Instant::now();
        self.turned.notify_one();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        self.0.turn(&mut state, Phase::Ending);
    }
}
