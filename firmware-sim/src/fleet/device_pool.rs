//! All devices of a fleet, on as many threads as there are processors.

use std::cell::RefCell;
use std::io;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::task::LocalSet;

use super::device;
use super::firmware::{Firmware, MeasuredLatencies};
use super::images::DeviceImage;
use super::network::FleetNetwork;
use super::options::Options;
use super::record::{Latencies, Records};
use super::reporter::Reporter;
use super::shutdown::ShutdownSignal;

/// The interval between messages for a rate that is too low for a `Duration`: 100 years, which no fleet runs.
const LONGEST_INTERVAL: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Open files besides the connections of devices.
const OTHER_FILES: u64 = 64;

/// The limit of open files is too low for the devices.
#[derive(Debug, thiserror::Error)]
#[error("{devices} devices take {needed} open files, and the system allows {limit}")]
pub(super) struct TooManyDevices {
    devices: usize,
    needed: u64,
    limit: u64,
}

/// Raises the soft limit of open files so that `devices` can connect.
///
/// # Errors
///
/// The hard limit is lower.
pub(super) fn raise_open_file_limit(devices: usize) -> Result<(), TooManyDevices> {
    let needed = u64::try_from(devices).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let most = limit.maximum.unwrap_or(u64::MAX);
    limit.current = Some(needed);
    if most < needed || setrlimit(Resource::Nofile, limit).is_err() {
        return Err(TooManyDevices { devices, needed, limit: most });
    }
    Ok(())
}

/// The threads that run the devices.
pub(super) struct DevicePool(Vec<JoinHandle<io::Result<Records>>>);

/// Starts a device per image, `options.ramp` a second.
pub(super) fn start(
    images: Vec<DeviceImage>,
    options: &Options,
    reporter: &Arc<Reporter>,
    shutdown: &ShutdownSignal,
) -> io::Result<DevicePool> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(images.len().max(1));
    let mut shares: Vec<Vec<(Duration, DeviceImage)>> = (0..threads).map(|_| Vec::new()).collect();
    let pause = Duration::from_secs(1) / options.ramp.max(1);
    let (mut start, mut turn) = (Duration::ZERO, 0);
    for image in images {
        if let Some(share) = shares.get_mut(turn) {
            share.push((start, image));
        }
        start += pause;
        turn = (turn + 1) % threads;
    }
    // A rate of 0 means no messages.
    let interval = (options.rate > 0.0)
        .then(|| Duration::try_from_secs_f64(options.rate.recip()).unwrap_or(LONGEST_INTERVAL));
    let started = shares.into_iter().map(|share| {
        let (reporter, shutdown) = (Arc::clone(reporter), shutdown.clone());
        let network = FleetNetwork(options.broker.clone());
        thread::Builder::new()
            .name("devices".into())
            .spawn(move || simulate(share, interval, &network, &reporter, &shutdown))
    });
    started.collect::<io::Result<_>>().map(DevicePool)
}

impl DevicePool {
    /// Waits until all devices have stopped. Returns the results, one item per thread.
    pub(super) fn join(self) -> io::Result<Vec<Records>> {
        let panicked = |_| Err(io::Error::other("a device panicked"));
        self.0.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    }
}

/// Runs the devices of one thread. The futures of the `no_std` agent are not `Send`, so a device stays on its thread.
fn simulate(
    share: Vec<(Duration, DeviceImage)>,
    interval: Option<Duration>,
    network: &FleetNetwork,
    reporter: &Arc<Reporter>,
    shutdown: &ShutdownSignal,
) -> io::Result<Records> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let latencies = || Latencies::new().ok_or_else(|| io::Error::other("no histogram"));
    let measured =
        Rc::new(RefCell::new(MeasuredLatencies { connect: latencies()?, acknowledge: latencies()? }));
    let set = LocalSet::new();
    let devices = set.block_on(&runtime, async {
        let mut tasks = Vec::with_capacity(share.len());
        for (start, image) in share {
            let (reporter, measured) = (Arc::clone(reporter), Rc::clone(&measured));
            let (network, shutdown) = (network.clone(), shutdown.clone());
            tasks.push(tokio::task::spawn_local(async move {
                let mut waiting = shutdown.clone();
                tokio::select! {
                    () = tokio::time::sleep(start) => {}
                    _ = waiting.requested() => {}
                }
                let firmware =
                    Firmware::new(image.device_id.clone(), interval, reporter, measured, shutdown.clone());
                if shutdown.deadline().is_some() {
                    return Some(firmware.record());
                }
                device::run(image, network, firmware, shutdown).await
            }));
        }
        let mut devices = Vec::with_capacity(tasks.len());
        for task in tasks {
            devices.extend(task.await.map_err(io::Error::other)?);
        }
        Ok::<_, io::Error>(devices)
    })?;
    let measured = measured.borrow();
    Ok(Records { devices, connect: measured.connect.clone(), acknowledge: measured.acknowledge.clone() })
}
