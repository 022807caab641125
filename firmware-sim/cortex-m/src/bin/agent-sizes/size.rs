//! Sizes, and how large they may become.

use countersign_agent::credential::{Credential, SoftwareSigner};
use countersign_agent::device::{Agent, Memory};
use countersign_agent::platform::Platform;
use countersign_agent::session::Session;
use countersign_agent::telemetry::Queue;
use countersign_agent::tls::{AuthenticatedStream, Buffers};

use crate::board::Bare;

/// One thing that takes memory.
pub(crate) struct Size {
    pub(crate) what: &'static str,
    pub(crate) bytes: usize,
    pub(crate) limit: usize,
}

impl Size {
    const fn new(what: &'static str, bytes: usize, limit: usize) -> Self {
        assert!(bytes <= limit, "larger than its limit");
        assert!(bytes >= limit - limit / 8, "the limit can come down");
        Self { what, bytes, limit }
    }
}

type Board = Platform<Bare, Bare, Bare, Bare>;
type Signed = Agent<'static, SoftwareSigner>;

/// The future of an async function that is never called.
const fn future_of<F>(_: fn(&'static mut Signed, &'static mut Board, &'static mut Bare) -> F) -> usize {
    size_of::<F>()
}

/// All that an agent keeps. Its stack comes on top.
pub(crate) const ALL: [Size; 8] = [
    Size::new("Memory, with queue and incoming of 2 KiB", size_of::<Memory>(), 9_900),
    Size::new("Agent", size_of::<Signed>(), 1_160),
    Size::new("  of it: Credential", size_of::<Credential<'static, SoftwareSigner>>(), 400),
    Size::new("  of it: Queue", size_of::<Queue<'static>>(), 420),
    Size::new("  of it: Session", size_of::<Session>(), 136),
    Size::new("  in Memory: Buffers of TLS", size_of::<Buffers>(), 5_300),
    Size::new(
        "future of Agent::run",
        future_of(|agent, board, application| agent.run(board, application)),
        4_900,
    ),
    Size::new("  of it: AuthenticatedStream", size_of::<AuthenticatedStream<'static, Bare>>(), 1_450),
];
