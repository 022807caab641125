//! [`export`]: copies the files that a broker host needs, and no key of a CA or a device.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::mosquitto::{self, MosquittoHost};
use crate::authority::Authority;
use crate::fleet::{Fleet, create_private_directory, directory_of, write_private};

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
    /// A file that this command writes is there, and says something else.
    #[error("{path} is there already, and is not what would be written: somebody has edited it, or the options were others", path = .path.display())]
    Edited {
        /// The file.
        path: PathBuf,
    },
}

/// A file to be written.
struct ExportedFile {
    /// Relative to where the files go.
    name: PathBuf,
    content: Zeroizing<Vec<u8>>,
}

/// Copies what a broker host needs into `directory`, each file replaced as a whole. Returns the paths, relative to it.
///
/// With `mosquitto` there is a configuration for it too, which is not replaced if it was edited. The files are named one by
/// one, so that a kind of file that is added to fleets later is not exported by mistake.
pub(crate) fn export(
    fleet: &Fleet,
    directory: &Path,
    mosquitto: Option<&MosquittoHost>,
) -> Result<Vec<PathBuf>, ExportError> {
    let mut files = vec![fleet.broker_config()];
    for authority in Authority::WITH_CRL {
        files.push(fleet.root_certificate(authority));
        files.push(fleet.issuing_certificate(authority));
        files.push(fleet.crl(authority));
    }
    files.extend([fleet.broker().join("cert.pem"), fleet.broker().join("key.pem")]);
    // Every file is read before the first is written, so that an incomplete fleet replaces nothing.
    let mut copies = Vec::new();
    for path in files {
        let content = read(&path)?;
        let name = path.strip_prefix(fleet.root()).unwrap_or(&path).to_owned();
        copies.push(ExportedFile { name, content });
    }
    if let Some(host) = mosquitto {
        copies.extend(of_mosquitto(fleet, directory, host)?);
    }
    for ExportedFile { name, content } in &copies {
        let path = directory.join(name);
        let written =
            create_private_directory(directory_of(&path)).and_then(|()| write_private(&path, content));
        written.map_err(|source| ExportError::Write { path, source })?;
    }
    Ok(copies.into_iter().map(|file| file.name).collect())
}

/// What mosquitto needs beside it.
fn of_mosquitto(
    fleet: &Fleet,
    directory: &Path,
    host: &MosquittoHost,
) -> Result<[ExportedFile; 2], ExportError> {
    let config = host.config();
    let path = directory.join(mosquitto::CONFIG);
    match fs::read(&path) {
        Ok(present) if present != config.as_bytes() => return Err(ExportError::Edited { path }),
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(ExportError::Read { path, source });
        }
        _ => {}
    }
    let mut authorities = Vec::new();
    for authority in Authority::WITH_CRL {
        for certificate in [fleet.root_certificate(authority), fleet.issuing_certificate(authority)] {
            authorities.extend_from_slice(&read(&certificate)?);
        }
    }
    Ok([
        ExportedFile { name: mosquitto::CLIENT_AUTHORITIES.into(), content: Zeroizing::new(authorities) },
        ExportedFile { name: mosquitto::CONFIG.into(), content: Zeroizing::new(config.into_bytes()) },
    ])
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ExportError> {
    let content = fs::read(path).map(Zeroizing::new);
    content.map_err(|source| ExportError::Read { path: path.to_owned(), source })
}
