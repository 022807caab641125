//! [`MosquittoHost`]: the `mosquitto.conf` of a fleet, for a mosquitto that has the plugin.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

/// The file of the CA certificates that OpenSSL lets clients of through to the plugin.
pub(super) const CLIENT_AUTHORITIES: &str = "client-authorities.pem";

/// The file that mosquitto is started with.
pub(super) const CONFIG: &str = "mosquitto.conf";

/// Where things are on the host of a mosquitto.
#[derive(Clone, Debug)]
pub(crate) struct MosquittoHost {
    /// Where the exported files will be.
    pub(crate) directory: ConfPath,
    /// The plugin.
    pub(crate) plugin: ConfPath,
    /// The port of its listener.
    pub(crate) port: NonZeroU16,
}

/// A path as mosquitto.conf can have it: the rest of a line. It is absolute, since mosquitto takes any other as relative to
/// where it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfPath(String);

/// Why a path cannot stand in mosquitto.conf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfPathError {
    /// It is relative.
    #[error("{path} is relative, and mosquitto would look for it where it is started", path = .path.display())]
    Relative {
        /// The path.
        path: PathBuf,
    },
    /// mosquitto would read another path.
    #[error(
        "{path:?} cannot stand in mosquitto.conf: a path there is UTF-8 without control characters, and ends with no space"
    )]
    NotALine {
        /// The path.
        path: PathBuf,
    },
}

impl ConfPath {
    /// The path as it will stand there.
    ///
    /// # Errors
    /// It is relative, or mosquitto would read another one.
    pub(crate) fn new(path: &Path) -> Result<Self, ConfPathError> {
        if !path.is_absolute() {
            return Err(ConfPathError::Relative { path: path.to_owned() });
        }
        // Without slashes at its end, so that it is the same however it was typed.
        let path = path.components().collect::<PathBuf>();
        match path.to_str() {
            Some(text) if !text.chars().any(char::is_control) && !text.ends_with(' ') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ConfPathError::NotALine { path }),
        }
    }

    /// The path as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl MosquittoHost {
    /// The `mosquitto.conf`: ready to use, with comments for whoever edits it.
    pub(super) fn config(&self) -> String {
        let Self { directory: ConfPath(directory), plugin: ConfPath(plugin), port } = self;
        format!(
            r#"# Written by `countersign-provision export-broker --for mosquitto`. After a change, see what it undoes:
#   countersign-broker check --config {directory}/broker.toml --mosquitto {directory}/{CONFIG}
# Paths are absolute: mosquitto takes others as relative to where it is started. The files, and this directory, are for
# mosquitto's user alone: chown -R mosquitto: {directory}

# The plugin decides who may connect, publish and subscribe, by broker.toml; it keeps what it must not forget beside it.
plugin {plugin}
plugin_opt_config {directory}/broker.toml

# Nobody is let in by mosquitto itself. No acl_file and no password_file: it would not ask them.
allow_anonymous false

# After a restart the plugin knows nothing of the sessions that mosquitto kept, and nothing reaches their queues until
# they are back. Set it to true if retained messages must outlive mosquitto all the same.
persistence false

listener {port}
certfile {directory}/broker/cert.pem
keyfile {directory}/broker/key.pem
# OpenSSL lets those through to the plugin whom these CAs have issued, up to their roots. No crlfile: once it is past its
# nextUpdate, OpenSSL refuses the whole fleet; the plugin follows the lists in crl/ by itself.
cafile {directory}/{CLIENT_AUTHORITIES}
require_certificate true
# Names come from certificates by broker.toml. With use_identity_as_username or use_subject_as_username mosquitto would
# not ask the plugin who may connect.
use_identity_as_username false
use_subject_as_username false
# tlsv1.2 for older stacks.
tls_version tlsv1.3
"#
        )
    }
}

/// Whether a mosquitto.conf is one that this program wrote, for whatever paths and port, and nobody has edited it.
pub(super) fn is_written(text: &str) -> bool {
    let value = |option: &str| text.lines().find_map(|line| line.strip_prefix(option)?.strip_prefix(' '));
    let host = || {
        let directory = value("plugin_opt_config")?.strip_suffix("/broker.toml")?;
        Some(MosquittoHost {
            directory: ConfPath::new(Path::new(directory)).ok()?,
            plugin: ConfPath::new(Path::new(value("plugin")?)).ok()?,
            port: value("listener")?.parse().ok()?,
        })
    };
    host().is_some_and(|host| host.config() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_rest_of_a_line() {
        for (typed, written) in [("/a", "/a"), ("/a b/c", "/a b/c"), ("/ü", "/ü"), ("/a//b/", "/a/b")] {
            assert_eq!(ConfPath::new(Path::new(typed)).map(|path| path.0), Ok(written.to_owned()));
        }
        for bad in ["", "a", "./a", "/a\nallow_anonymous true", "/a\r", "/a\t", "/a ", "/a\u{85}"] {
            assert!(ConfPath::new(Path::new(bad)).is_err(), "{bad:?}");
        }
    }
}
