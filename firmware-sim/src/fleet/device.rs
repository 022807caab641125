//! One device: the agent on the platform of this machine.

use std::time::Duration;

use countersign_agent::credential::Credential;
use countersign_agent::device::{Agent, Config, Memory};
use countersign_agent::platform::Platform;
use countersign_agent::platform::host::part::Nrf52840;
use countersign_agent::platform::host::{HostClock, HostRandom, NorFlashModel};

use super::firmware::Firmware;
use super::images::DeviceImage;
use super::network::FleetNetwork;
use super::record::Record;
use super::shutdown::ShutdownSignal;

/// How long the DISCONNECT may take after the deadline for the last acknowledgement.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Flash blocks of a device: the two of the agent's time floor.
const FLASH_BLOCKS: usize = 2;

/// Runs a device until it has stopped. `None` if the image holds no credential; it was checked before.
pub(super) async fn run(
    image: DeviceImage,
    network: FleetNetwork,
    mut firmware: Firmware,
    mut shutdown: ShutdownSignal,
) -> Option<Record> {
    let credential = Credential::read(image.slot()).ok()?;
    let mut platform = Platform {
        network,
        clock: HostClock::trusted(),
        rng: HostRandom(rand::rngs::ThreadRng::default()),
        flash: NorFlashModel::<Nrf52840>::new(FLASH_BLOCKS),
    };
    let mut memory = Box::new(Memory::<2048, 2048>::new());
    let mut agent = Agent::new(credential, Config::default(), &mut memory);
    {
        let too_late = async {
            let deadline = shutdown.requested().await;
            tokio::time::sleep_until(deadline + DISCONNECT_TIMEOUT).await;
        };
        tokio::select! {
            // The only error of the agent is one of its flash; flash in memory does not fail.
            _ = agent.run(&mut platform, &mut firmware) => {}
            () = too_late => {}
        }
    }
    Some(firmware.record())
}
