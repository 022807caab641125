//! [`Mosquitto`]: the functions that mosquitto and libcrypto would have, and a caller of callbacks.
//!
//! The functions are those that the linker finds for the test; what they know is the test's own, by its thread.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use super::super::{Start, cleanup, init};
use super::at;
use crate::api::{self, X509, mosquitto, mosquitto_opt, mosquitto_plugin_id_t, mosquitto_property};

/// What the functions have been asked for.
#[derive(Default)]
struct Seen {
    callbacks: Vec<(c_int, api::MOSQ_FUNC_generic_callback, *mut c_void)>,
    /// The event that it takes no callback for, and what it says then.
    refused: (c_int, c_int),
    log: Vec<String>,
    formats: Vec<String>,
    kicked: Vec<(String, bool)>,
    published: Vec<(String, Vec<u8>)>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// A client, and its certificate: mosquitto's pointers point to it.
pub(super) struct FakeClient {
    id: CString,
    user_name: RefCell<CString>,
    keeps_its_user_name: bool,
    certificate: Option<Vec<u8>>,
    is_unwritable: bool,
    held: Cell<isize>,
}

impl FakeClient {
    pub(super) fn new(id: &CStr) -> Box<Self> {
        Box::new(Self {
            id: id.to_owned(),
            user_name: RefCell::new(c"before".to_owned()),
            keeps_its_user_name: false,
            certificate: Some(vec![1, 2, 3]),
            is_unwritable: false,
            held: Cell::new(0),
        })
    }

    pub(super) fn that_keeps_its_user_name(mut self: Box<Self>) -> Box<Self> {
        self.keeps_its_user_name = true;
        self
    }

    pub(super) fn without_certificate(mut self: Box<Self>) -> Box<Self> {
        self.certificate = None;
        self
    }

    pub(super) fn with_certificate(mut self: Box<Self>, der: Vec<u8>) -> Box<Self> {
        self.certificate = Some(der);
        self
    }

    pub(super) fn with_unwritable_certificate(mut self: Box<Self>) -> Box<Self> {
        self.is_unwritable = true;
        self
    }

    pub(super) fn user_name(&self) -> String {
        self.user_name.borrow().to_str().unwrap().to_owned()
    }

    pub(super) fn certificates_held(&self) -> isize {
        self.held.get()
    }

    fn pointer(&self) -> *mut mosquitto {
        ptr::from_ref(self).cast_mut().cast()
    }
}

/// The client that a pointer of mosquitto's is.
fn client<'a>(client: *const mosquitto) -> &'a FakeClient {
    unsafe { client.cast::<FakeClient>().as_ref() }.expect("nobody is asked about nobody")
}

/// mosquitto, with the plugin loaded.
pub(super) struct Mosquitto {
    userdata: *mut c_void,
}

impl Mosquitto {
    /// One that takes no callback for `event`, and says `code` then.
    pub(super) fn refusing(event: c_int, code: c_int) -> Self {
        SEEN.set(Seen { refused: (event, code), ..Seen::default() });
        Self { userdata: ptr::null_mut() }
    }

    pub(super) fn load(start: Start, options: &[(Option<&CStr>, Option<&CStr>)]) -> Self {
        Self::refusing(0, 0).try_load(start, options).expect("it loads")
    }

    pub(super) fn try_load(
        mut self,
        start: Start,
        options: &[(Option<&CStr>, Option<&CStr>)],
    ) -> Result<Self, c_int> {
        let options: Vec<_> =
            options.iter().map(|(key, value)| mosquitto_opt { key: at(*key), value: at(*value) }).collect();
        let mut identifier = 0_u64;
        let code = unsafe {
            init(
                start,
                ptr::from_mut(&mut identifier).cast(),
                &raw mut self.userdata,
                options.as_ptr(),
                options.len().try_into().expect("a few"),
            )
        };
        if code == api::MOSQ_ERR_SUCCESS {
            return Ok(self);
        }
        assert_eq!(SEEN.with_borrow(|seen| seen.callbacks.len()), 0);
        assert!(self.userdata.is_null());
        Err(code)
    }

