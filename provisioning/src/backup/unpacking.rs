//! [`unpack`]: reads the members of a backup into an empty directory, and checks their digests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use tar::{Archive, EntryType};

use super::digesting::{Digesting, Digests, manifest};
use super::member::MemberName;
use super::restore_error::{ArchiveFault, RestoreError, failed};
use crate::delivery::{FileSystem as _, OperatingSystem};
use crate::digest::Sha256;
use crate::fleet::{create_private, create_private_directory, directory_of};

/// The most members that are read: four files of half a million devices.
const MAX_MEMBERS: usize = 2_000_000;

/// The longest line of the digests: a digest, two spaces, a name.
const MAX_LINE_LEN: u64 = 64 + 2 + 128 + 1;

/// Unpacks a backup into an empty directory, every file readable by its owner alone; gives the names of the members. What is
/// written is never more than the archive is long.
pub(super) fn unpack(archive: &Path, directory: &Path) -> Result<BTreeSet<MemberName>, RestoreError> {
    let file =
        File::open(archive).map_err(|source| RestoreError::Read { path: archive.to_owned(), source })?;
    let at_fault = |fault| RestoreError::Archive { path: archive.to_owned(), fault };
    let damaged = |source| at_fault(ArchiveFault::Tar(source));
    let mut tar = Archive::new(BufReader::new(file));
    let mut digests = Digests::new();
    let mut sealed = false;
    // Raw: a member with a long name or a sparse one is refused, not put together.
    for entry in tar.entries().map_err(damaged)?.raw(true) {
        let entry = entry.map_err(damaged)?;
        if sealed {
            return Err(at_fault(ArchiveFault::Trailing));
        }
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8_lossy(&name).into_owned();
        let is_file = entry.header().entry_type() == EntryType::Regular;
        if is_file && name == MemberName::MANIFEST {
            check(entry, &digests).map_err(at_fault)?;
            sealed = true;
            continue;
        }
        let Some(member) = MemberName::parse(&name).filter(|_| is_file) else {
            return Err(at_fault(ArchiveFault::Member { name: name.chars().take(120).collect() }));
        };
        if digests.len() >= MAX_MEMBERS {
            return Err(at_fault(ArchiveFault::TooMany { most: MAX_MEMBERS }));
        }
        if entry.size() > member.longest() {
            return Err(at_fault(ArchiveFault::TooLong { name: member }));
        }
        let path = member.within(directory);
        let (expected, mut content) = (entry.size(), Digesting::new(entry));
        create_private_directory(directory_of(&path)).map_err(failed(directory_of(&path)))?;
        // The names of two members may be one to this file system.
        let mut unpacked = create_private(&path).map_err(failed(&path))?;
        copy(&mut content, &mut unpacked).map_err(|error| match error {
            Copying::Read(source) => damaged(source),
            Copying::Write(source) => failed(&path)(source),
        })?;
        let (digest, length) = content.finish();
        if length != expected {
            return Err(at_fault(ArchiveFault::End));
        }
        if digests.insert(member.clone(), digest).is_some() {
            return Err(at_fault(ArchiveFault::Twice { name: member }));
        }
    }
    if !sealed {
        return Err(at_fault(ArchiveFault::End));
    }
    if !digests.keys().any(MemberName::is_registry) {
        return Err(at_fault(ArchiveFault::Registry));
    }
    sync(directory, &digests)?;
    Ok(digests.into_keys().collect())
}

/// Why a member was not copied.
enum Copying {
    Read(io::Error),
    Write(io::Error),
}

fn copy(from: &mut impl Read, to: &mut impl io::Write) -> Result<(), Copying> {
    let mut buffer = zeroize::Zeroizing::new([0; 64 * 1024]);
    loop {
        let read = from.read(buffer.as_mut_slice()).map_err(Copying::Read)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).map_err(Copying::Write)?;
    }
}

/// Checks that the digests which were written are those of the members that were read.
fn check(written: impl Read, digests: &BTreeMap<MemberName, Sha256>) -> Result<(), ArchiveFault> {
    let longest = MAX_LINE_LEN.saturating_mul(digests.len() as u64 + 1);
    let mut text = Vec::new();
    written.take(longest).read_to_end(&mut text).map_err(ArchiveFault::Tar)?;
    if text == manifest(digests).as_bytes() { Ok(()) } else { Err(ArchiveFault::Digest) }
}

fn sync(directory: &Path, digests: &Digests) -> Result<(), RestoreError> {
    let files: Vec<_> = digests.keys().map(|name| name.within(directory)).collect();
    OperatingSystem.sync(directory, &files).map_err(failed(directory))
}
