//! [`init`]: a new fleet, with three CAs, a registry, a broker certificate, empty CRLs and a broker configuration.
//!
//! The fleet is written into a directory beside the new one, or in it, which is then renamed: there is a whole fleet, or
//! none.

mod place;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ring::rand::SecureRandom;

use crate::authority::Authority;
use crate::broker;
use crate::certificate::{self, CertificateError};
use crate::certificate_spec::CaNames;
use crate::country::Country;
use crate::crl::{self, CrlError};
use crate::delivery::OperatingSystem;
use crate::fleet::{Fleet, create_private_directory, write_private};
use crate::init::place::Place;
use crate::issuance::{IssuanceError, SingleIssuer};
use crate::issuer::Issuer;
use crate::key::{CaKey, KeyPair, KeyPairError, Passphrase};
use crate::pem::{self, Label, PemError};
use crate::profile::{BROKER_DAYS, ISSUING_DAYS, ROOT_DAYS, Validity, ValidityError};
use crate::registry::{Registry, RegistryError, Settings};
use crate::serial::SerialNumber;
use crate::timestamp::{Timestamp, TrustedNow};
use crate::verify::{Chain, ChainError};

/// Why no fleet was created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// The directory exists and is not empty.
    #[error("{path} exists already and is not empty", path = .path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// A file or directory cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No key was generated.
    #[error(transparent)]
    Key(#[from] KeyPairError),
    /// No CA certificate was signed.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A CA certificate does not pass its check.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A CA would outlive its issuer.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// The registry could not be created.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No CRL was published.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// No broker certificate was issued.
    #[error(transparent)]
    Issuance(#[from] IssuanceError),
    /// PEM could not be encoded.
    #[error(transparent)]
    Pem(#[from] PemError),
}

/// The passphrases that encrypt the CA keys of a new fleet.
pub(crate) struct Passphrases<'a> {
    /// For the keys of the issuing CAs.
    pub(crate) issuing: &'a Passphrase,
    /// For the keys of the roots.
    pub(crate) root: &'a Passphrase,
}

/// Creates a fleet at `path`, which must not exist or be an empty directory.
pub(crate) fn init(
    path: &Path,
    settings: &Settings,
    country: Option<Country>,
    passphrases: &Passphrases<'_>,
    rng: &(dyn SecureRandom + Sync),
    now: TrustedNow,
) -> Result<Fleet, InitError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| InitError::Write { path, source }
    };
    let Some(place) = Place::of(path).map_err(failed(path))? else {
        return Err(InitError::Exists { path: path.to_owned() });
    };
    let draft = place.draft().map_err(failed(path))?;
    let made = write_fleet(&Fleet::at(&draft), settings, country, passphrases, rng, now)
        .and_then(|()| place.take(&draft).map_err(failed(path)));
    if let Err(error) = made {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&draft);
        return Err(error);
    }
    Ok(Fleet::at(path))
}

/// Writes the files of a new fleet.
fn write_fleet(
    fleet: &Fleet,
    settings: &Settings,
    country: Option<Country>,
    passphrases: &Passphrases<'_>,
    rng: &(dyn SecureRandom + Sync),
    now: TrustedNow,
) -> Result<(), InitError> {
    for directory in [fleet.root().to_owned(), fleet.crls(), fleet.broker(), fleet.images(), fleet.services()]
    {
        create_private_directory(&directory)
            .map_err(|source| InitError::Write { path: directory, source })?;
    }
    let mut registry = Registry::create(&fleet.registry(), settings, now.time())?;
    let names = CaNames { organization: &settings.organization, country };
    for authority in Authority::ALL {
        let issuer = init_authority(fleet, authority, &names, passphrases, rng, now)?;
        if Authority::WITH_CRL.contains(&authority) {
            crl::publish(fleet, &mut registry, &issuer, authority, settings.crl_days, now.time())?;
        } else {
            let hosts = settings.broker.hosts.clone();
            let (registry, issuer, days) = (&mut registry, &issuer, BROKER_DAYS);
            let files = &OperatingSystem;
            SingleIssuer { files, fleet, registry, issuer, days, rng, now }.issue_broker(hosts)?;
        }
    }
    write(&fleet.broker_config(), broker::initial_config(&settings.broker).as_bytes())
}

/// Creates the root and the issuing CA of an authority; the issuing CA is returned ready to sign.
fn init_authority(
    fleet: &Fleet,
    authority: Authority,
    names: &CaNames<'_>,
    passphrases: &Passphrases<'_>,
    rng: &(dyn SecureRandom + Sync),
    now: TrustedNow,
) -> Result<Issuer, InitError> {
    let directory = fleet.authority(authority);
    create_private_directory(&directory).map_err(|source| InitError::Write { path: directory, source })?;
    let serial = || SerialNumber::generate(rng).map_err(|_| KeyPairError::Random);

    let (root_pair, root_key) = ca_key(rng)?;
    let validity = Validity::new(now, ROOT_DAYS, Timestamp::MAX)?;
    let root = certificate::root(authority, names, &root_key, validity, serial()?)?;
    let root_signer = rcgen::Issuer::from_ca_cert_der(&root.der().into(), root_key)
        .map_err(|error| InitError::Certificate(CertificateError::Sign(error)))?;

    let (issuing_pair, issuing_key) = ca_key(rng)?;
    let validity = Validity::new(now, ISSUING_DAYS, validity.not_after())?;
    let issuing = certificate::issuing(authority, names, &issuing_key, validity, serial()?, &root_signer)?;

    let (root_path, issuing_path) = (fleet.root_certificate(authority), fleet.issuing_certificate(authority));
    let chain =
        Chain::verify_new((root.der(), &root_path), (issuing.der(), &issuing_path), names, now.time())?;
    write(&fleet.root_key(authority), root_pair.seal(passphrases.root, rng)?.as_bytes())?;
    write(&fleet.issuing_key(authority), issuing_pair.seal(passphrases.issuing, rng)?.as_bytes())?;
    write(&root_path, pem::encode(Label::Certificate, chain.root())?.as_bytes())?;
    write(&issuing_path, pem::encode(Label::Certificate, chain.issuing())?.as_bytes())?;
    Ok(Issuer::new(chain, issuing_key).ok_or(KeyPairError::Malformed)?)
}

fn ca_key(rng: &dyn SecureRandom) -> Result<(KeyPair, CaKey), KeyPairError> {
    let pair = KeyPair::generate(rng)?;
    let key = CaKey::new(&pair).ok_or(KeyPairError::Malformed)?;
    Ok((pair, key))
}

fn write(path: &Path, content: &[u8]) -> Result<(), InitError> {
    write_private(path, content)
        .map(drop)
        .map_err(|source| InitError::Write { path: path.to_owned(), source })
}
