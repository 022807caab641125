//! The boundary to mosquitto: pointers in, values out. The only code here that can be wrong about memory.
//!
//! What it rests on, and what mosquitto 2.0 and 2.1 keep: callbacks come from one thread; what an event points to, and
//! what the functions of a client return, stays as it is until the callback returns, but for the user name of a client
//! that is given another; texts end with a NUL. Whatever is null is answered with deny.
#![expect(unsafe_code, reason = "mosquitto's plugin interface is functions and pointers of C")]

mod client;
mod heap;
mod text;

pub use heap::Heap;

use std::ffi::{CString, c_int, c_void};
use std::ptr;
use std::rc::Rc;
use std::slice;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls_pki_types::UnixTime;

use client::MosquittoClient;
use text::{octets_at, options_at, text_at};

use crate::api::{self, mosquitto_opt, mosquitto_plugin_id_t};
use crate::callbacks::{Access, Admission, Answer, Effects, Login, WillOnKick};
use crate::log::{Level, Log, line};
use crate::plugin::{Plugin, Start};

/// How many versions of the interface mosquitto may offer.
const MAX_VERSIONS: usize = 64;

/// What is registered with mosquitto, in the order in which it is.
const CALLBACKS: [(c_int, api::MOSQ_FUNC_generic_callback); 6] = [
    (api::MOSQ_EVT_CLIENT_OFFLINE, on_disconnect),
    (api::MOSQ_EVT_DISCONNECT, on_disconnect),
    (api::MOSQ_EVT_ACL_CHECK, on_acl_check),
    (api::MOSQ_EVT_TICK, on_tick),
    (api::MOSQ_EVT_RELOAD, on_reload),
    (api::MOSQ_EVT_BASIC_AUTH, on_basic_auth),
];

/// What mosquitto keeps for the plugin between calls.
struct Loaded {
    identifier: *mut mosquitto_plugin_id_t,
    plugin: Plugin,
}

/// `mosquitto_plugin_version`: the version of the interface to speak, or -1 if mosquitto offers none that is known.
///
/// # Safety
/// `versions` is null or points to `count` numbers.
pub unsafe fn version(count: c_int, versions: *const c_int) -> c_int {
    let count = usize::try_from(count).unwrap_or(0).min(MAX_VERSIONS);
    let offered = if versions.is_null() { &[] } else { unsafe { slice::from_raw_parts(versions, count) } };
    if offered.contains(&api::MOSQ_PLUGIN_VERSION) { api::MOSQ_PLUGIN_VERSION } else { -1 }
}

/// `mosquitto_plugin_init`: starts the plugin and registers its callbacks; if that fails, mosquitto does not start.
///
/// # Safety
/// `identifier` is mosquitto's, `userdata` is null or may be written to, and `options` is null or points to `count`
/// options whose texts are null or end with a NUL.
pub unsafe fn init(
    start: Start,
    identifier: *mut mosquitto_plugin_id_t,
    userdata: *mut *mut c_void,
    options: *const mosquitto_opt,
    count: c_int,
) -> c_int {
    if identifier.is_null() || userdata.is_null() {
        return api::MOSQ_ERR_INVAL;
    }
    let plugin = Plugin::start(start, unsafe { options_at(options, count) }, Rc::new(MosquittoLog));
    let loaded = Box::into_raw(Box::new(Loaded { identifier, plugin }));
    for (registered, (event, callback)) in CALLBACKS.iter().enumerate() {
        let code = unsafe {
            api::mosquitto_callback_register(identifier, *event, *callback, ptr::null(), loaded.cast())
        };
        // mosquitto 2.0 tells of every end of a connection by DISCONNECT.
        let is_of_later_version =
            *event == api::MOSQ_EVT_CLIENT_OFFLINE && code == api::MOSQ_ERR_NOT_SUPPORTED;
        if code != api::MOSQ_ERR_SUCCESS && !is_of_later_version {
            MosquittoLog
                .write(Level::Error, &format!("countersign: mosquitto takes no callback for event {event}"));
            unsafe { unload(loaded, registered) };
            return code;
        }
    }
    unsafe { userdata.write(loaded.cast()) };
    api::MOSQ_ERR_SUCCESS
}

/// `mosquitto_plugin_cleanup`: the end of the plugin.
///
/// # Safety
/// `userdata` is null or what [`init`] wrote, and this is its last use.
pub unsafe fn cleanup(userdata: *mut c_void) -> c_int {
    if !userdata.is_null() {
        unsafe { unload(userdata.cast(), CALLBACKS.len()) };
    }
    api::MOSQ_ERR_SUCCESS
}

/// Unregisters the first callbacks, and frees what they were registered with.
unsafe fn unload(loaded: *mut Loaded, registered: usize) {
    let loaded = unsafe { Box::from_raw(loaded) };
    for (event, callback) in CALLBACKS.iter().take(registered) {
        // Nothing can be done about an answer other than that it is no longer registered.
        let _ =
            unsafe { api::mosquitto_callback_unregister(loaded.identifier, *event, *callback, ptr::null()) };
    }
}