    pub(super) fn unload(self) {
        drop(self);
        assert_eq!(SEEN.with_borrow(|seen| seen.callbacks.len()), 0);
    }

    pub(super) fn registered(&self) -> usize {
        SEEN.with_borrow(|seen| seen.callbacks.len())
    }

    fn call(&self, event: c_int, data: *mut c_void) -> c_int {
        call(event, data)
    }

    pub(super) fn basic_auth(
        &self,
        client: &FakeClient,
        user: Option<&CStr>,
        password: Option<&CStr>,
    ) -> c_int {
        self.basic_auth_of(client.pointer(), user, password)
    }

    pub(super) fn basic_auth_of(
        &self,
        client: *mut mosquitto,
        user: Option<&CStr>,
        password: Option<&CStr>,
    ) -> c_int {
        let mut data = api::mosquitto_evt_basic_auth {
            future: ptr::null_mut(),
            client,
            username: at(user),
            password: at(password),
            future2: [ptr::null_mut(); 4],
        };
        self.basic_auth_at((&raw mut data).cast())
    }

    pub(super) fn basic_auth_at(&self, data: *mut c_void) -> c_int {
        self.call(api::MOSQ_EVT_BASIC_AUTH, data)
    }

    pub(super) fn acl_check(&self, client: &FakeClient, topic: Option<&CStr>, access: c_int) -> c_int {
        let mut data = api::mosquitto_evt_acl_check {
            future: ptr::null_mut(),
            client: client.pointer(),
            topic: at(topic),
            payload: ptr::null(),
            properties: ptr::null_mut(),
            access,
            payloadlen: 0,
            qos: 1,
            retain: true,
            future2: [ptr::null_mut(); 4],
        };
        self.acl_check_at((&raw mut data).cast())
    }

    pub(super) fn acl_check_at(&self, data: *mut c_void) -> c_int {
        self.call(api::MOSQ_EVT_ACL_CHECK, data)
    }

    pub(super) fn disconnect_at(&self, data: *mut c_void) -> c_int {
        self.call(api::MOSQ_EVT_DISCONNECT, data)
    }

    pub(super) fn tick(&self) -> c_int {
        self.call(api::MOSQ_EVT_TICK, ptr::null_mut())
    }

    pub(super) fn reload(&self) -> c_int {
        self.call(api::MOSQ_EVT_RELOAD, ptr::null_mut())
    }

    pub(super) fn log(&self) -> Vec<String> {
        SEEN.with_borrow(|seen| seen.log.clone())
    }

    pub(super) fn formats(&self) -> Vec<String> {
        let mut formats = SEEN.with_borrow(|seen| seen.formats.clone());
        formats.dedup();
        formats
    }

    pub(super) fn kicked(&self) -> Vec<(String, bool)> {
        SEEN.with_borrow(|seen| seen.kicked.clone())
    }

