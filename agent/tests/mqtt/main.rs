//! The device's MQTT packets, with rmqtt-codec as judge, and the inbox at every cut.

#![allow(clippy::unwrap_used)]

mod inbox;
mod incoming;
mod judge;
mod outgoing;
mod packets;
mod strictness;
