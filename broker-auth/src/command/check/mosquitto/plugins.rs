//! Whether mosquitto asks the plugin, asks nobody before it, and whether it decides by the configuration that is checked.

use std::fs;
use std::path::Path;

use super::conf::{MosquittoConf, Plugin};
use super::directives::Directive;
use super::finding::Finding;

/// The file of the plugin.
const LIBRARY: &str = "libcountersign_mosquitto.so";

/// What is found about the plugins of `conf`, where `config` is the configuration that is checked.
pub(super) fn findings(conf: &MosquittoConf, config: &Path) -> Vec<Finding> {
    let Some(own) = conf.plugins.iter().position(is_ours) else {
        return vec![Finding::missing(
            &conf.file,
            "plugin",
            format!("no line names {LIBRARY}: nobody is judged"),
            format!("plugin /usr/lib/…/{LIBRARY}, and plugin_opt_config {}", config.display()),
        )];
    };
    let mut findings = Vec::new();
    for (index, plugin) in conf.plugins.iter().enumerate() {
        if index < own {
            findings.push(Finding::error(
                &plugin.line,
                "plugin",
                "mosquitto asks this plugin first, and whatever it answers counts",
                format!("the line below that of {LIBRARY}, or no such plugin"),
            ));
        } else if index == own {
            findings.extend(of_library(plugin));
            findings.extend(of_config(plugin, config));
        } else if is_ours(plugin) {
            findings.push(Finding::error(
                &plugin.line,
                "plugin",
                "it is there twice, and mosquitto does not start",
                "one line `plugin`",
            ));
        } else {
            findings.push(Finding::warning(
                &plugin.line,
                "plugin",
                format!(
                    "mosquitto does not ask this plugin who may do what, since {LIBRARY} always answers; but it may change \
                     messages, and do whatever mosquitto may"
                ),
                "no such plugin, unless you trust it as mosquitto itself",
            ));
        }
    }
    findings
}

fn is_ours(plugin: &Plugin) -> bool {
    Path::new(&plugin.line.value).file_name().is_some_and(|name| name == LIBRARY)
}

fn of_library(plugin: &Plugin) -> Option<Finding> {
    // A name alone is looked for where the system keeps its libraries.
    let is_relative = plugin.line.value.contains('/') && !Path::new(&plugin.line.value).is_absolute();
    is_relative.then(|| relative(&plugin.line, "plugin", "mosquitto does not start elsewhere"))
}

fn of_config(plugin: &Plugin, config: &Path) -> Option<Finding> {
    let mut options = plugin.options.iter().filter(|(name, _)| name == "config").map(|(_, line)| line);
    let write = || format!("plugin_opt_config {}", absolute(config));
    let Some(line) = options.next() else {
        let what = "the plugin is not told which broker.toml to decide by: nobody gets in";
        return Some(Finding::error(&plugin.line, "plugin_opt_config", what, write()));
    };
    if let Some(second) = options.next() {
        let what = "the plugin is told two configurations: nobody gets in";
        return Some(Finding::error(second, "plugin_opt_config", what, "one of the lines"));
    }
    let named = Path::new(&line.value);
    if !named.is_absolute() {
        return Some(relative(line, "plugin_opt_config", "nobody gets in elsewhere"));
    }
    match (fs::canonicalize(named), fs::canonicalize(config)) {
        (Err(error), _) => {
            let what = format!("{} cannot be read: nobody gets in: {error}", line.value);
            Some(Finding::error(line, "plugin_opt_config", what, write()))
        }
        (Ok(named), Ok(checked)) if named == checked => None,
        _ => {
            let what = format!(
                "the plugin decides by another configuration than {}, which is checked here",
                config.display()
            );
            Some(Finding::error(line, "plugin_opt_config", what, write()))
        }
    }
}

/// A path that means another file wherever mosquitto is started.
fn relative(line: &Directive, setting: &'static str, otherwise: &str) -> Finding {
    let what = format!(
        "{} is relative to where mosquitto is started, which is / for a daemon: {otherwise}",
        line.value
    );
    Finding::error(line, setting, what, format!("{} /…/{}", line.name, line.value))
}

fn absolute(path: &Path) -> String {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
