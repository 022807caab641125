//! [`Fleet`]: the paths of a fleet directory. Nothing else in the crate spells them.

use std::path::{Path, PathBuf};

use device_identity::ServiceName;

use crate::authority::Authority;

/// The paths of a fleet directory.
#[derive(Clone, Debug)]
pub struct Fleet {
    root: PathBuf,
}

impl Fleet {
    /// The fleet at `root`, which need not exist.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The registry (SQLite).
    pub fn registry(&self) -> PathBuf {
        self.root.join("registry.db")
    }

    /// The directory of an authority's certificates and keys.
    pub fn authority(&self, authority: Authority) -> PathBuf {
        self.root.join(authority.name())
    }

    /// An authority's root certificate.
    pub fn root_certificate(&self, authority: Authority) -> PathBuf {
        self.authority(authority).join("root.pem")
    }

    /// An authority's root key, encrypted. May have been moved away: nothing daily needs it.
    pub fn root_key(&self, authority: Authority) -> PathBuf {
        self.authority(authority).join("root.key")
    }

    /// An authority's issuing certificate.
    pub fn issuing_certificate(&self, authority: Authority) -> PathBuf {
        self.authority(authority).join("issuing.pem")
    }

    /// An authority's issuing key, encrypted.
    pub fn issuing_key(&self, authority: Authority) -> PathBuf {
        self.authority(authority).join("issuing.key")
    }

    /// Where CRLs are published.
    pub fn crls(&self) -> PathBuf {
        self.root.join("crl")
    }

    /// An authority's current CRL (PEM).
    pub fn crl(&self, authority: Authority) -> PathBuf {
        self.crls().join(format!("{}.crl", authority.name()))
    }

    /// What the broker presents.
    pub fn broker(&self) -> PathBuf {
        self.root.join("broker")
    }

    /// The broker's configuration.
    pub fn broker_config(&self) -> PathBuf {
        self.root.join("broker.toml")
    }

    /// Where credential images go unless told otherwise.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Certificates and keys of services.
    pub fn services(&self) -> PathBuf {
        self.root.join("services")
    }

    /// The name of a service's certificate file within [`Fleet::services`].
    pub fn service_certificate(name: &ServiceName) -> String {
        format!("{name}.cert.pem")
    }

    /// The name of a service's key file within [`Fleet::services`].
    pub fn service_key(name: &ServiceName) -> String {
        format!("{name}.key.pem")
    }
}
