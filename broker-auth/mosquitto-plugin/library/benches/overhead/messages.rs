//! Messages from devices to services: one by one, and as fast as they go.

use std::error::Error;

use load::flow::Pairs;
use load::packet::QoS;
use load::site::Site;

use crate::broker::{Broker, SERVICES};

/// How messages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One after the other.
    Single,
    /// As fast as they go: how many the server finds at a time, and so what one costs, changes from turn to turn.
    Full,
}

impl Pace {
    /// In words of the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "one by one",
            Self::Full => "as fast as they go",
        }
    }
}

/// Devices that publish, each to a service of its own, through one broker.
pub(crate) struct Messages<'a> {
    broker: &'a Broker,
    qos: QoS,
    pairs: Pairs,
}

impl<'a> Messages<'a> {
    /// As many devices as there are services.
    pub(crate) async fn connect(broker: &'a Broker, site: &Site, qos: QoS) -> Result<Self, Box<dyn Error>> {
        let pairs = Pairs::connect(broker.address(), site, SERVICES, qos).await?;
        Ok(Self { broker, qos, pairs })
    }

    /// Through which they publish.
    pub(crate) fn broker(&self) -> &Broker {
        self.broker
    }

    /// The server's CPU time for each of `count` messages, in microseconds. Each is published by one and delivered to another.
    pub(crate) async fn cost(&mut self, pace: Pace, count: u64) -> Result<f64, Box<dyn Error>> {
        let each = count / SERVICES;
        let before = self.broker.process().cpu_time_of_threads()?;
        let heard = match pace {
            Pace::Single => self.pairs.talk_singly(each).await?,
            Pace::Full => self.pairs.talk(each).await?.messages,
        };
        let used = self.broker.process().cpu_time_of_threads()?.saturating_sub(before);
        // A message that is not delivered costs less: then there is nothing to compare.
        if heard * 100 < count * 99 {
            let qos = self.qos as u8;
            return Err(format!("{heard} of {count} messages of QoS {qos} were delivered").into());
        }
        Ok(used.as_secs_f64() * 1e6 / count as f64)
    }
}
