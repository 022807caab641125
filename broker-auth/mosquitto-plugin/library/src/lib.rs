//! The library that mosquitto loads.
#![warn(missing_docs)]

use std::fs::File;
use std::rc::Rc;

use mosquitto_plugin::callbacks::Authenticator;
use mosquitto_plugin::deny_all::DenyAll;
use mosquitto_plugin::log::{Level, Log};
use mosquitto_plugin::options::Options;

mosquitto_plugin::export_plugin!(start);

/// What becomes of the options in mosquitto.conf. Nothing yet reads the rules in the file that they name, so nobody gets in.
fn start(options: &Options, log: Rc<dyn Log>) -> Box<dyn Authenticator> {
    let reason = match options.one("config") {
        Err(error) => error.to_string(),
        Ok(path) => match File::open(path) {
            Err(error) => format!("{path}: {error}"),
            Ok(_) => format!("{path}: this version of the plugin cannot read its rules yet"),
        },
    };
    log.write(Level::Error, &format!("countersign: nobody gets in: {reason}"));
    Box::new(DenyAll)
}
