//! `check --mosquitto`: a configuration as the plugin in mosquitto would load it, and what in mosquitto.conf undoes the plugin.
//!
//! ```text
//! directives → conf → listeners, plugins, whole_broker, client_authorities → report
//!                              each makes findings
//! ```

mod client_authorities;
mod conf;
mod directives;
mod finding;
mod listeners;
mod password_cost;
mod plugins;
mod report;
mod whole_broker;

use std::path::Path;
use std::process::ExitCode;

use broker_rules::config::HostedConfig;

use crate::args::CheckArgs;
use crate::command::check::findings::stale_lists;
use crate::exit;

use conf::MosquittoConf;
use report::Report;

/// Who the rules are for.
const HOST: &str = "mosquitto";

pub(super) fn run(args: &CheckArgs, mosquitto: &Path) -> ExitCode {
    let conf = match MosquittoConf::read(mosquitto) {
        Ok(conf) => conf,
        Err(error) => return exit::fail(exit::INPUT_REFUSED, &error, error.help()),
    };
    let file = args.config.file();
    let mut report = Report::of(&conf, &file);
    let config = HostedConfig::load(&file, HOST);
    let faults = config.as_ref().map(|config| report.add(&conf, config)).unwrap_or_default();
    let mut code = if args.json { exit::print_json(&report) } else { exit::print(&report.text()) };
    code = exit::stale(stale_lists(&report.trusts), code);
    for finding in report.errors() {
        let what = format_args!("{}: {}: {}", finding.place(), finding.setting, finding.what);
        code = exit::fail(exit::DENIED, what, format_args!("write instead: {}", finding.instead));
    }
    if let Err(error) = &config {
        code = exit::fail(exit::INPUT_REFUSED, error, error.fault.help());
    }
    for (error, help) in faults {
        code = exit::fail(exit::INPUT_REFUSED, error, help);
    }
    code
}
