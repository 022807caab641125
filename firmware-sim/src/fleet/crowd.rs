//! All devices, on as many threads as there are processors.

use std::cell::RefCell;
use std::io;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::task::LocalSet;

use super::Options;
use super::detour::Detour;
use super::device;
use super::firmware::{Firmware, Measured};
use super::images::DeviceImage;
use super::record::{Latencies, Records};
use super::stop::Stopping;
use super::voice::Voice;

/// Longer than any fleet lives; the clock can count it.
const LIFETIME: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Files that are open besides the connections of devices.
const OTHER_FILES: u64 = 64;

/// The system does not allow as many connections as there are devices.
#[derive(Debug, thiserror::Error)]
#[error("{devices} devices take {needed} open files, and the system allows {limit}")]
pub(super) struct TooManyDevices {
    devices: usize,
    needed: u64,
    limit: u64,
}

/// Raises the limit of open files as far as `devices` need.
pub(super) fn make_room(devices: usize) -> Result<(), TooManyDevices> {
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

/// Devices under way.
pub(super) struct Crowd(Vec<JoinHandle<io::Result<Records>>>);

/// Starts `images`, every so often one.
pub(super) fn start(
    images: Vec<DeviceImage>,
    options: &Options,
    voice: &Arc<Voice>,
    stopping: &Stopping,
) -> io::Result<Crowd> {
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
    // No rate, no messages; a very low one is once in a lifetime.
    let interval =
        (options.rate > 0.0).then(|| Duration::try_from_secs_f64(options.rate.recip()).unwrap_or(LIFETIME));
    let started = shares.into_iter().map(|share| {
        let (voice, stopping) = (Arc::clone(voice), stopping.clone());
        let network = Detour(options.broker.clone());
        thread::Builder::new()
            .name("devices".into())
            .spawn(move || simulate(share, interval, &network, &voice, &stopping))
    });
    started.collect::<io::Result<_>>().map(Crowd)
}

impl Crowd {
    /// Waits until all have left. What became of them, a thread after the other.
    pub(super) fn join(self) -> io::Result<Vec<Records>> {
        let panicked = |_| Err(io::Error::other("a device panicked"));
        self.0.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    }
}

/// The devices of one thread. The futures of a `no_std` agent cannot move to another.
fn simulate(
    share: Vec<(Duration, DeviceImage)>,
    interval: Option<Duration>,
    network: &Detour,
    voice: &Arc<Voice>,
    stopping: &Stopping,
) -> io::Result<Records> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let latencies = || Latencies::new().ok_or_else(|| io::Error::other("no histogram"));
    let measured = Rc::new(RefCell::new(Measured { connect: latencies()?, acknowledge: latencies()? }));
    let set = LocalSet::new();
    let devices = set.block_on(&runtime, async {
        let mut lives = Vec::with_capacity(share.len());
        for (start, image) in share {
            let (voice, measured) = (Arc::clone(voice), Rc::clone(&measured));
            let (network, stopping) = (network.clone(), stopping.clone());
            lives.push(tokio::task::spawn_local(async move {
                let mut waiting = stopping.clone();
                tokio::select! {
                    () = tokio::time::sleep(start) => {}
                    _ = waiting.asked() => {}
                }
                let firmware =
                    Firmware::new(image.device_id.clone(), interval, voice, measured, stopping.clone());
                if stopping.deadline().is_some() {
                    return Some(firmware.record());
                }
                device::live(image, network, firmware, stopping).await
            }));
        }
        let mut devices = Vec::with_capacity(lives.len());
        for life in lives {
            devices.extend(life.await.map_err(io::Error::other)?);
        }
        Ok::<_, io::Error>(devices)
    })?;
    let measured = measured.borrow();
    Ok(Records { devices, connect: measured.connect.clone(), acknowledge: measured.acknowledge.clone() })
}
