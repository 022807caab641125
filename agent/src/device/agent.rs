//! The agent: one attempt after the other, with waits in between.

use core::time::Duration;

use embassy_futures::select::{Either, select};
use embassy_futures::yield_now;
use embedded_storage_async::nor_flash::NorFlash;

use super::application::{Application, Change, Control};
use super::config::Config;
use super::connection_end::ConnectionEnd;
use super::memory::Memory;
use crate::credential::{Credential, Signer};
use crate::platform::{Clock, CryptoRngCore, Network, Platform};
use crate::session::{Session, State};
use crate::telemetry::Queue;
use crate::time_floor::TimeFloor;
use crate::tls::Buffers;

/// The agent of one device.
pub struct Agent<'a, S> {
    pub(super) credential: Credential<'a, S>,
    pub(super) config: Config,
    pub(super) tls: &'a mut Buffers,
    pub(super) incoming: &'a mut [u8],
    pub(super) head: &'a mut [u8],
    pub(super) queue: Queue<'a>,
    pub(super) session: Session,
    last: Option<ConnectionEnd>,
}

impl<'a, S: Signer> Agent<'a, S> {
    /// An agent that has not tried yet.
    pub fn new<const QUEUE: usize, const INCOMING: usize>(
        credential: Credential<'a, S>,
        config: Config,
        memory: &'a mut Memory<QUEUE, INCOMING>,
    ) -> Self {
        let Memory { tls, incoming, head, queue } = memory;
        let queue = Queue::new(credential.device_id(), queue);
        let session = Session::new(config.timing);
        let config = config.bounded();
        Self { credential, config, tls, incoming, head, queue, session, last: None }
    }

    /// Where the session stands.
    pub const fn state(&self) -> State {
        self.session.state()
    }

    /// How the last connection or attempt ended.
    pub const fn last_end(&self) -> Option<&ConnectionEnd> {
        self.last.as_ref()
    }

    /// The messages that wait for the broker.
    pub const fn queue(&mut self) -> &mut Queue<'a> {
        &mut self.queue
    }

    /// Holds the session until `application` wants to leave ([`Control::Leave`]). Fails if the time floor cannot be
    /// read from flash.
    ///
    /// It may be dropped; the broker then finds the connection closed, and publishes the will. It may also be called
    /// again after that, and goes on with what was not acknowledged.
    pub async fn run<N, C, R, F, A>(
        &mut self,
        platform: &mut Platform<N, C, R, F>,
        application: &mut A,
    ) -> Result<(), F::Error>
    where
        N: Network,
        C: Clock,
        R: CryptoRngCore,
        F: NorFlash,
        A: Application,
    {
        let mut floor = TimeFloor::load(&mut platform.flash, self.credential.time_floor()).await?;
        loop {
            // Here and not where a connection ends: `run` may have been dropped before it came there.
            self.queue.connection_lost();
            self.session.connecting();
            application.changed(Change::to(State::Connecting));
            let Err(ended) = self.attempt(platform, application, &mut floor).await else {
                self.session.left();
                return Ok(());
            };
            let (now, random) = (platform.clock.now(), platform.rng.next_u32());
            let wait = self.session.ended(ended.ending(), ended.retry_after, now, random);
            self.last = Some(ended);
            let change = Change { state: self.session.state(), ended: Some(&ended), wait: Some(wait) };
            application.changed(change);
            if self.wait(wait, &platform.clock, application).await == Control::Leave {
                self.session.left();
                return Ok(());
            }
        }
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
