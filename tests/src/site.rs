//! The smallest place where something can happen: a fleet with a device and a service, and its running broker.

use std::net::SocketAddr;

use crate::broker::Broker;
use crate::client::{Client, Tls};
use crate::credential::Credential;
use crate::fleet::Fleet;
use crate::mqtt::{Connect, Version};
use crate::program::Programs;

/// A fleet with the device `dev-1` and the service `backend`, and its broker.
pub struct Site {
    /// The broker. Declared first, so that it ends before its fleet goes.
    pub broker: Broker,
    /// The fleet.
    pub fleet: Fleet,
    /// What `dev-1` shows.
    pub device: Credential,
    /// What `backend` shows.
    pub service: Credential,
}

impl Site {
    /// A site with the configuration of a new fleet.
    #[track_caller]
    pub fn new(programs: Programs) -> Self {
        Self::configured(programs, |_| {})
    }

    /// A site whose fleet is altered before its broker starts.
    #[track_caller]
    pub fn configured(programs: Programs, alter: impl FnOnce(&Fleet)) -> Self {
        let fleet = Fleet::new(programs);
        let device = fleet.device("dev-1");
        let service = fleet.service("backend");
        alter(&fleet);
        Self { broker: Broker::start(&fleet), fleet, device, service }
    }

    /// Where the broker listens.
    pub fn address(&self) -> SocketAddr {
        self.broker.address()
    }

    /// How a holder of `credential` speaks TLS.
    pub fn tls(&self, credential: &Credential) -> Tls {
        Tls::new(&self.fleet, Some(credential))
    }

    /// A connection of `dev-1`.
    #[track_caller]
    pub fn dev_1(&self, version: Version) -> Client {
        self.connect(&self.device, &Connect::new(version, "dev-1"))
    }

    /// A connection of `backend`.
    #[track_caller]
    pub fn backend(&self, version: Version) -> Client {
        self.connect(&self.service, &Connect::new(version, "backend"))
    }

    /// A connection of the holder of `credential`, who is let in.
    #[track_caller]
    pub fn connect(&self, credential: &Credential, connect: &Connect) -> Client {
        Client::connect(self.address(), &self.tls(credential), connect)
    }
}
