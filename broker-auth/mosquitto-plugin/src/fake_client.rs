//! A client and a log without a mosquitto, for tests.

use std::cell::RefCell;

use rustls_pki_types::CertificateDer;

use crate::client::{CertificateFault, Client, ClientHandle, Protocol};
use crate::log::{Level, Log};

/// A client that is what it is told to be.
#[derive(Clone)]
pub(crate) struct FakeClient {
    pub(crate) handle: ClientHandle,
    pub(crate) id: Option<String>,
    pub(crate) certificate: Result<Option<CertificateDer<'static>>, CertificateFault>,
    pub(crate) protocol: Protocol,
    pub(crate) is_clean: bool,
}

impl FakeClient {
    /// One that speaks MQTT 5 and has shown no certificate.
    pub(crate) fn new(number: usize, id: &str) -> Self {
        Self {
            handle: ClientHandle::for_test(number),
            id: Some(id.to_owned()),
            certificate: Ok(None),
            protocol: Protocol::V5,
            is_clean: true,
        }
    }
}

impl Client for FakeClient {
    fn handle(&self) -> ClientHandle {
        self.handle
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn address(&self) -> Option<&str> {
        Some("192.0.2.7")
    }

    fn certificate(&self) -> Result<Option<CertificateDer<'static>>, CertificateFault> {
        self.certificate.clone()
    }

    fn has_certificate(&self) -> bool {
        self.certificate.as_ref().is_ok_and(Option::is_some)
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn is_clean(&self) -> bool {
        self.is_clean
    }
}

/// A log in memory.
#[derive(Default)]
pub(crate) struct MemoryLog(RefCell<Vec<String>>);

impl MemoryLog {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}

impl Log for MemoryLog {
    fn write(&self, _: Level, text: &str) {
        self.0.borrow_mut().push(text.to_owned());
    }
}
