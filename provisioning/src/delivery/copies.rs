//! [`deliver_copies`]: files of what is registered already, which no registry has to learn of.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process};

use super::error::DeliveryError;
use super::file_system::{FileSystem, Occupant};
use super::placement::{Placement, place, place_after_interruption};
use crate::fleet::directory_of;

/// A file to be written.
pub(crate) struct FileCopy<'a> {
    /// Where.
    pub(crate) path: PathBuf,
    /// What.
    pub(crate) content: &'a [u8],
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyOutcome {
    /// It is new.
    Written,
    /// It was there, with the same content.
    Same,
}

/// Writes files durably, each as a whole or not at all, and replaces none: one that is there has the same content, or
/// nothing is written. Run again after an interruption, it writes what is missing.
pub(crate) fn deliver_copies(
    files: &dyn FileSystem,
    copies: &[FileCopy<'_>],
) -> Result<Vec<CopyOutcome>, DeliveryError> {
    let mut judged = Vec::new();
    for copy in copies {
        let failed = |source| DeliveryError::Write { path: copy.path.clone(), source };
        let interrupted = remove_old_drafts(files, &copy.path).map_err(failed)?;
        judged.push((copy, interrupted, judge(files, copy, interrupted)?));
    }
    for (copy, interrupted, _) in judged.iter().filter(|(_, _, outcome)| *outcome == CopyOutcome::Written) {
        let draft = draft_of(&copy.path);
        let written = write(files, copy, &draft, *interrupted);
        if !matches!(written, Ok(Placement::Placed)) {
            // The first error is the one to report. A draft that stays is removed by the next run.
            let _ = files.remove_file(&draft);
        }
        let failed = |source| DeliveryError::Write { path: copy.path.clone(), source };
        if written.map_err(failed)? == Placement::Taken {
            return Err(DeliveryError::Taken { path: copy.path.clone() });
        }
    }
    Ok(judged.into_iter().map(|(_, _, outcome)| outcome).collect())
}

/// What is to become of a file, as far as the file system can tell before it is written.
fn judge(
    files: &dyn FileSystem,
    copy: &FileCopy<'_>,
    interrupted: bool,
) -> Result<CopyOutcome, DeliveryError> {
    let failed = |source| DeliveryError::Write { path: copy.path.clone(), source };
    let length = copy.content.len() as u64;
    match files.occupant(&copy.path).map_err(failed)? {
        Occupant::Nothing => Ok(CopyOutcome::Written),
        // Made by a run that was interrupted, to take the name.
        Occupant::EmptyFile if interrupted => Ok(CopyOutcome::Written),
        Occupant::File(found)
            if found == length && *files.read(&copy.path, length).map_err(failed)? == copy.content =>
        {
            Ok(CopyOutcome::Same)
        }
        _ => Err(DeliveryError::Taken { path: copy.path.clone() }),
    }
}

fn write(
    files: &dyn FileSystem,
    copy: &FileCopy<'_>,
    draft: &Path,
    interrupted: bool,
) -> io::Result<Placement> {
    let directory = directory_of(&copy.path);
    files.create(draft, copy.content)?;
    files.sync(directory, &[draft.to_owned()])?;
    let placed = if interrupted {
        place_after_interruption(files, draft, &copy.path)?
    } else {
        place(files, draft, &copy.path)?
    };
    if placed == Placement::Placed {
        files.sync(directory, std::slice::from_ref(&copy.path))?;
    }
    Ok(placed)
}

/// The end of the name of a file that is not whole.
const DRAFT: &str = ".draft";

/// The name of a file until it is whole.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = draft_start(path);
    name.push(format!("{}{DRAFT}", std::process::id()));
    directory_of(path).join(name)
}

/// What the names of all drafts of a file begin with.
fn draft_start(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name
}

/// Removes the drafts of this file by processes that have ended; whether there were any.
fn remove_old_drafts(files: &dyn FileSystem, path: &Path) -> io::Result<bool> {
    let (directory, start) = (directory_of(path), draft_start(path));
    let mut interrupted = false;
    for name in files.names(directory)? {
        let bytes = name.as_encoded_bytes().strip_prefix(start.as_encoded_bytes());
        let process = bytes.and_then(|rest| std::str::from_utf8(rest.strip_suffix(DRAFT.as_bytes())?).ok());
        if process.and_then(|process| process.parse().ok()).is_some_and(|process| !is_running(process)) {
            files.remove_file(&directory.join(&name))?;
            interrupted = true;
        }
    }
    Ok(interrupted)
}

/// Whether a process other than this one has this number.
fn is_running(process: i32) -> bool {
    if process <= 0 {
        return true;
    }
    let Some(pid) = Pid::from_raw(process) else { return true };
    pid != getpid() && test_kill_process(pid) != Err(Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::fake_file_system::FakeFileSystem;

    fn copies() -> [FileCopy<'static>; 2] {
        [("/out/a.cert.pem", &b"chain"[..]), ("/out/a.key.pem", b"key")]
            .map(|(path, content)| FileCopy { path: path.into(), content })
    }

    fn content(files: &FakeFileSystem, copy: &FileCopy<'_>) -> Option<Vec<u8>> {
        files.read(&copy.path, 1000).ok().map(|content| content.to_vec())
    }

    #[test]
    fn cut_at_every_step_and_run_again_every_file_is_whole_and_no_draft_is_left() {
        for renames_to_free in [true, false] {
            for cut in 0.. {
                let files = FakeFileSystem::new(false, renames_to_free);
                files.create_directory(Path::new("/out")).unwrap();
                files.cut_after(Some(cut));
                let whole = deliver_copies(&files, &copies()).is_ok();
                files.cut_after(None);
                for copy in copies() {
                    let found = content(&files, &copy).filter(|found| !found.is_empty());
                    assert!(found.is_none_or(|found| found == copy.content), "cut at {cut}");
                }
                deliver_copies(&files, &copies()).unwrap();
                for copy in copies() {
                    assert_eq!(content(&files, &copy).as_deref(), Some(copy.content), "cut at {cut}");
                }
                assert_eq!(files.names(Path::new("/out")).unwrap().len(), 2, "cut at {cut}");
                assert_eq!(deliver_copies(&files, &copies()).unwrap(), [CopyOutcome::Same; 2]);
                if whole {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_is_there_keeps_all_files_from_being_written() {
        for (path, content) in
            [("/out/a.key.pem", &b"other"[..]), ("/out/a.key.pem", b""), ("/out/a.key.pem", b"kez")]
        {
            let files = FakeFileSystem::new(false, true);
            files.create_directory(Path::new("/out")).unwrap();
            files.plant(Path::new(path), content);
            let refused = deliver_copies(&files, &copies());
            assert!(matches!(refused, Err(DeliveryError::Taken { .. })));
            assert_eq!(files.names(Path::new("/out")).unwrap(), ["a.key.pem"]);
            assert_eq!(*files.read(Path::new(path), 10).unwrap(), content);
        }
    }

    #[test]
    fn drafts_of_running_processes_are_left_alone() {
        assert!(is_running(1) && is_running(0) && is_running(-1));
        assert!(!is_running(i32::MAX));
        assert!(!is_running(std::process::id().try_into().unwrap()));
    }
}
