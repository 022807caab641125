//! The credential store in flash, with the power cut at every operation, against a model of what must hold.

mod cuts;
mod factory;
mod flash;
mod garbage;
mod life;
mod model;
mod mutants;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Flash in memory never waits.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("flash in memory does not wait"),
    }
}
