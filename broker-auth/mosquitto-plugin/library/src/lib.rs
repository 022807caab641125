//! The library that mosquitto loads.
//!
//! ```text
//! mosquitto's thread: fleet_plugin ─▶ gate (mosquitto-plugin) ─▶ fleet_rules
//!                       │  ▲            └▶ fleet_audit ─▶ events
//!                       ▼  │ turns
//! threads of its own: admin_server ─▶ answers ─▶ host_status, file_watch
//! ```
#![warn(missing_docs)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod admin_server;
mod answers;
mod events;
mod file_watch;
mod fleet_audit;
mod fleet_plugin;
mod fleet_rules;
mod host_status;
mod log_lines;
mod turns;

use std::path::Path;
use std::rc::Rc;

use mosquitto_plugin::callbacks::Authenticator;
use mosquitto_plugin::deny_all::DenyAll;
use mosquitto_plugin::log::{Level, Log};
use mosquitto_plugin::options::Options;

use crate::fleet_plugin::FleetPlugin;

mosquitto_plugin::export_plugin!(start);

/// Builds for debugging do without: valgrind knows the heap of the C library alone.
#[cfg(not(debug_assertions))]
#[global_allocator]
static HEAP: mosquitto_plugin::boundary::Heap = mosquitto_plugin::boundary::Heap;

/// What becomes of the options in mosquitto.conf: the rules in the file that they name decide. Where there are none, nobody
/// gets in, until mosquitto starts with others.
fn start(options: &Options, log: Rc<dyn Log>) -> Box<dyn Authenticator> {
    let plugin = options.one("config").map_err(|error| error.to_string()).and_then(|path| {
        FleetPlugin::start(Path::new(path), Rc::clone(&log)).map_err(|error| error.to_string())
    });
    match plugin {
        Ok(plugin) => Box::new(plugin),
        Err(reason) => {
            log.write(Level::Error, &format!("countersign: nobody gets in: {reason}"));
            Box::new(DenyAll)
        }
    }
}
