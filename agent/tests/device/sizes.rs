//! What a connection costs in memory. The targets have 32-bit pointers and need a little less.

use countersign_agent::command::Command;
use countersign_agent::credential::{Credential, SoftwareSigner};
use countersign_agent::device::{Agent, Application, Config, Control, Memory};
use countersign_agent::platform::Platform;
use countersign_agent::platform::host::part::Nrf52840;
use countersign_agent::platform::host::{HostClock, HostNetwork, NorFlashModel};
use countersign_agent::telemetry::Queue;
use countersign_agent::tls::{AuthenticatedStream, Buffers};
use countersign_agent::x509::Time;
use embedded_io_async::{Read as _, Write as _};

use crate::pki::{Fleet, NOW};
use crate::random::Random;
use crate::replay::{Recording, Replay, block_on};

/// An application that needs no memory.
struct Idle;

impl Application for Idle {
    async fn produce(&mut self, _: &mut Queue<'_>) -> Control {
        std::future::pending().await
    }

    async fn handle_command(&mut self, _: Command<'_>, _: &mut Queue<'_>) {}
}

/// A future's size without polling it.
fn size<F: Future>(future: &F) -> usize {
    size_of_val(future)
}

#[test]
fn sizes_are_what_the_documentation_says() {
    let slot = Fleet::new().slot();
    let mut credential = Credential::read(&slot).unwrap();
    let (mut random, mut buffers, mut replay) = (Random::new(), Buffers::new(), Replay::default());
    let time = Time::Clock(NOW);
    let connecting =
        size(&countersign_agent::tls::connect(&mut replay, &mut credential, time, &mut random, &mut buffers));

    let recording = Recording::new();
    let mut replay = recording.replay();
    let mut stream = block_on(recording.connect(&mut replay, &mut buffers)).unwrap();
    let reading = size(&stream.read(&mut [0; 8]));
    let writing = size(&stream.write(b"x"));
    let flushing = size(&stream.flush());

    let mut memory = Memory::<2048, 2048>::new();
    let credential = Credential::<SoftwareSigner>::read(&slot).unwrap();
    let mut agent = Agent::new(credential, Config::default(), &mut memory);
    let clock = HostClock::untrusted();
    let mut platform =
        Platform { network: HostNetwork, clock, rng: random, flash: NorFlashModel::<Nrf52840>::new(2) };
    let running = size(&agent.run(&mut platform, &mut Idle));

    let sizes = [
        ("memory", size_of::<Memory<2048, 2048>>(), 9900),
        ("agent", size_of::<Agent<'_, SoftwareSigner>>(), 1400),
        ("future of run", running, 5600),
        ("buffers", size_of::<Buffers>(), 5300),
        ("credential", size_of::<Credential<'_, SoftwareSigner>>(), 640),
        ("stream", size_of::<AuthenticatedStream<'_, &mut Replay>>(), 1600),
        ("future of connect", connecting, 3100),
        ("future of read", reading, 700),
        ("future of write", writing, 460),
        ("future of flush", flushing, 380),
    ];
    for (name, size, limit) in sizes {
        println!("{name:20} {size:6} bytes, at most {limit}");
    }
    for (name, size, limit) in sizes {
        assert!(size <= limit, "{name}: {size} bytes");
        assert!(size >= limit * 2 / 3, "{name}: {size} bytes, so the limit can come down from {limit}");
    }
}
