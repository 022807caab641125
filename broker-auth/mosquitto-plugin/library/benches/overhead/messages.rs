//! Messages from devices to services, as fast as they go.

use std::error::Error;

use load::client::{Client, ConnectOptions};
use load::flow::{listen, talk};
use load::packet::QoS;
use load::site::Site;

use crate::broker::{Broker, SERVICES};

/// The server's CPU time for each of `count` messages, from as many devices as there are services, in microseconds. Each is
/// published by one and delivered to another.
pub(crate) async fn cost(broker: &Broker, site: &Site, qos: QoS, count: u64) -> Result<f64, Box<dyn Error>> {
    let each = count / SERVICES;
    let (mut listeners, mut talkers) = (Vec::new(), Vec::new());
    for number in 0..SERVICES {
        let (address, options) = (broker.address(), ConnectOptions::default());
        let device = site.device(number);
        let (mut service, _) = Client::connect(address, &site.service(number), options).await?;
        service.subscribe(&format!("devices/{}/telemetry/#", device.name), qos).await?;
        let (talker, _) = Client::connect(address, &device, options).await?;
        listeners.push(service);
        talkers.push((talker, format!("devices/{}/telemetry/temperature", device.name)));
    }
    let before = broker.process().cpu_time()?;
    let listening: Vec<_> =
        listeners.into_iter().map(|service| tokio::spawn(listen(service, each))).collect();
    let talking: Vec<_> = talkers
        .into_iter()
        .map(|(device, topic)| tokio::spawn(async move { talk(device, &topic, qos, each).await }))
        .collect();
    for talker in talking {
        talker.await??;
    }
    let mut heard = 0;
    for listener in listening {
        heard += listener.await??.0;
    }
    let used = broker.process().cpu_time()?.saturating_sub(before);
    // A message that is not delivered costs less: then there is nothing to compare.
    if heard * 100 < count * 99 {
        return Err(format!("{heard} of {count} messages of QoS {} were delivered", qos as u8).into());
    }
    Ok(used.as_secs_f64() * 1e6 / count as f64)
}