    pub(super) fn published(&self) -> Vec<(String, Vec<u8>)> {
        SEEN.with_borrow(|seen| seen.published.clone())
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        assert_eq!(unsafe { cleanup(self.userdata) }, api::MOSQ_ERR_SUCCESS);
    }
}

/// Calls back, as mosquitto does from its own functions, too.
fn call(event: c_int, data: *mut c_void) -> c_int {
    let found = SEEN.with_borrow(|seen| seen.callbacks.iter().find(|(of, _, _)| *of == event).copied());
    let (_, callback, userdata) = found.expect("a callback is registered");
    unsafe { callback(event, data, userdata) }
}

fn text<'a>(text: *const c_char) -> &'a CStr {
    assert!(!text.is_null());
    unsafe { CStr::from_ptr(text) }
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_callback_register(
    _: *mut mosquitto_plugin_id_t,
    event: c_int,
    callback: api::MOSQ_FUNC_generic_callback,
    _: *const c_void,
    userdata: *mut c_void,
) -> c_int {
    SEEN.with_borrow_mut(|seen| {
        if event == seen.refused.0 {
            return seen.refused.1;
        }
        seen.callbacks.push((event, callback, userdata));
        api::MOSQ_ERR_SUCCESS
    })
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_callback_unregister(
    _: *mut mosquitto_plugin_id_t,
    event: c_int,
    _: api::MOSQ_FUNC_generic_callback,
    _: *const c_void,
) -> c_int {
    SEEN.with_borrow_mut(|seen| seen.callbacks.retain(|(of, _, _)| *of != event));
    api::MOSQ_ERR_SUCCESS
}

/// It takes any number of arguments in C; those that are passed are taken the same way by one that takes three.
#[unsafe(no_mangle)]
extern "C" fn mosquitto_log_printf(_: c_int, format: *const c_char, line: *const c_char) {
    SEEN.with_borrow_mut(|seen| {
        seen.formats.push(text(format).to_str().unwrap().to_owned());
        seen.log.push(text(line).to_str().unwrap().to_owned());
    });
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_client_address(_: *const mosquitto) -> *const c_char {
    c"192.0.2.7".as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_client_clean_session(_: *const mosquitto) -> bool {
    true
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_client_id(of: *const mosquitto) -> *const c_char {
    client(of).id.as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_client_certificate(of: *const mosquitto) -> *mut c_void {
    let found = client(of);
    if found.certificate.is_none() {
        return ptr::null_mut();
    }
    found.held.set(found.held.get() + 1);
    of.cast_mut().cast()
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_client_protocol_version(_: *const mosquitto) -> c_int {
    5
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_set_username(of: *mut mosquitto, user_name: *const c_char) -> c_int {
    let found = client(of);
    if found.keeps_its_user_name {
        return api::MOSQ_ERR_INVAL;
    }
    found.user_name.replace(text(user_name).to_owned());
    api::MOSQ_ERR_SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_kick_client_by_clientid(id: *const c_char, with_will: bool) -> c_int {
    let id = text(id);
    SEEN.with_borrow_mut(|seen| seen.kicked.push((id.to_str().unwrap().to_owned(), with_will)));
    let kicked = FakeClient::new(id);
    let mut data = api::mosquitto_evt_disconnect {
        future: ptr::null_mut(),
        client: kicked.pointer(),
        reason: 0,
        future2: [ptr::null_mut(); 4],
    };
    call(api::MOSQ_EVT_DISCONNECT, (&raw mut data).cast())
}

#[unsafe(no_mangle)]
extern "C" fn mosquitto_broker_publish_copy(
    _: *const c_char,
    topic: *const c_char,
    len: c_int,
    payload: *const c_void,
    _: c_int,
    _: bool,
    _: *mut mosquitto_property,
) -> c_int {
    let payload = unsafe { std::slice::from_raw_parts(payload.cast::<u8>(), len.try_into().unwrap()) };
    let published = (text(topic).to_str().unwrap().to_owned(), payload.to_vec());
    SEEN.with_borrow_mut(|seen| seen.published.push(published));
    api::MOSQ_ERR_SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn i2d_X509(certificate: *const X509, to: *mut *mut u8) -> c_int {
    let found = client(certificate.cast());
    assert!(found.held.get() > 0, "it is held while it is read");
    let der = found.certificate.as_ref().expect("it has one");
    if found.is_unwritable {
        return -1;
    }
    if !to.is_null() {
        unsafe {
            (*to).copy_from_nonoverlapping(der.as_ptr(), der.len());
            *to = (*to).add(der.len());
        }
    }
    der.len().try_into().unwrap()
}

#[unsafe(no_mangle)]
extern "C" fn X509_free(certificate: *mut X509) {
    let found = client(certificate.cast());
    found.held.set(found.held.get() - 1);
}
