//! A plugin of mosquitto for tests: the gate by rules that the options spell out, and a panic where a file says so.
//!
//! | option | what it says |
//! |---|---|
//! | `anchor` | the CA of devices |
//! | `crl` | its revocation list, read again when it changes |
//! | `mode` | `enforce` or `permissive` |
//! | `panic` | a file: each callback whose name is in it panics |

mod panics;
mod rules;

use std::rc::Rc;

use mosquitto_plugin::callbacks::Authenticator;
use mosquitto_plugin::gate::Gate;
use mosquitto_plugin::log::Log;
use mosquitto_plugin::options::Options;

use panics::Panics;
use rules::FileRules;

mosquitto_plugin::export_plugin!(start);

fn start(options: &Options, log: Rc<dyn Log>) -> Box<dyn Authenticator> {
    let gate = Gate::new(FileRules::new(options, Rc::clone(&log)), log);
    Box::new(Panics::new(gate, options))
}