unsafe extern "C" fn on_basic_auth(_: c_int, data: *mut c_void, userdata: *mut c_void) -> c_int {
    let (Some(loaded), Some(event)) =
        (unsafe { (loaded_at(userdata), data.cast::<api::mosquitto_evt_basic_auth>().as_ref()) })
    else {
        return api::MOSQ_ERR_AUTH;
    };
    let client = MosquittoClient::at(event.client);
    let admission = {
        let (user_name, password) = unsafe { (text_at(event.username), octets_at(event.password)) };
        let login = Login { user_name, password };
        loaded.plugin.basic_auth(client.as_ref().map(|client| client as _), &login, now())
    };
    match (admission, client) {
        (Admission::Admitted { user_name }, Some(client)) => client.set_user_name(&user_name),
        (Admission::Admitted { .. } | Admission::Denied, _) => api::MOSQ_ERR_AUTH,
        // mosquitto closes the connection without CONNACK, of which 3.1.1 has none that says "later".
        (Admission::NotNow, _) => api::MOSQ_ERR_UNKNOWN,
    }
}

unsafe extern "C" fn on_acl_check(_: c_int, data: *mut c_void, userdata: *mut c_void) -> c_int {
    let (Some(loaded), Some(event)) =
        (unsafe { (loaded_at(userdata), data.cast::<api::mosquitto_evt_acl_check>().as_ref()) })
    else {
        return api::MOSQ_ERR_ACL_DENIED;
    };
    let client = MosquittoClient::at(event.client);
    let access = unsafe { text_at(event.topic) }.and_then(|topic| match event.access {
        api::MOSQ_ACL_READ => Some(Access::Deliver(topic)),
        api::MOSQ_ACL_WRITE => Some(Access::Publish { topic, retain: event.retain }),
        api::MOSQ_ACL_SUBSCRIBE => Some(Access::Subscribe(topic)),
        api::MOSQ_ACL_UNSUBSCRIBE => Some(Access::Unsubscribe(topic)),
        _ => None,
    });
    match loaded.plugin.acl_check(client.as_ref().map(|client| client as _), access) {
        Answer::Allowed => api::MOSQ_ERR_SUCCESS,
        Answer::Denied => api::MOSQ_ERR_ACL_DENIED,
    }
}

unsafe extern "C" fn on_tick(_: c_int, _: *mut c_void, userdata: *mut c_void) -> c_int {
    if let Some(loaded) = unsafe { loaded_at(userdata) } {
        // `on_disconnect` is called for whoever is kicked: nothing of the plugin is borrowed any more.
        carry_out(&loaded.plugin.tick(now));
    }
    api::MOSQ_ERR_SUCCESS
}

unsafe extern "C" fn on_reload(_: c_int, _: *mut c_void, userdata: *mut c_void) -> c_int {
    if let Some(loaded) = unsafe { loaded_at(userdata) } {
        loaded.plugin.reload(now());
    }
    api::MOSQ_ERR_SUCCESS
}

unsafe extern "C" fn on_disconnect(_: c_int, data: *mut c_void, userdata: *mut c_void) -> c_int {
    let event = unsafe { data.cast::<api::mosquitto_evt_disconnect>().as_ref() };
    if let (Some(loaded), Some(event)) = (unsafe { loaded_at(userdata) }, event) {
        let client = MosquittoClient::at(event.client);
        loaded.plugin.disconnect(client.as_ref().map(|client| client as _));
    }
    api::MOSQ_ERR_SUCCESS
}

fn carry_out(effects: &Effects) {
    for kick in &effects.kicks {
        // A client id of mosquitto's has no NUL. An empty one is nobody's.
        let Ok(client_id) = CString::new(&*kick.client_id) else { continue };
        // Whoever has gone by now need not be kicked.
        let _ = unsafe {
            api::mosquitto_kick_client_by_clientid(client_id.as_ptr(), kick.will == WillOnKick::Publish)
        };
    }
    for message in &effects.messages {
        let (Ok(topic), Ok(len)) = (CString::new(&*message.topic), c_int::try_from(message.payload.len()))
        else {
            continue;
        };
        let payload = message.payload.as_ptr().cast();
        let code = unsafe {
            api::mosquitto_broker_publish_copy(
                ptr::null(),
                topic.as_ptr(),
                len,
                payload,
                1,
                false,
                ptr::null_mut(),
            )
        };
        if code != api::MOSQ_ERR_SUCCESS {
            MosquittoLog.write(
                Level::Warning,
                &format!("countersign: mosquitto does not publish {:?}", message.topic),
            );
        }
    }
}

/// mosquitto's log.
struct MosquittoLog;

impl Log for MosquittoLog {
    fn write(&self, level: Level, text: &str) {
        let level = match level {
            Level::Info => api::MOSQ_LOG_INFO,
            Level::Notice => api::MOSQ_LOG_NOTICE,
            Level::Warning => api::MOSQ_LOG_WARNING,
            Level::Error => api::MOSQ_LOG_ERR,
        };
        let line = line(text);
        // The format is ours; the text, which may be a peer's, is none.
        unsafe { api::mosquitto_log_printf(level, c"%s".as_ptr(), line.as_ptr()) };
    }
}

/// What [`init`] registered, if it is not null.
unsafe fn loaded_at<'a>(userdata: *mut c_void) -> Option<&'a Loaded> {
    unsafe { userdata.cast::<Loaded>().as_ref() }
}

fn now() -> UnixTime {
    // A clock before 1970 proves nothing: every certificate has yet to begin.
    UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests;
