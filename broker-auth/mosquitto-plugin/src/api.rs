//! What mosquitto declares in `mosquitto_broker.h`, `mosquitto_plugin.h` and `mosquitto.h`, and libcrypto in
//! `openssl/x509.h`, as far as it is used here: plugin interface 5, of mosquitto 2.0.
//!
//! Nothing here does anything. The declarations are our own, so that the workspace builds without mosquitto's headers;
//! `tests/declarations` compares them with those of an installed mosquitto.
//!
//! The functions are found when mosquitto loads the library: mosquitto exports its own, and brings libcrypto. Where one
//! is missing (a mosquitto before 2.0, or one without TLS), `dlopen` with `RTLD_NOW` fails, and mosquitto does not start.
#![allow(non_camel_case_types, reason = "types are called as in the headers")]
#![allow(missing_docs, reason = "the headers say what they are")]

use std::ffi::{c_char, c_int, c_void};

/// The plugin interface that this is written for (`MOSQ_PLUGIN_VERSION`).
pub const MOSQ_PLUGIN_VERSION: c_int = 5;

pub const MOSQ_ERR_SUCCESS: c_int = 0;
pub const MOSQ_ERR_INVAL: c_int = 3;
pub const MOSQ_ERR_NOT_SUPPORTED: c_int = 10;
pub const MOSQ_ERR_AUTH: c_int = 11;
pub const MOSQ_ERR_ACL_DENIED: c_int = 12;
pub const MOSQ_ERR_UNKNOWN: c_int = 13;

pub const MOSQ_EVT_RELOAD: c_int = 1;
pub const MOSQ_EVT_ACL_CHECK: c_int = 2;
pub const MOSQ_EVT_BASIC_AUTH: c_int = 3;
pub const MOSQ_EVT_TICK: c_int = 9;
pub const MOSQ_EVT_DISCONNECT: c_int = 10;
/// Of mosquitto 2.1, with the data of `MOSQ_EVT_DISCONNECT`: the connection of a client has ended whose session is kept.
pub const MOSQ_EVT_CLIENT_OFFLINE: c_int = 28;

pub const MOSQ_ACL_READ: c_int = 1;
pub const MOSQ_ACL_WRITE: c_int = 2;
pub const MOSQ_ACL_SUBSCRIBE: c_int = 4;
pub const MOSQ_ACL_UNSUBSCRIBE: c_int = 8;

pub const MOSQ_LOG_INFO: c_int = 1;
pub const MOSQ_LOG_NOTICE: c_int = 2;
pub const MOSQ_LOG_WARNING: c_int = 4;
pub const MOSQ_LOG_ERR: c_int = 8;

/// `struct mosquitto`: a client, of which only the address is known here.
#[repr(C)]
pub struct mosquitto {
    _private: [u8; 0],
}

/// `mosquitto_plugin_id_t`
#[repr(C)]
pub struct mosquitto_plugin_id_t {
    _private: [u8; 0],
}

/// `mosquitto_property`
#[repr(C)]
pub struct mosquitto_property {
    _private: [u8; 0],
}

/// libcrypto's `X509`
#[repr(C)]
pub struct X509 {
    _private: [u8; 0],
}

#[repr(C)]
pub struct mosquitto_opt {
    pub key: *mut c_char,
    pub value: *mut c_char,
}

#[repr(C)]
pub struct mosquitto_evt_acl_check {
    pub future: *mut c_void,
    pub client: *mut mosquitto,
    pub topic: *const c_char,
    pub payload: *const c_void,
    pub properties: *mut mosquitto_property,
    pub access: c_int,
    pub payloadlen: u32,
    pub qos: u8,
    pub retain: bool,
    pub future2: [*mut c_void; 4],
}

#[repr(C)]
pub struct mosquitto_evt_basic_auth {
    pub future: *mut c_void,
    pub client: *mut mosquitto,
    pub username: *mut c_char,
    pub password: *mut c_char,
    pub future2: [*mut c_void; 4],
}

#[repr(C)]
pub struct mosquitto_evt_disconnect {
    pub future: *mut c_void,
    pub client: *mut mosquitto,
    pub reason: c_int,
    pub future2: [*mut c_void; 4],
}

/// `MOSQ_FUNC_generic_callback`: event, its data, what was registered with the callback.
pub type MOSQ_FUNC_generic_callback = unsafe extern "C" fn(c_int, *mut c_void, *mut c_void) -> c_int;

#[expect(unsafe_code, reason = "functions of C are declared")]
unsafe extern "C" {
    pub fn mosquitto_callback_register(
        identifier: *mut mosquitto_plugin_id_t,
        event: c_int,
        cb_func: MOSQ_FUNC_generic_callback,
        event_data: *const c_void,
        userdata: *mut c_void,
    ) -> c_int;
    pub fn mosquitto_callback_unregister(
        identifier: *mut mosquitto_plugin_id_t,
        event: c_int,
        cb_func: MOSQ_FUNC_generic_callback,
        event_data: *const c_void,
    ) -> c_int;

    pub fn mosquitto_log_printf(level: c_int, fmt: *const c_char, ...);

    pub fn mosquitto_client_address(client: *const mosquitto) -> *const c_char;
    pub fn mosquitto_client_clean_session(client: *const mosquitto) -> bool;
    pub fn mosquitto_client_id(client: *const mosquitto) -> *const c_char;
    /// An `X509` that the caller frees; null where the client has shown none.
    pub fn mosquitto_client_certificate(client: *const mosquitto) -> *mut c_void;
    pub fn mosquitto_client_protocol_version(client: *const mosquitto) -> c_int;
    pub fn mosquitto_set_username(client: *mut mosquitto, username: *const c_char) -> c_int;

    /// A null client id is *every* client.
    pub fn mosquitto_kick_client_by_clientid(clientid: *const c_char, with_will: bool) -> c_int;

    pub fn mosquitto_broker_publish_copy(
        clientid: *const c_char,
        topic: *const c_char,
        payloadlen: c_int,
        payload: *const c_void,
        qos: c_int,
        retain: bool,
        properties: *mut mosquitto_property,
    ) -> c_int;

    /// Writes the DER of `certificate` to `*to` and moves `*to` behind it; null for `to`: says how many octets it is.
    /// Negative: it cannot be written.
    pub fn i2d_X509(certificate: *const X509, to: *mut *mut u8) -> c_int;
    pub fn X509_free(certificate: *mut X509);
}
