//! [`MosquittoClient`]: a client as mosquitto tells of it, and its certificate as libcrypto does.

use std::ffi::{CString, c_int};
use std::ptr::{self, NonNull};

use rustls_pki_types::CertificateDer;

use super::text::text_at;
use crate::api::{self, X509, mosquitto};
use crate::client::{CertificateFault, Client, ClientHandle, MAX_CERTIFICATE_LEN, Protocol};

/// A client of mosquitto, while a callback runs.
pub(super) struct MosquittoClient(NonNull<mosquitto>);

impl MosquittoClient {
    pub(super) fn at(client: *mut mosquitto) -> Option<Self> {
        NonNull::new(client).map(Self)
    }

    /// Gives it another user name; a code of mosquitto.
    pub(super) fn set_user_name(&self, user_name: &str) -> c_int {
        let Ok(user_name) = CString::new(user_name) else { return api::MOSQ_ERR_AUTH };
        // An empty name would leave the client with the one that it has given itself.
        if user_name.is_empty() {
            return api::MOSQ_ERR_AUTH;
        }
        match unsafe { api::mosquitto_set_username(self.0.as_ptr(), user_name.as_ptr()) } {
            api::MOSQ_ERR_SUCCESS => api::MOSQ_ERR_SUCCESS,
            _ => api::MOSQ_ERR_AUTH,
        }
    }

    fn x509(&self) -> Option<OwnedX509> {
        let certificate = unsafe { api::mosquitto_client_certificate(self.0.as_ptr()) };
        NonNull::new(certificate.cast()).map(OwnedX509)
    }
}

impl Client for MosquittoClient {
    fn handle(&self) -> ClientHandle {
        ClientHandle::at(self.0.as_ptr().addr())
    }

    fn id(&self) -> Option<&str> {
        unsafe { text_at(api::mosquitto_client_id(self.0.as_ptr())) }
    }

    fn address(&self) -> Option<&str> {
        unsafe { text_at(api::mosquitto_client_address(self.0.as_ptr())) }
    }

    fn certificate(&self) -> Result<Option<CertificateDer<'static>>, CertificateFault> {
        self.x509().map(|certificate| certificate.der()).transpose()
    }

    fn has_certificate(&self) -> bool {
        self.x509().is_some()
    }

    fn protocol(&self) -> Protocol {
        match unsafe { api::mosquitto_client_protocol_version(self.0.as_ptr()) } {
            3 => Protocol::V31,
            4 => Protocol::V311,
            5 => Protocol::V5,
            _ => Protocol::Unknown,
        }
    }

    fn is_clean(&self) -> bool {
        unsafe { api::mosquitto_client_clean_session(self.0.as_ptr()) }
    }
}

/// A certificate of libcrypto, freed with the value.
struct OwnedX509(NonNull<X509>);

impl OwnedX509 {
    fn der(&self) -> Result<CertificateDer<'static>, CertificateFault> {
        let certificate = self.0.as_ptr();
        let said = unsafe { api::i2d_X509(certificate, ptr::null_mut()) };
        let len = usize::try_from(said).map_err(|_| CertificateFault::NotWritten)?;
        if len > MAX_CERTIFICATE_LEN {
            return Err(CertificateFault::TooLong(len));
        }
        let mut der = vec![0; len];
        let mut to = der.as_mut_ptr();
        if len == 0 || unsafe { api::i2d_X509(certificate, &raw mut to) } != said {
            return Err(CertificateFault::NotWritten);
        }
        Ok(der.into())
    }
}

impl Drop for OwnedX509 {
    fn drop(&mut self) {
        unsafe { api::X509_free(self.0.as_ptr()) };
    }
}
