//! [`MemberName`]: the name of a member of a backup, which is that of a file in a fleet directory.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::authority::Authority;

/// The longest name of a file in bytes: what tar has room for without extensions.
const MAX_NAME_LEN: usize = 100;

/// A small file, in bytes. Configurations are longer than certificates and keys.
const SMALL: u64 = 1024 * 1024;

/// A list of a million entries has 66 MB in PEM.
const LIST: u64 = 128 * 1024 * 1024;

/// The name of a member: a file of a fleet, below its directory whatever the name is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberName(String);

impl MemberName {
    /// The registry.
    pub(crate) const REGISTRY: &'static str = "registry.db";

    /// The broker's configuration.
    pub(super) const BROKER_CONFIG: &'static str = "broker.toml";

    /// The digests of all other members.
    pub(super) const MANIFEST: &'static str = "SHA256SUMS";

    /// The names of the directories that hold members, and the endings that files in them have.
    pub(super) fn directories() -> [(&'static str, &'static [&'static str]); 7] {
        let [device, service, broker] =
            Authority::ALL.map(|authority| (authority.name(), &[".pem", ".key"][..]));
        let certificates: &[&str] = &[".pem"];
        let images: &[&str] = &[".bin", ".hex", ".uf2", ".pem"];
        [
            device,
            service,
            broker,
            ("broker", certificates),
            ("crl", &[".crl"]),
            ("services", certificates),
            ("images", images),
        ]
    }

    /// Whether a fleet directory has a file or directory of this name.
    pub(super) fn is_at_top(name: &str) -> bool {
        [Self::REGISTRY, Self::BROKER_CONFIG].contains(&name)
            || Self::directories().iter().any(|(directory, _)| *directory == name)
    }

    /// Parses the name of a member; `None` if no file of a fleet has it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let is_whole = match name.split_once('/') {
            None => [Self::REGISTRY, Self::BROKER_CONFIG].contains(&name),
            Some((directory, file)) => {
                let endings = Self::directories().into_iter().find(|(known, _)| *known == directory)?.1;
                let plain = |character: char| character != '/' && !character.is_control();
                endings.iter().any(|ending| file.ends_with(ending))
                    && !file.starts_with('.')
                    && file.len() <= MAX_NAME_LEN
                    && file.chars().all(plain)
            }
        };
        is_whole.then(|| Self(name.to_owned()))
    }

    /// The name as it is in the archive.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the file is in the fleet of this directory.
    pub(super) fn within(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// Whether it is a certificate of a CA, by which a fleet is told from another.
    pub(super) fn is_ca_certificate(&self) -> bool {
        let file = Authority::ALL.iter().find_map(|authority| {
            self.0.strip_prefix(authority.name()).and_then(|rest| rest.strip_prefix('/'))
        });
        file.is_some_and(|file| file.ends_with(".pem"))
    }

    /// Whether it is the registry.
    pub(super) fn is_registry(&self) -> bool {
        self.0 == Self::REGISTRY
    }

    /// The longest that it may be in bytes; a registry may be as long as the archive is.
    pub(super) fn longest(&self) -> u64 {
        match self.0.split_once('/') {
            None if self.is_registry() => u64::MAX,
            Some(("crl", _)) => LIST,
            _ => SMALL,
        }
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for MemberName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fleet_files_parse_and_names_that_lead_elsewhere_do_not() {
        for name in [
            "registry.db",
            "broker.toml",
            "device-ca/root.key",
            "broker/cert.pem",
            "crl/service-ca.crl",
            "services/historian.ca.pem",
            "images/pump:1.cert.pem",
            "device-ca/renewal.pem",
        ] {
            assert_eq!(MemberName::parse(name).unwrap().within(Path::new("f")), Path::new("f").join(name));
        }
        for name in [
            "",
            "/etc/passwd",
            "../registry.db",
            "images/../../x.bin",
            "images//x.bin",
            "/images/x.bin",
            "images/.x.bin",
            "images/x/y.bin",
            "images/x\n.bin",
            "images/..",
            "images/x.exe",
            "crl/set-aside/device-ca.crl.1",
            "registry.db-wal",
            ".issuing.lock",
            "SHA256SUMS",
            "device-ca",
        ] {
            assert_eq!(MemberName::parse(name), None, "{name:?}");
        }
        let long = format!("images/{}.bin", "x".repeat(MAX_NAME_LEN));
        assert_eq!(MemberName::parse(&long), None);
    }
}
