//! [`Authenticator`]: what mosquitto asks, and what may be answered.

use rustls_pki_types::UnixTime;

use crate::client::Client;

/// What mosquitto asks, and what may be answered.
///
/// mosquitto has one thread, and waits. It calls nothing here from within another call, but for
/// [`disconnect`](Self::disconnect) of the clients that [`Effects`] close, when [`tick`](Self::tick) has returned.
/// Whatever panics denies: see [`crate::plugin::Plugin`].
pub trait Authenticator {
    /// `MOSQ_EVT_BASIC_AUTH`: a client has sent CONNECT, or mosquitto reads its configuration again and asks about the
    /// clients it has.
    fn basic_auth(&self, client: &dyn Client, login: &Login<'_>, now: UnixTime) -> Admission;

    /// `MOSQ_EVT_ACL_CHECK`
    fn acl_check(&self, client: &dyn Client, access: &Access<'_>) -> Answer;

    /// Whether [`tick`](Self::tick) has something to do: mosquitto ticks whenever it has done something, for one message up to
    /// four times.
    fn is_tick_due(&self) -> bool {
        true
    }

    /// `MOSQ_EVT_TICK`: mosquitto has done what there was to do, or a tenth of a second has passed.
    fn tick(&self, now: UnixTime) -> Effects;

    /// `MOSQ_EVT_RELOAD`: the operator wants the configuration read again.
    fn reload(&self, now: UnixTime);

    /// `MOSQ_EVT_DISCONNECT`: the client's connection has ended, whether it was let in or not. mosquitto asks about its
    /// will after this, and about messages for its session for as long as it keeps that.
    fn disconnect(&self, client: &dyn Client);
}

/// User name and password of a CONNECT.
#[derive(Clone, Copy, Default)]
pub struct Login<'a> {
    /// The user name. `None`: there is none, or none that is UTF-8.
    pub user_name: Option<&'a str>,
    /// The password, as far as its first NUL: mosquitto passes no more of it. The octets are mosquitto's, and nothing here
    /// keeps them.
    pub password: Option<&'a [u8]>,
}

/// Whether a client may open a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may not.
    Denied,
    /// There is no time to find out: it is to come again. Its connection is closed without a word.
    NotNow,
    /// It may.
    Admitted {
        /// The user name that mosquitto knows it by from here on, in its log too.
        user_name: Box<str>,
    },
}

/// What a client wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    /// Have a message published, or its will.
    Publish {
        /// To what.
        topic: &'a str,
        /// Whether it is kept for later subscribers.
        retain: bool,
    },
    /// Be sent a message that was published to this topic, at once or when it is back.
    Deliver(&'a str),
    /// Subscribe to this filter.
    Subscribe(&'a str),
    /// Unsubscribe from this filter.
    Unsubscribe(&'a str),
}

/// Whether it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may not.
    Denied,
    /// It may.
    Allowed,
}

/// What mosquitto is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Whose connections are to be closed.
    pub kicks: Vec<Kick>,
    /// What is to be published.
    pub messages: Vec<Message>,
}

/// A connection that is to be closed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kick {
    /// Whose.
    pub client_id: Box<str>,
    /// What becomes of its will.
    pub will: WillOnKick,
}

/// What becomes of the will of a client that is kicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WillOnKick {
    /// It is published, if an ACL_CHECK allows it.
    Publish,
    /// It is forgotten.
    Forget,
}

/// A message of the broker itself, at QoS 1. Nobody is asked whether it may be published; who gets it is asked as ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub topic: Box<str>,
    /// What.
    pub payload: Box<[u8]>,
}
