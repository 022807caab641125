//! [`MosquittoConf`]: the listeners, plugins and bridges of a mosquitto.conf, and what is set for all of them.

use std::path::{Path, PathBuf};

use super::directives::{ConfFile, ConfFileError, Directive};

/// The settings of the listener whose line is the last one above.
const OF_LISTENER: [&str; 27] = [
    "bind_interface",
    "cafile",
    "capath",
    "certfile",
    "ciphers",
    "ciphers_tls1.3",
    "crlfile",
    "dhparamfile",
    "http_dir",
    "keyfile",
    "max_connections",
    "max_qos",
    "max_topic_alias",
    "maximum_qos",
    "mount_point",
    "protocol",
    "psk_hint",
    "require_certificate",
    "socket_domain",
    "tls_engine",
    "tls_engine_kpass_sha1",
    "tls_keyform",
    "tls_version",
    "use_identity_as_username",
    "use_subject_as_username",
    "use_username_as_clientid",
    "websockets_headers_size",
];

/// Those of them by which mosquitto does not open its default listener, on port 1883, if they stand above all listeners.
const OPENS_NOTHING: [&str; 6] =
    ["http_dir", "max_topic_alias", "protocol", "tls_engine_kpass_sha1", "tls_keyform", "tls_version"];

/// A mosquitto.conf, with what it includes.
#[derive(Clone, Debug)]
pub(super) struct MosquittoConf {
    pub(super) file: PathBuf,
    pub(super) listeners: Vec<Listener>,
    pub(super) plugins: Vec<Plugin>,
    /// The line `connection` of each.
    pub(super) bridges: Vec<Directive>,
    pub(super) global: Settings,
}

/// Somewhere that mosquitto listens.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    /// The line that opens it. `None`: nothing says so, and mosquitto opens port 1883 of the loopback address.
    pub(super) opened_by: Option<Directive>,
    pub(super) settings: Settings,
}

/// A line `plugin` or `auth_plugin`.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    pub(super) line: Directive,
    /// The lines `plugin_opt_…` and `auth_opt_…`, with the name of the option alone.
    pub(super) options: Vec<(String, Directive)>,
}

/// Lines that set something.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings(Vec<Directive>);

impl Settings {
    /// The line that sets `name`: the last.
    pub(super) fn get(&self, name: &str) -> Option<&Directive> {
        self.0.iter().rfind(|directive| directive.name == name)
    }

    /// The line that switches `name` on, if the last does.
    pub(super) fn on(&self, name: &str) -> Option<&Directive> {
        self.get(name).filter(|directive| directive.is_on())
    }
}

impl MosquittoConf {
    /// Reads `file` and what it includes.
    ///
    /// # Errors
    /// As [`ConfFile::read`].
    pub(super) fn read(file: &Path) -> Result<Self, ConfFileError> {
        Ok(Self::of(file, &ConfFile::read(file)?))
    }

    fn of(file: &Path, read: &ConfFile) -> Self {
        let mut conf = Self {
            file: file.to_owned(),
            listeners: Vec::new(),
            plugins: Vec::new(),
            bridges: Vec::new(),
            global: Settings::default(),
        };
        let mut default = Settings::default();
        conf.take(read, &mut default);
        let opens = |directive: &&Directive| {
            let name = directive.name.as_str();
            let is_off = name == "require_certificate" && !directive.is_on();
            !OPENS_NOTHING.contains(&name) && !is_off
        };
        let opened_by = default.0.iter().find(opens).cloned();
        if opened_by.is_some() || conf.listeners.is_empty() {
            conf.listeners.push(Listener { opened_by, settings: default });
        }
        conf
    }

    /// Takes what a file says. What stands above its first listener is set for the default listener, `default`; options are
    /// those of the last plugin of the same file.
    fn take(&mut self, read: &ConfFile, default: &mut Settings) {
        let (mut listener, mut plugin) = (None, None);
        let mut included = read.included.iter().peekable();
        for (index, directive) in read.directives.iter().enumerate() {
            if let Some((_, files)) = included.next_if(|(at, _)| *at == index) {
                files.iter().for_each(|file| self.take(file, default));
                continue;
            }
            let option = directive.name.strip_prefix("plugin_opt_");
            let option = option.or_else(|| directive.name.strip_prefix("auth_opt_"));
            match directive.name.as_str() {
                "listener" => {
                    listener = Some(self.listeners.len());
                    self.listeners
                        .push(Listener { opened_by: Some(directive.clone()), settings: Settings::default() });
                }
                // Wherever they stand, these are about the default listener.
                "port" | "bind_address" => default.0.push(directive.clone()),
                "plugin" | "auth_plugin" => {
                    plugin = Some(self.plugins.len());
                    self.plugins.push(Plugin { line: directive.clone(), options: Vec::new() });
                }
                "connection" => self.bridges.push(directive.clone()),
                name if OF_LISTENER.contains(&name) => {
                    let listener = listener.and_then(|index: usize| self.listeners.get_mut(index));
                    listener
                        .map_or(&mut *default, |listener| &mut listener.settings)
                        .0
                        .push(directive.clone());
                }
                _ => match (option, plugin.and_then(|index: usize| self.plugins.get_mut(index))) {
                    (Some(option), Some(plugin)) => {
                        plugin.options.push((option.to_owned(), directive.clone()));
                    }
                    _ => self.global.0.push(directive.clone()),
                },
            }
        }
    }
}

impl Listener {
    /// How people find it.
    pub(super) fn title(&self) -> String {
        match &self.opened_by {
            Some(line) if line.name == "listener" => format!("listener {}", line.value),
            Some(line) if line.name == "port" => format!("port {}", line.value),
            _ => {
                let port = self.settings.get("port").map_or("1883", |port| port.value.as_str());
                format!("the default listener (port {port})")
            }
        }
    }

    /// Whether it is a Unix socket: `listener 0 /path`.
    pub(super) fn is_unix_socket(&self) -> bool {
        self.opened_by.as_ref().is_some_and(|line| line.name == "listener" && line.value.starts_with("0 "))
    }

    /// Whether mosquitto speaks TLS there by certificates: it needs one of its own, with its key.
    pub(super) fn has_certificate(&self) -> bool {
        self.settings.get("certfile").is_some() && self.settings.get("keyfile").is_some()
    }
}

#[cfg(test)]
mod tests;
