//! A stolen device that plays the broker towards another device's agent.
//!
//! Its certificate is genuine, of the same fleet, and proves its key. It is of the wrong root, and no server's.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use device_identity::image::{Image, SLOT_LEN};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use zeroize::Zeroizing;

use super::{Impostor, Scene};
use crate::demo::device::Device;
use crate::demo::report::Outcome;
use crate::demo::tls::{Papers, setup};
use crate::demo::trouble::Trouble;

pub(super) const IMPOSTOR: Impostor = Impostor {
    tried: "a device certificate posing as the broker",
    expected: "the agent turns away",
    attempt,
};

fn attempt(scene: &mut Scene<'_>) -> Result<Outcome, Trouble> {
    let port = serve(Papers::read(&scene.fleet.device_papers(scene.mallory))?)?;
    let image = scene.scratch.join("misled.bin");
    redirect(&scene.fleet.image(scene.victim), &image, port)?;
    let start = Instant::now();
    let mut device = Device::start(scene.processes, scene.victim, &image)?;
    let change = device.turns(&["online", "offline", "refused"])?;
    Ok(Outcome {
        as_expected: change.cause == "broker_not_trusted",
        happened: format!("{}: {}", change.state, change.detail),
        reason: change.cause,
        took: change.at.duration_since(start),
    })
}

/// A TLS server with these papers, on a port of its own. It ends with the process.
fn serve(papers: Papers) -> Result<u16, Trouble> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(setup)?
        .with_no_client_auth()
        .with_single_cert(papers.chain, papers.key)
        .map_err(setup)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(setup)?;
    let port = listener.local_addr().map_err(setup)?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One at a time will do; nobody honest comes here.
            let waits = stream.set_read_timeout(Some(Duration::from_secs(5)));
            if let (Ok(()), Ok(session)) = (waits, ServerConnection::new(Arc::clone(&config))) {
                // The handshake happens on the way; how it ends is the agent's to say.
                let _ = StreamOwned::new(session, stream).read(&mut [0; 512]);
            }
        }
    });
    Ok(port)
}

/// The image at `from`, for a broker at `port`.
fn redirect(from: &Path, to: &Path, port: u16) -> Result<(), Trouble> {
    let slot = std::fs::read(from).map_err(|source| Trouble::File { path: from.to_owned(), source })?;
    let slot = Zeroizing::new(slot);
    let mut image = Image::read(&slot).map_err(setup)?;
    image.broker_host = "127.0.0.1";
    image.broker_port = port;
    let mut redirected = Zeroizing::new([0_u8; SLOT_LEN]);
    image.write(&mut redirected).map_err(setup)?;
    std::fs::write(to, redirected.as_slice()).map_err(|source| Trouble::File { path: to.to_owned(), source })
}
