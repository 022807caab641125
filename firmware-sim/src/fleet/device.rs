//! One device: the agent, on a board made of this machine.

use std::time::Duration;

use countersign_agent::credential::Credential;
use countersign_agent::device::{Agent, Config, Memory};
use countersign_agent::platform::Platform;
use countersign_agent::platform::host::{HostClock, HostRandom, MemoryFlash};

use super::detour::Detour;
use super::firmware::Firmware;
use super::images::DeviceImage;
use super::record::Record;
use super::stop::Stopping;

/// How much longer than the last acknowledgement the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// The two blocks of the time floor.
const FLASH_BLOCKS: usize = 2;

/// Lives until the device leaves. `None` if the image makes no credential, though it did a moment ago.
pub(super) async fn live(
    image: DeviceImage,
    network: Detour,
    mut firmware: Firmware,
    mut stopping: Stopping,
) -> Option<Record> {
    let credential = Credential::read(image.slot()).ok()?;
    let mut platform = Platform {
        network,
        clock: HostClock::trusted(),
        rng: HostRandom(rand::rngs::ThreadRng::default()),
        flash: MemoryFlash::new(FLASH_BLOCKS),
    };
    let mut memory = Box::new(Memory::<2048, 2048>::new());
    let mut agent = Agent::new(credential, Config::default(), &mut memory);
    {
        let too_late = async {
            let deadline = stopping.asked().await;
            tokio::time::sleep_until(deadline + GOODBYE).await;
        };
        tokio::select! {
            // Flash in memory does not fail.
            _ = agent.run(&mut platform, &mut firmware) => {}
            () = too_late => {}
        }
    }
    Some(firmware.record())
}
