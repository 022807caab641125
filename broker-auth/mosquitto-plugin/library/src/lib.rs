//! The library that mosquitto loads.
#![warn(missing_docs)]

mod fleet_rules;

use std::path::Path;
use std::rc::Rc;

use mosquitto_plugin::callbacks::Authenticator;
use mosquitto_plugin::deny_all::DenyAll;
use mosquitto_plugin::gate::Gate;
use mosquitto_plugin::log::{Level, Log};
use mosquitto_plugin::options::Options;

use crate::fleet_rules::FleetRules;

mosquitto_plugin::export_plugin!(start);

/// What becomes of the options in mosquitto.conf: the rules in the file that they name decide. Where there are none, nobody
/// gets in, until mosquitto starts with others.
fn start(options: &Options, log: Rc<dyn Log>) -> Box<dyn Authenticator> {
    let rules = options.one("config").map_err(|error| error.to_string()).and_then(|path| {
        FleetRules::load(Path::new(path), Rc::clone(&log)).map_err(|error| error.to_string())
    });
    match rules {
        Ok(rules) => Box::new(Gate::new(rules, log)),
        Err(reason) => {
            log.write(Level::Error, &format!("countersign: nobody gets in: {reason}"));
            Box::new(DenyAll)
        }
    }
}
