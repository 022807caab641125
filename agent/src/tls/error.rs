//! Why there is no session, or no longer one.

use embedded_io_async::ErrorKind;

use super::chain::ChainError;
use super::record::RecordFault;
use crate::credential::SignError;

/// Why there is no session, or no longer one. Every one of them is final for the connection.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// Neither a clock nor a floor: a certificate cannot be judged.
    #[error("no time to judge certificates by: neither a clock nor a floor")]
    NoTime,
    /// The clock says less than what has been for certain.
    #[error("the clock says {clock}, and it has been later than {floor} already")]
    ClockBehindFloor {
        /// Unix seconds.
        clock: u64,
        /// Unix seconds.
        floor: u64,
    },
    /// The broker's certificate chain is refused.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The broker leaves out, repeats or fails a step of its proof.
    #[error(transparent)]
    Handshake(#[from] HandshakeFault),
    /// Our own key did not sign.
    #[error(transparent)]
    Signer(#[from] SignError),
    /// The record guard has shut the connection.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The transport has failed.
    #[error("the transport failed: {0:?}")]
    Transport(ErrorKind),
    /// The broker, which has proved itself, closed the connection while we were proving ourselves. A TLS 1.3 server
    /// that refuses a client certificate may be that fast; what it says is lost with the connection.
    #[error("the broker closed the connection when it had seen the device's certificate")]
    Dismissed,
    /// The broker has ended the session with an alert other than close_notify. Right after the handshake this is
    /// how a TLS 1.3 server refuses a client certificate.
    #[error("the broker ended the session with an alert")]
    Alert,
    /// A record does not decrypt, or holds what may not come now: a fragment of a message, a message of another length
    /// than its fields, a KeyUpdate, a CertificateRequest after the handshake, nothing at all.
    #[error("a record that does not decrypt, or holds what is not allowed there")]
    Undecipherable,
    /// The TLS client stumbled over something else.
    #[error("{0}")]
    Protocol(ProtocolError),
}

/// What the broker leaves out, repeats or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFault {
    /// No Certificate before Finished.
    #[error("the broker did not send a certificate")]
    NoCertificate,
    /// More than one Certificate.
    #[error("the broker sent a second Certificate")]
    SecondCertificate,
    /// No CertificateVerify before Finished: a certificate is public, its key is not.
    #[error("the broker did not prove that it has the key of its certificate")]
    NoCertificateVerify,
    /// CertificateVerify before Certificate, or twice.
    #[error("the broker sent CertificateVerify out of place")]
    CertificateVerifyOutOfPlace,
    /// CertificateVerify with another scheme than ecdsa_secp256r1_sha256.
    #[error("the broker signed with another scheme than ecdsa_secp256r1_sha256")]
    SignatureScheme,
    /// CertificateVerify does not verify.
    #[error("the broker does not have the key of its certificate")]
    BadSignature,
    /// The broker does not ask for a client certificate, so it would take any client for this device.
    #[error("the broker did not ask for a client certificate")]
    NoCertificateRequest,
}

/// A refusal of the TLS client below, by its name there.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the handshake failed: {0:?}")]
pub struct ProtocolError(embedded_tls::TlsError);

impl PartialEq for ProtocolError {
    fn eq(&self, other: &Self) -> bool {
        core::mem::discriminant(&self.0) == core::mem::discriminant(&other.0)
    }
}

impl TlsError {
    /// Puts together what the guard below embedded-tls knows and what embedded-tls says.
    pub(super) fn new(code: embedded_tls::TlsError, guard: Option<RecordFault>) -> Self {
        match (code, guard) {
            (embedded_tls::TlsError::Io(kind), Some(RecordFault::Transport)) => Self::Transport(kind),
            (_, Some(fault)) => Self::Record(fault),
            (embedded_tls::TlsError::CryptoError, None) => Self::Undecipherable,
            // Its only meaning after the handshake, where the guard lets nothing else through.
            (embedded_tls::TlsError::InternalError, None) => Self::Alert,
            (code, None) => Self::Protocol(ProtocolError(code)),
        }
    }
}

impl TlsError {
    /// What this means if the broker had proved itself and was being shown who we are.
    pub(super) const fn while_proving_ourselves(self) -> Self {
        match self {
            Self::Transport(
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted,
            ) => Self::Dismissed,
            other => other,
        }
    }
}

impl embedded_io_async::Error for TlsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(kind) => *kind,
            Self::Record(RecordFault::Ended) => ErrorKind::ConnectionAborted,
            Self::Alert | Self::Dismissed => ErrorKind::ConnectionReset,
            _ => ErrorKind::InvalidData,
        }
    }
}
