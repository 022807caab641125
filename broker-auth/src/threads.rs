//! [`Threads`]: threads apart from those of the sessions.
//!
//! What strangers can make the broker compute is computed on threads of its own, which give way to all others; and what
//! revokes, or answers an operator, has one that no client gives work to. So neither waits for the other.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// How far handshakes give way to sessions (nice(2)): a crowd that comes back takes what is left, not a healthy session's
/// turn.
const HANDSHAKE_NICENESS: i32 = 5;

/// After how many steps of handshakes those threads look for what else has happened. A step takes up to 0.3 ms, and looking
/// a microsecond: with the usual 61, a client that connects would wait for 18 ms while a crowd keeps the threads busy.
const EVENT_INTERVAL: u32 = 2;

/// A set of threads, which end with it.
#[derive(Debug)]
pub(crate) struct Threads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Threads {
    /// For accepting connections and TLS handshakes: as many as there are processors.
    pub(crate) fn for_handshakes() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.thread_name("handshake").enable_all();
        builder.event_interval(EVENT_INTERVAL).global_queue_interval(EVENT_INTERVAL);
        builder.on_thread_start(|| {
            // Where the system does not allow it, they are as urgent as the others.
            let _ = rustix::process::nice(HANDSHAKE_NICENESS);
        });
        builder.build().map(Self::new)
    }

    /// For what revokes certificates and answers operators: one, and those that it reads files on.
    pub(crate) fn for_control() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("control").enable_all();
        builder.build().map(Self::new)
    }

    fn new(runtime: Runtime) -> Self {
        Self { handle: runtime.handle().clone(), runtime: Some(runtime) }
    }

    /// Where to spawn what they are for.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nobody waits for what they still do: it may be a thread of another set that drops this one.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn handshakes_give_way_and_control_does_not() {
        let niceness = |threads: &Threads| threads.handle().spawn(async { rustix::process::nice(0) });
        let (handshakes, control) = (Threads::for_handshakes().unwrap(), Threads::for_control().unwrap());
        let own = rustix::process::nice(0).unwrap();
        assert_eq!(niceness(&handshakes).await.unwrap().unwrap(), own + HANDSHAKE_NICENESS);
        assert_eq!(niceness(&control).await.unwrap().unwrap(), own);
    }
}
