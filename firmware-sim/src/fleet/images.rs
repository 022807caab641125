//! The credential images of the devices. Every image is read and checked before the first device connects.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_agent::credential::{Credential, CredentialError};
use device_identity::DeviceId;
use device_identity::image::SLOT_LEN;
use zeroize::Zeroizing;

/// An image that holds a credential: the device id, and the content of the flash slot, private key included.
pub(super) struct DeviceImage {
    pub(super) device_id: DeviceId,
    slot: Zeroizing<Vec<u8>>,
}

impl DeviceImage {
    /// The content of the flash slot.
    pub(super) fn slot(&self) -> &[u8] {
        &self.slot
    }
}

/// Why no device can be simulated.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImagesError {
    /// A directory or file cannot be read.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The directory holds no images.
    #[error("{} holds no .bin files", .0.display())]
    None(PathBuf),
    /// Some files are no images, or two are of the same device.
    #[error("{} of {of} images cannot be used:\n{}", bad.len(), Bad(bad))]
    Bad { bad: Vec<(PathBuf, Fault)>, of: usize },
}

/// What is wrong with one file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error("longer than the {SLOT_LEN} bytes of a slot")]
    TooLong,
    #[error("the same device, {device_id}, as in {}", other.display())]
    Twice { device_id: DeviceId, other: PathBuf },
}

impl ImagesError {
    /// Whether an image is at fault (exit code 3), rather than the command line (2).
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Bad { .. })
    }

    /// What the user can do about it.
    pub(super) const fn help(&self) -> &'static str {
        match self {
            Self::File { .. } | Self::None(_) => {
                "--images names a directory with .bin files of countersign-provision, or one of them"
            }
            Self::Bad { .. } => {
                "countersign-provision inspect says what is wrong with an image; none was started"
            }
        }
    }
}

/// A line for each bad file.
struct Bad<'a>(&'a [(PathBuf, Fault)]);

impl fmt::Display for Bad<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (path, fault)) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}  {}: {fault}", path.display())?;
        }
        Ok(())
    }
}

/// Reads the images at `path`, in the order of their names, at most `limit`.
pub(super) fn read(path: &Path, limit: Option<usize>) -> Result<Vec<DeviceImage>, ImagesError> {
    let mut files = if path.is_dir() { list(path)? } else { vec![path.to_owned()] };
    if files.is_empty() {
        return Err(ImagesError::None(path.to_owned()));
    }
    files.sort_unstable();
    files.truncate(limit.unwrap_or(usize::MAX));

    let of = files.len();
    let (mut images, mut bad) = (Vec::with_capacity(of), Vec::new());
    let mut seen = BTreeMap::new();
    for file in files {
        let slot = read_slot(&file).map_err(|source| ImagesError::File { path: file.clone(), source })?;
        let device_id = match check(&slot) {
            Ok(device_id) => device_id,
            Err(fault) => {
                bad.push((file, fault));
                continue;
            }
        };
        if let Some(other) = seen.insert(device_id.clone(), file.clone()) {
            bad.push((file, Fault::Twice { device_id, other }));
            continue;
        }
        images.push(DeviceImage { device_id, slot });
    }
    if bad.is_empty() { Ok(images) } else { Err(ImagesError::Bad { bad, of }) }
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, ImagesError> {
    let failed = |source| ImagesError::File { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "bin") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Reads at most one byte more than a slot, however long the file is.
fn read_slot(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    use io::Read as _;
    // Reserved at once: a reallocation would leave a copy of the key in memory.
    let mut slot = Zeroizing::new(Vec::with_capacity(SLOT_LEN + 1));
    let limit = u64::try_from(SLOT_LEN).unwrap_or(u64::MAX) + 1;
    fs::File::open(file)?.take(limit).read_to_end(&mut slot)?;
    Ok(slot)
}

fn check(slot: &[u8]) -> Result<DeviceId, Fault> {
    if slot.len() > SLOT_LEN {
        return Err(Fault::TooLong);
    }
    Ok(Credential::read(slot)?.device_id().clone())
}
