//! The agent of a device that lives on one credential.

use embedded_storage_async::nor_flash::NorFlash;

use super::application::{Application, Control};
use super::config::Config;
use super::connection_end::ConnectionEnd;
use super::connector::Connector;
use super::memory::Memory;
use super::renewal::NoRenewal;
use crate::credential::{Credential, Signer};
use crate::platform::{Clock, CryptoRngCore, Network, Platform};
use crate::session::State;
use crate::telemetry::Queue;
use crate::time_floor::TimeFloor;

/// The agent of one device, which lives on the credential that it was given.
pub struct Agent<'a, S> {
    credential: Credential<'a, S>,
    connector: Connector<'a>,
}

impl<'a, S: Signer> Agent<'a, S> {
    /// An agent that has not tried yet.
    pub fn new<const QUEUE: usize, const INCOMING: usize>(
        credential: Credential<'a, S>,
        config: Config,
        memory: &'a mut Memory<QUEUE, INCOMING>,
    ) -> Self {
        let connector = Connector::new(credential.device_id(), config, memory);
        Self { credential, connector }
    }

    /// Where the session stands.
    pub const fn state(&self) -> State {
        self.connector.session.state()
    }

    /// How the last connection or attempt ended.
    pub const fn last_end(&self) -> Option<&ConnectionEnd> {
        self.connector.last_end()
    }

    /// The messages that wait for the broker.
    pub const fn queue(&mut self) -> &mut Queue<'a> {
        &mut self.connector.queue
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
        let Self { credential, connector } = self;
        let mut floor = TimeFloor::load(&mut platform.flash, credential.time_floor()).await?;
        loop {
            connector.begin(application);
            let no_renewal = |_: &mut F, _: &mut R, _| NoRenewal;
            let attempt = connector.attempt(credential, platform, application, &mut floor, no_renewal);
            let leaves = match attempt.await {
                Ok(_) => true,
                Err(ended) => {
                    connector.rest(ended, ended.ending(), platform, application).await == Control::Leave
                }
            };
            if leaves {
                connector.session.left();
                return Ok(());
            }
        }
    }
}
