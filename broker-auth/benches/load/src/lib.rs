//! MQTT clients by the thousand, over mutual TLS, cheap enough to load a broker from the same machine.
//!
//! | module | what it is |
//! |---|---|
//! | [`site`] | CAs, certificates and CRLs for a broker and as many devices as wanted |
//! | [`client`] | one client: connects, subscribes, publishes, hears |
//! | [`flow`] | messages from one to another, as fast as they go |
//! | [`packet`] | MQTT 3.1.1 and 5 as a client writes and reads them |
//! | [`http_client`] | one HTTP/1.1 connection over mutual TLS |
//! | [`http_server`] | answers as an origin does |
//! | [`ocsp_responder`] | the responder of the site's CA of devices |
//! | [`concurrent`] | many clients at once |
//! | [`server`] | a server as a process of its own |
//! | [`installed`] | where a program of other people is |
//! | [`usage`] | what a server process uses up |
//! | [`machine`] | how busy the machine is, and how much of that is others' doing |
//! | [`spread`] | quantiles |
//! | [`marked`] | the part of a Markdown file that is measured |
//!
//! It knows no broker: whoever uses it says how one is started.

#![forbid(unsafe_code)]

pub mod client;
pub mod concurrent;
pub mod flow;
pub mod http_client;
pub mod http_server;
pub mod installed;
pub mod machine;
pub mod marked;
pub mod ocsp_responder;
pub mod packet;
pub mod server;
pub mod site;
pub mod spread;
pub mod usage;
