//! [`export`]: copies the files that a broker host needs, and no key of a CA or a device.

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::config;
use super::mosquitto::{self, MosquittoHost};
use crate::authority::Authority;
use crate::fleet::{
    Fleet, ReadError, Replacement, Secrecy, create_private_directory, directory_of, read_named, read_regular,
    replace,
};

/// The longest file that is copied, in bytes: a CRL of a million entries has 66 MB in PEM.
const MAX_FILE_LEN: usize = 128 * 1024 * 1024;

/// Why the files were not copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// One of the fleet's files cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A copy cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A file to be written.
struct ExportedFile {
    /// Relative to where the files go.
    name: PathBuf,
    content: Zeroizing<Vec<u8>>,
    kind: Kind,
}

/// What a file is, as far as replacing it goes.
#[derive(Clone, Copy)]
enum Kind {
    /// A key.
    Secret,
    /// A certificate or a list.
    Public,
    /// What people edit. The function says whether a text is one that this program wrote.
    Configuration(fn(&str) -> bool),
}

/// Which files of a fleet are exported.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent<'a> {
    /// Everything that countersign-broker needs.
    Countersign,
    /// That, and what mosquitto with the plugin needs.
    Mosquitto(&'a MosquittoHost),
    /// The lists alone: what changes from day to day.
    Lists,
}

/// What an export did. Paths are relative to where the files went.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    /// The files that are as in the fleet now.
    pub(crate) files: Vec<PathBuf>,
    /// Those of them that were rewritten where they were, since a new file could not have had their owner.
    pub(crate) in_place: Vec<PathBuf>,
    /// Configurations that somebody has edited, which were left alone; the new one is beside each.
    pub(crate) edited: Vec<PathBuf>,
}

/// Copies what a broker host needs into `directory`, each file replaced as a whole.
///
/// A configuration there that somebody has edited stays, and gets the new one beside it. The files are named one by one, so
/// that a kind of file that is added to fleets later is not exported by mistake.
pub(crate) fn export(fleet: &Fleet, directory: &Path, extent: Extent<'_>) -> Result<Exported, ExportError> {
    // Every file is read before the first is written, so that an incomplete fleet replaces nothing.
    let mut copies = Vec::new();
    for (path, kind) in files(fleet, extent) {
        let content = read(&path)?;
        let name = path.strip_prefix(fleet.root()).unwrap_or(&path).to_owned();
        copies.push(ExportedFile { name, content, kind });
    }
    if let Extent::Mosquitto(host) = extent {
        copies.extend(of_mosquitto(fleet, host)?);
    }
    let mut exported = Exported::default();
    for ExportedFile { name, content, kind } in copies {
        let path = directory.join(&name);
        let written = create_private_directory(directory_of(&path))
            .and_then(|()| write(&path, &content, kind))
            .map_err(|source| ExportError::Write { path, source })?;
        match written {
            Written::Edited => exported.edited.push(name),
            Written::Replaced(replacement) => {
                if replacement == Replacement::InPlace {
                    exported.in_place.push(name.clone());
                }
                exported.files.push(name);
            }
        }
    }
    Ok(exported)
}

/// The files of the fleet itself.
fn files(fleet: &Fleet, extent: Extent<'_>) -> Vec<(PathBuf, Kind)> {
    let lists = Authority::WITH_CRL.map(|authority| (fleet.crl(authority), Kind::Public));
    if let Extent::Lists = extent {
        return lists.into();
    }
    let mut files = vec![(fleet.broker_config(), Kind::Configuration(config::is_initial))];
    files.extend(lists);
    for authority in Authority::WITH_CRL {
        files.push((fleet.root_certificate(authority), Kind::Public));
        files.push((fleet.issuing_certificate(authority), Kind::Public));
    }
    files.push((fleet.broker_certificate(), Kind::Public));
    files.push((fleet.broker_key(), Kind::Secret));
    files
}

/// What became of one file.
enum Written {
    Replaced(Replacement),
    Edited,
}

fn write(path: &Path, content: &[u8], kind: Kind) -> io::Result<Written> {
    let secrecy = match kind {
        Kind::Secret => Secrecy::Secret,
        Kind::Public => Secrecy::Public,
        Kind::Configuration(is_ours) => {
            let present = match read_named(path, MAX_FILE_LEN) {
                Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Zeroizing::default(),
                present => present?,
            };
            if present.as_slice() == content {
                return Ok(Written::Replaced(Replacement::Whole));
            }
            let ours = present.is_empty() || std::str::from_utf8(&present).is_ok_and(is_ours);
            if !ours {
                replace(&beside(path), content, Secrecy::Public)?;
                return Ok(Written::Edited);
            }
            Secrecy::Public
        }
    };
    Ok(Written::Replaced(replace(path, content, secrecy)?))
}

/// Where the new configuration goes if the one at `path` was edited.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// What mosquitto needs beside it.
fn of_mosquitto(fleet: &Fleet, host: &MosquittoHost) -> Result<[ExportedFile; 2], ExportError> {
    let mut authorities = Vec::new();
    for authority in Authority::WITH_CRL {
        for certificate in [fleet.root_certificate(authority), fleet.issuing_certificate(authority)] {
            authorities.extend_from_slice(&read(&certificate)?);
        }
    }
    Ok([
        ExportedFile {
            name: mosquitto::CLIENT_AUTHORITIES.into(),
            content: Zeroizing::new(authorities),
            kind: Kind::Public,
        },
        ExportedFile {
            name: mosquitto::CONFIG.into(),
            content: Zeroizing::new(host.config().into_bytes()),
            kind: Kind::Configuration(mosquitto::is_written),
        },
    ])
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ExportError> {
    read_regular(path, MAX_FILE_LEN)
        .map_err(|error| ExportError::Read { path: path.to_owned(), source: error.into() })
}
