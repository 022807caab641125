//! [`Mount`]: the mounted file system that a path is on, as an operator knows it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// Where the kernel lists what is mounted, for this process.
const MOUNT_TABLE: &str = "/proc/self/mountinfo";

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where it is mounted.
    pub(super) point: PathBuf,
    /// Its kind, `vfat` for instance.
    pub(super) kind: String,
}

impl Mount {
    /// The file system that holds `path`, or would hold it; `None` where the system does not say.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let absolute = std::path::absolute(path).ok()?;
        // What does not exist yet is on the file system of what is above it.
        let existing = absolute.ancestors().find_map(|path| path.canonicalize().ok())?;
        Self::among(&fs::read_to_string(MOUNT_TABLE).ok()?, &existing)
    }

    /// The innermost mount of `table` above `path`. Of two at one place the later is seen, since it covers the earlier.
    fn among(table: &str, path: &Path) -> Option<Self> {
        let mounts = table.lines().filter_map(Self::parse);
        mounts
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.components().count())
    }

    /// A line of the table: ids, device, root, mount point, options, and after a dash the kind (proc(5)).
    fn parse(line: &str) -> Option<Self> {
        let point = line.split(' ').nth(4)?;
        let (_, described) = line.split_once(" - ")?;
        let kind = described.split(' ').next()?.to_owned();
        Some(Self { point: unescaped(point), kind })
    }
}

/// The kernel writes spaces, tabs, line ends and backslashes of a mount point as a backslash and three octal digits.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\'
            && let Some((digits, after)) = after.split_first_chunk::<3>()
            && let Some(escaped) =
                std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok())
        {
            bytes.push(escaped);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:27 / /mnt rw - tmpfs none rw
31 22 8:1 / /mnt/my\\040stick ro,nosuid - vfat /dev/sda1 ro
32 22 0:28 / /mnt rw - tmpfs none rw
nonsense
33 22 0:29 / /mntx rw - xfs none rw";

    #[test]
    fn the_innermost_mount_holds_a_path() {
        for (path, point, kind) in [
            ("/etc/passwd", "/", "ext4"),
            ("/mnt", "/mnt", "tmpfs"),
            ("/mnt/my stick/fleet", "/mnt/my stick", "vfat"),
            ("/mnt/my", "/mnt", "tmpfs"),
            ("/mntx/a", "/mntx", "xfs"),
        ] {
            let expected = Mount { point: point.into(), kind: kind.to_owned() };
            assert_eq!(Mount::among(TABLE, Path::new(path)), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stands_for_itself() {
        assert_eq!(unescaped(r"/a\011b\134\9"), PathBuf::from("/a\tb\\\\9"));
    }
}
