//! The port to the MQTT engine: fan-out of messages to the sessions that want them, and nothing else.
//!
//! Everything a client could hurt an engine with (packet ids, acknowledgements, retained messages, wills, shared
//! subscriptions, client ids) stays in the session layer. An engine sees messages of one quality of service on
//! [bus topics](crate::bus::BusTopic) and links that want some of them. A [`Link`] brings each message once, whichever of
//! its filters let it through.

mod envelope;
mod lanes;
mod link;
mod message;
mod rumqttd;

pub(crate) use link::{Link, Loss, Received};
pub(crate) use message::{Message, Origin};
pub use rumqttd::Engine;
pub(crate) use rumqttd::PublishPermit;

use std::io;

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The router is gone, and there will be another in a moment: a link is to be resumed.
    #[error("the router of the embedded MQTT engine has died")]
    Lost,
    /// The engine is gone for good. Sessions cannot go on.
    #[error("the embedded MQTT engine has stopped")]
    Stopped,
    /// The router did not answer in time.
    #[error("the embedded MQTT engine is busy")]
    Busy,
    /// The router has no room for another link.
    #[error("the embedded MQTT engine refused another link ({0})")]
    Refused(String),
    /// Its threads could not be started.
    #[error("the embedded MQTT engine could not be started: {0}")]
    Start(#[source] io::Error),
}
