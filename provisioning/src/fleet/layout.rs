//! [`Fleet`]: the paths of a fleet directory, which no other module spells.

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
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The registry (SQLite).
    pub(crate) fn registry(&self) -> PathBuf {
        self.root.join("registry.db")
    }

    /// Where a registry is built that is to take the place of a lost one.
    pub(crate) fn registry_draft(&self) -> PathBuf {
        self.root.join(".registry.db.draft")
    }

    /// The directory of an authority's certificates and keys.
    pub(crate) fn authority(&self, authority: Authority) -> PathBuf {
        self.root.join(authority.name())
    }

    /// An authority's root certificate.
    pub(crate) fn root_certificate(&self, authority: Authority) -> PathBuf {
        self.authority(authority).join("root.pem")
    }

    /// An authority's root key, encrypted. May have been moved away: only `init` uses it.
    pub(crate) fn root_key(&self, authority: Authority) -> PathBuf {
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

    /// The directory of the published CRLs.
    pub(crate) fn crls(&self) -> PathBuf {
        self.root.join("crl")
    }

    /// An authority's current CRL (PEM).
    pub(crate) fn crl(&self, authority: Authority) -> PathBuf {
        self.crls().join(format!("{}.crl", authority.name()))
    }

    /// The directory of the broker's certificate and key.
    pub(crate) fn broker(&self) -> PathBuf {
        self.root.join("broker")
    }

    /// The certificate that the broker presents.
    pub(crate) fn broker_certificate(&self) -> PathBuf {
        self.broker().join("cert.pem")
    }

    /// The key of that certificate.
    pub(crate) fn broker_key(&self) -> PathBuf {
        self.broker().join("key.pem")
    }

    /// The broker's configuration.
    pub(crate) fn broker_config(&self) -> PathBuf {
        self.root.join("broker.toml")
    }

    /// The default output directory of credential images.
    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// The directory of the certificates and keys of services.
    pub(crate) fn services(&self) -> PathBuf {
        self.root.join("services")
    }

    /// The name of a service's certificate file within [`Fleet::services`].
    pub(crate) fn service_certificate(name: &ServiceName) -> String {
        format!("{name}.cert.pem")
    }

    /// The name of the file by which a service knows the broker: the root of the broker's CA.
    pub(crate) fn service_anchor(name: &ServiceName) -> String {
        format!("{name}.ca.pem")
    }

    /// The name of a service's key file within [`Fleet::services`].
    pub(crate) fn service_key(name: &ServiceName) -> String {
        format!("{name}.key.pem")
    }
}
