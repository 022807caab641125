//! A TLS server with the credentials of a stolen device poses as the broker towards another device's agent.
//!
//! Its certificate is genuine, of the same fleet, and it has the private key. But the certificate chains to the device
//! root instead of the broker root, and its extended key usage is not that of a server.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use device_identity::image::{Image, SLOT_LEN};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use zeroize::Zeroizing;

use super::impostor::{AttackContext, Impostor};
use crate::demo::device::Device;
use crate::demo::error::DemoError;
use crate::demo::report::Outcome;
use crate::demo::tls::{Credentials, setup};

pub(super) const IMPOSTOR: Impostor = Impostor {
    tried: "a device certificate posing as the broker",
    expected: "the agent turns away",
    attempt,
};

fn attempt(context: &mut AttackContext<'_>) -> Result<Outcome, DemoError> {
    let port = serve(Credentials::read(&context.fleet.device_credentials(context.mallory))?)?;
    let image = context.scratch.join("misled.bin");
    redirect(&context.fleet.image(context.victim), &image, port)?;
    let start = Instant::now();
    let mut device = Device::start(context.processes, context.victim, &image)?;
    let change = device.wait_for_state(&["online", "offline", "refused"])?;
    Ok(Outcome {
        as_expected: change.cause == "broker_not_trusted",
        happened: format!("{}: {}", change.state, change.detail),
        reason: change.cause,
        took: change.at.duration_since(start),
    })
}

/// Starts a TLS server with these credentials. Returns its port. The server ends with the process.
fn serve(credentials: Credentials) -> Result<u16, DemoError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(setup)?
        .with_no_client_auth()
        .with_single_cert(credentials.chain, credentials.key)
        .map_err(setup)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(setup)?;
    let port = listener.local_addr().map_err(setup)?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One connection at a time is enough: only the misled agent connects.
            let waits = stream.set_read_timeout(Some(Duration::from_secs(5)));
            if let (Ok(()), Ok(session)) = (waits, ServerConnection::new(Arc::clone(&config))) {
                // Reading drives the handshake; the agent reports how it ended.
                let _ = StreamOwned::new(session, stream).read(&mut [0; 512]);
            }
        }
    });
    Ok(port)
}

/// Writes the image at `from` to `to`, with 127.0.0.1 and `port` as its broker.
fn redirect(from: &Path, to: &Path, port: u16) -> Result<(), DemoError> {
    let slot = std::fs::read(from).map_err(|source| DemoError::File { path: from.to_owned(), source })?;
    let slot = Zeroizing::new(slot);
    let mut image = Image::read(&slot).map_err(setup)?;
    image.broker_host = "127.0.0.1";
    image.broker_port = port;
    let mut redirected = Zeroizing::new([0_u8; SLOT_LEN]);
    image.write(&mut redirected).map_err(setup)?;
    std::fs::write(to, redirected.as_slice())
        .map_err(|source| DemoError::File { path: to.to_owned(), source })
}
