//! [`take_over`]: what becomes of the list that is going to be replaced.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::CrlError;
use super::published::{CrlFileFault, PublishedCrl};
use crate::authority::Authority;
use crate::fleet::{Fleet, create_private, create_private_directory, directory_of, sync_directory};
use crate::registry::{CarriedOver, Registry};
use crate::verify::Chain;

/// The directory, within that of the lists, for files that are no lists of this fleet. A broker reads none in it.
const SET_ASIDE: &str = "set-aside";

/// The longest file that is copied there, in bytes.
const MAX_COPY_LEN: u64 = 128 * 1024 * 1024;

/// What was found in the place of a list.
#[derive(Debug, Default)]
pub(crate) struct Takeover {
    /// What the list held and the registry lacked.
    pub(crate) carried: Vec<CarriedOver>,
    /// A file that was no list of this CA.
    pub(crate) set_aside: Option<SetAside>,
}

/// A file that was no list of this CA, and is not in the way any more.
#[derive(Debug)]
pub(crate) struct SetAside {
    /// Where it was.
    pub(crate) from: PathBuf,
    /// Where it is.
    pub(crate) to: io::Result<PathBuf>,
    /// Why it is no list of this CA.
    pub(crate) fault: CrlFileFault,
}

/// Takes over into the registry what the published list of an authority holds and the registry lacks. Nothing that is
/// found there stops a revocation.
pub(crate) fn take_over(
    fleet: &Fleet,
    registry: &mut Registry,
    authority: Authority,
    chain: &Chain,
) -> Result<Takeover, CrlError> {
    let path = fleet.crl(authority);
    match PublishedCrl::read(&path, chain) {
        Ok(None) => Ok(Takeover::default()),
        Ok(Some(list)) => {
            let carried = registry.carry_over(authority, list.state(), list.entries())?;
            Ok(Takeover { carried, set_aside: None })
        }
        Err(fault) => {
            let to = set_aside(fleet, &path);
            Ok(Takeover { carried: Vec::new(), set_aside: Some(SetAside { from: path, to, fault }) })
        }
    }
}

/// A file is copied, so that the list that replaces it gets its owner and mode, behind a link too; what is too long for
/// that, or no file, is moved.
fn set_aside(fleet: &Fleet, path: &Path) -> io::Result<PathBuf> {
    let directory = fleet.crls().join(SET_ASIDE);
    create_private_directory(&directory)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let free = (1..=u32::MAX).map(|number| directory.join(format!("{name}.{number}")));
    let mut free = free.filter(|to| fs::symlink_metadata(to).is_err());
    let to = free.next().ok_or_else(|| io::Error::other("no name is free"))?;
    if !fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= MAX_COPY_LEN)
        || copy(path, &to).is_err()
    {
        fs::rename(path, &to)?;
    }
    Ok(to)
}

fn copy(path: &Path, to: &Path) -> io::Result<()> {
    let copied = File::open(path)
        .and_then(|file| io::copy(&mut file.take(MAX_COPY_LEN), &mut create_private(to)?))
        .and_then(|_| sync_directory(directory_of(to)));
    if copied.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(to);
    }
    copied
}
