//! [`Client`]: what mosquitto says of a client while it asks about it.

use rustls_pki_types::CertificateDer;

/// The octets that the DER of a certificate may have. OpenSSL takes no more from a client.
pub const MAX_CERTIFICATE_LEN: usize = 100 * 1024;

/// Which of mosquitto's clients it is, for as long as mosquitto keeps that one: after that, another may get the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientHandle(usize);

impl ClientHandle {
    /// The handle of the client at this address.
    pub(crate) fn at(address: usize) -> Self {
        Self(address)
    }

    /// A handle like no other that a test gives another number.
    #[cfg(test)]
    pub(crate) fn for_test(number: usize) -> Self {
        Self(number)
    }
}

/// What mosquitto says of a client while it asks about it.
pub trait Client {
    /// Which one it is.
    fn handle(&self) -> ClientHandle;

    /// Its client id: what it asked for, or what mosquitto has assigned. `None`: it has none, or none that is UTF-8.
    fn id(&self) -> Option<&str>;

    /// The address that it comes from, as text. `None`: there is none, or none that is UTF-8.
    fn address(&self) -> Option<&str>;

    /// The certificate that it has shown, alone: mosquitto keeps what came with it to itself.
    ///
    /// # Errors
    /// It has shown one that cannot be told.
    fn certificate(&self) -> Result<Option<CertificateDer<'static>>, CertificateFault>;

    /// Whether it is connected and has shown a certificate.
    fn has_certificate(&self) -> bool;

    /// Which MQTT it speaks.
    fn protocol(&self) -> Protocol;

    /// Whether CONNECT had Clean Session, or Clean Start, set.
    fn is_clean(&self) -> bool;
}

/// The version of MQTT that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// 3.1
    V31,
    /// 3.1.1
    V311,
    /// 5
    V5,
    /// mosquitto does not say, or says a number that is not known here.
    Unknown,
}

/// A certificate that cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// libcrypto does not write it.
    #[error("libcrypto cannot write the client's certificate as DER")]
    NotWritten,
    /// It has more octets than [`MAX_CERTIFICATE_LEN`].
    #[error("the client's certificate has {0} octets, and {MAX_CERTIFICATE_LEN} are looked at")]
    TooLong(usize),
}
