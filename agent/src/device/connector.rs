//! [`Connector`]: what an agent has from one connection to the next.

use core::time::Duration;

use device_identity::DeviceId;
use embassy_futures::select::{Either, select};
use embassy_futures::yield_now;

use super::application::{Application, Change, Control};
use super::config::Config;
use super::connection_end::ConnectionEnd;
use super::memory::Memory;
use crate::ending::Ending;
use crate::platform::{Clock, CryptoRngCore, Platform};
use crate::session::{Session, State};
use crate::telemetry::Queue;
use crate::tls::Buffers;

/// Makes one connection after the other, whatever the credential is that each is made with.
pub(super) struct Connector<'a> {
    pub(super) config: Config,
    pub(super) tls: &'a mut Buffers,
    pub(super) incoming: &'a mut [u8],
    pub(super) head: &'a mut [u8],
    pub(super) queue: Queue<'a>,
    pub(super) session: Session,
    last: Option<ConnectionEnd>,
}

impl<'a> Connector<'a> {
    pub(super) fn new<const QUEUE: usize, const INCOMING: usize>(
        device_id: &DeviceId,
        config: Config,
        memory: &'a mut Memory<QUEUE, INCOMING>,
    ) -> Self {
        let Memory { tls, incoming, head, queue } = memory;
        let queue = Queue::new(device_id, queue);
        let session = Session::new(config.timing);
        Self { config: config.bounded(), tls, incoming, head, queue, session, last: None }
    }

    pub(super) const fn last_end(&self) -> Option<&ConnectionEnd> {
        self.last.as_ref()
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, application: &mut impl Application) {
        // Here and not where a connection ends: `run` may have been dropped before it came there.
        self.queue.connection_lost();
        self.session.connecting();
        application.changed(Change::to(State::Connecting));
    }

    /// The connection or the attempt has ended. Waits for as long as `ending` means.
    pub(super) async fn rest<N, C: Clock, R: CryptoRngCore, F>(
        &mut self,
        ended: ConnectionEnd,
        ending: Ending,
        platform: &mut Platform<N, C, R, F>,
        application: &mut impl Application,
    ) -> Control {
        let (now, random) = (platform.clock.now(), platform.rng.next_u32());
        let wait = self.session.ended(ending, ended.retry_after, now, random);
        self.last = Some(ended);
        let change = Change { state: self.session.state(), ended: Some(&ended), wait: Some(wait) };
        application.changed(change);
        self.wait(wait, &platform.clock, application).await
    }

    /// Waits for `wait`, and lets the application fill the queue meanwhile.
    async fn wait(
        &mut self,
        wait: Duration,
        clock: &impl Clock,
        application: &mut impl Application,
    ) -> Control {
        let until = clock.now().saturating_add(wait);
        loop {
            match select(clock.sleep_until(until), application.produce(&mut self.queue)).await {
                Either::First(()) => return Control::Continue,
                Either::Second(Control::Leave) => return Control::Leave,
                // An application that always has something to say must not keep the executor's other tasks from
                // working.
                Either::Second(Control::Continue) => yield_now().await,
            }
        }
    }
}
