//! Mutual TLS 1.3 for microcontrollers: embedded-tls, never bare.
//!
//! embedded-tls 0.19 completes a handshake with a server that sends no certificate, or one without proof of its key;
//! it panics on some of what a peer can send; and it forgets half a record when a read is dropped. This is the only
//! place that names it, and stands on all sides of it:
//!
//! - below, the record guard (`guard`): whole records of legal type and length, one ServerHello, no plain text after;
//! - inside, the cipher (`suite`): no message that may not come now, whole or in part;
//! - beside, the gate (`gate`) with the strict chain verifier (`chain`): nothing of ours before the broker's proof;
//! - above, the stream (`stream`): exists only when every proof is there, and every error is final.
//!
//! A server must take TLS_AES_128_GCM_SHA256 and P-256 at once, sign with ecdsa_secp256r1_sha256, ask for a client
//! certificate, keep each handshake message within a record, and each record within [`MAX_CONTENT`]. It may select the
//! application protocol `mqtt`, or none, and no other.

#[cfg(feature = "fuzzing")]
mod bare_guard;
mod buffers;
mod chain;
mod error;
mod gate;
mod guard;
mod latch;
mod record;
mod stream;
mod suite;

use embedded_io_async::{Read, Write};
use embedded_tls::{TlsConfig, TlsConnection, TlsContext};
use p256::elliptic_curve::rand_core::CryptoRngCore;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use bare_guard::BareGuard;
pub use buffers::{Buffers, MAX_CONTENT};
pub use chain::{BrokerCertificate, ChainError, Link, verify_chain};
pub use error::{HandshakeFault, ProtocolError, TlsError};
pub use record::{RecordFault, ServerHelloFault};
pub use stream::AuthenticatedStream;

use crate::credential::{Credential, Signer};
use crate::x509::{ServerName, Time};
use gate::Gate;
use guard::Guard;

/// What is offered as the application protocol (ALPN, RFC 7301): MQTT by its registered name. A server may select none.
const PROTOCOLS: &[&[u8]] = &[b"mqtt"];

/// Performs a handshake over `transport` and returns a stream once both sides have proved who they are.
///
/// `time` is a trusted clock, or the highest floor the device has kept; the image's own floor counts in either case.
/// `rng` must be seeded from hardware, anew at every boot: it makes the ephemeral keys. It must not fail.
///
/// It has no clock, so it sets no deadline: the caller does, and drops the future and with it the transport when it
/// passes.
pub async fn connect<'b, T, S, R>(
    transport: T,
    credential: &mut Credential<'_, S>,
    time: Time,
    rng: &mut R,
    buffers: &'b mut Buffers,
) -> Result<AuthenticatedStream<'b, T>, TlsError>
where
    T: Read + Write + 'b,
    S: Signer,
    R: CryptoRngCore,
{
    let time = judge(time, credential.time_floor())?;
    let (record, plaintext, outgoing, latch) = buffers.split();

    let server_name = credential.server_name();
    let config = TlsConfig::new().with_alpn(PROTOCOLS);
    let config = match &server_name {
        ServerName::Dns(name) => config.with_server_name(name.as_str()),
        // Literal addresses are not permitted in server_name (RFC 6066 §3).
        ServerName::Ip(_) => config,
    };
    let mut gate = Gate::new(credential, time, rng, latch);
    let mut tls = TlsConnection::new(Guard::new(transport, record, latch), plaintext, outgoing);
    match tls.open(TlsContext::new(&config, &mut gate)).await {
        Ok(()) => Ok(AuthenticatedStream::new(tls, latch, gate.finish()?)),
        Err(code) => {
            let error = gate.fault().unwrap_or_else(|| TlsError::new(code, latch.fault()));
            Err(if gate.has_shown() { error.while_proving_ourselves() } else { error })
        }
    }
}

/// The time to judge by: never before `floor`, and never nothing.
fn judge(time: Time, floor: u64) -> Result<Time, TlsError> {
    match time {
        Time::Clock(clock) if clock < floor => Err(TlsError::ClockBehindFloor { clock, floor }),
        Time::Clock(clock) => Ok(Time::Clock(clock)),
        Time::Floor(kept) => match kept.max(floor) {
            0 => Err(TlsError::NoTime),
            later => Ok(Time::Floor(later)),
        },
    }
}
