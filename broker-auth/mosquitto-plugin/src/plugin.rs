//! [`Plugin`]: an authenticator whose panics deny.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use rustls_pki_types::UnixTime;

use crate::callbacks::{Access, Admission, Answer, Authenticator, Effects, Login};
use crate::client::Client;
use crate::deny_all::DenyAll;
use crate::log::{Level, Log};
use crate::options::{Options, OptionsError};
use crate::panic_place;

// What is not caught ends the broker.
#[cfg(panic = "abort")]
compile_error!("a panic must unwind to where it is caught: build with `panic = \"unwind\"`");

/// What makes an authenticator of the options in mosquitto.conf. It does not fail: where nothing can be made of them, it
/// says so in the log and returns [`DenyAll`].
pub type Start = fn(&Options, Rc<dyn Log>) -> Box<dyn Authenticator>;

/// An authenticator whose panics deny.
///
/// A panic about one client denies that client. One about what concerns all of them (a tick, a reload, the end of a
/// connection) may have left revoked clients where they are, old rules in force, or somebody in the place of somebody
/// else: from then on everything is denied to everybody, until the same succeeds again.
pub struct Plugin {
    authenticator: Box<dyn Authenticator>,
    log: Rc<dyn Log>,
    is_tick_failing: Cell<bool>,
    is_reload_failing: Cell<bool>,
    is_disconnect_failing: Cell<bool>,
}

impl Plugin {
    /// Starts an authenticator. If that panics, or the options cannot be read, nobody gets in.
    pub fn start(start: Start, options: Result<Options, OptionsError>, log: Rc<dyn Log>) -> Self {
        panic_place::watch();
        let authenticator = match options {
            Ok(options) => catch_unwind(AssertUnwindSafe(|| start(&options, Rc::clone(&log))))
                .unwrap_or_else(|payload| {
                    log.write(Level::Error, &told("its start", &*payload, "nobody gets in"));
                    Box::new(DenyAll)
                }),
            Err(error) => {
                log.write(Level::Error, &format!("countersign: nobody gets in: {error}"));
                Box::new(DenyAll)
            }
        };
        let succeeds = || Cell::new(false);
        Self {
            authenticator,
            log,
            is_tick_failing: succeeds(),
            is_reload_failing: succeeds(),
            is_disconnect_failing: succeeds(),
        }
    }

    /// Whether `client`, if it is one, may open a session.
    pub fn basic_auth(&self, client: Option<&dyn Client>, login: &Login<'_>, now: UnixTime) -> Admission {
        let Some(client) = client.filter(|_| !self.is_failing()) else { return Admission::Denied };
        self.caught("BASIC_AUTH", "the client is denied", || {
            self.authenticator.basic_auth(client, login, now)
        })
        .unwrap_or(Admission::Denied)
    }

    /// Whether `client`, if it is one, may do this, if it is something.
    pub fn acl_check(&self, client: Option<&dyn Client>, access: Option<Access<'_>>) -> Answer {
        let (Some(client), Some(access)) = (client, access) else { return Answer::Denied };
        if self.is_failing() {
            return Answer::Denied;
        }
        self.caught("ACL_CHECK", "the access is denied", || self.authenticator.acl_check(client, &access))
            .unwrap_or(Answer::Denied)
    }

    /// What is to be done now.
    pub fn tick(&self, now: impl FnOnce() -> UnixTime) -> Effects {
        // A tick that is left out is none that succeeds.
        if !catch_unwind(AssertUnwindSafe(|| self.authenticator.is_tick_due())).unwrap_or(true) {
            return Effects::default();
        }
        let effects = self.caught_of_all("TICK", &self.is_tick_failing, || self.authenticator.tick(now()));
        effects.unwrap_or_default()
    }

    /// Reads the configuration again.
    pub fn reload(&self, now: UnixTime) {
        self.caught_of_all("RELOAD", &self.is_reload_failing, || self.authenticator.reload(now));
    }

    /// The connection of `client`, if it is one, has ended.
    pub fn disconnect(&self, client: Option<&dyn Client>) {
        let Some(client) = client else { return };
        self.caught_of_all("DISCONNECT", &self.is_disconnect_failing, || {
            self.authenticator.disconnect(client);
        });
    }

    fn is_failing(&self) -> bool {
        self.is_tick_failing.get() || self.is_reload_failing.get() || self.is_disconnect_failing.get()
    }

    /// What `call` returns, if it does. It may leave its own things half done: each starts from what it finds.
    fn caught<T>(&self, event: &str, consequence: &str, call: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(returned) => Some(returned),
            Err(payload) => {
                self.log.write(Level::Error, &told(event, &*payload, consequence));
                None
            }
        }
    }

    /// The same of what concerns all clients. The log has the first failure, and the end of it.
    fn caught_of_all<T>(&self, event: &str, is_failing: &Cell<bool>, call: impl FnOnce() -> T) -> Option<T> {
        let was_failing = is_failing.get();
        let returned = if was_failing {
            catch_unwind(AssertUnwindSafe(call)).ok()
        } else {
            self.caught(event, "everything is denied to everybody until it succeeds", call)
        };
        is_failing.set(returned.is_none());
        if was_failing && returned.is_some() {
            self.log.write(Level::Notice, &format!("countersign: {event} succeeds again"));
        }
        returned
    }
}

/// A panic in words.
fn told(event: &str, payload: &(dyn Any + Send), consequence: &str) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
    let place = panic_place::take().unwrap_or_default();
    format!("countersign: a panic in {event}: {consequence}; please report it: {text} ({place})")
}

#[cfg(test)]
mod tests;
