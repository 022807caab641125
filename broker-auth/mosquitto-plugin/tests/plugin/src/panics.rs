//! [`Panics`]: an authenticator that panics where a file says so.

use std::fs;
use std::path::PathBuf;

use mosquitto_plugin::callbacks::{Access, Admission, Answer, Authenticator, Effects, Login};
use mosquitto_plugin::client::Client;
use mosquitto_plugin::options::Options;
use rustls_pki_types::UnixTime;

/// Another authenticator, but for the callbacks that are to panic.
pub(crate) struct Panics<A> {
    inner: A,
    file: PathBuf,
}

impl<A: Authenticator> Panics<A> {
    /// Panics where the file says so that the option `panic` names.
    pub(crate) fn new(inner: A, options: &Options) -> Self {
        Self { inner, file: options.one("panic").unwrap_or("/nowhere").into() }
    }

    fn at(&self, event: &str) {
        let told = fs::read_to_string(&self.file).unwrap_or_default();
        assert!(!told.split_whitespace().any(|word| word == event), "a panic in {event}, as asked for");
    }
}

impl<A: Authenticator> Authenticator for Panics<A> {
    fn basic_auth(&self, client: &dyn Client, login: &Login<'_>, now: UnixTime) -> Admission {
        self.at("BASIC_AUTH");
        self.inner.basic_auth(client, login, now)
    }

    fn acl_check(&self, client: &dyn Client, access: &Access<'_>) -> Answer {
        self.at("ACL_CHECK");
        self.inner.acl_check(client, access)
    }

    fn is_tick_due(&self) -> bool {
        self.inner.is_tick_due()
    }

    fn tick(&self, now: UnixTime) -> Effects {
        self.at("TICK");
        self.inner.tick(now)
    }

    fn reload(&self, now: UnixTime) {
        self.at("RELOAD");
        self.inner.reload(now);
    }

    fn disconnect(&self, client: &dyn Client) {
        self.at("DISCONNECT");
        self.inner.disconnect(client);
    }
}
