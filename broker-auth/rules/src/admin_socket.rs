//! [`AdminSocket`]: the Unix socket at which operators ask, bound; and [`Rights`]: what they may.
//!
//! It is in a directory that only its owner, and perhaps a group, can enter; the peer's user id is checked besides. Who
//! accepts connections, and reads and writes, is the host.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::protocol::Request;
use crate::state_directory::give_to_group;

/// The longest request, in bytes: a client's certificates in base64, of which 16 KiB are looked at.
pub const MAX_REQUEST: u64 = 64 * 1024;

/// How long an operator's program may take to ask, and the host to answer.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// What somebody at the socket may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Anything: the host's user, and root.
    All,
    /// How the host is: the members of the admin group.
    Look,
}

impl Rights {
    /// Whether they are enough for `request`.
    pub fn cover(self, request: &Request) -> bool {
        match request {
            Request::Sessions | Request::Status | Request::Explain(_) => true,
            Request::Kick { .. } | Request::Reload | Request::AcceptTime { .. } => self == Self::All,
        }
    }
}

/// The bound socket. Dropping it removes its file.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    /// The user that the host runs as.
    owner: u32,
    /// Whether the system lets members of the admin group through.
    has_group: bool,
}

impl AdminSocket {
    /// Binds the socket at `path`; members of `group` may ask, too. A socket that a dead host left behind is replaced.
    ///
    /// # Errors
    /// A live host answers there, there is a file of another kind, or the system does not let it.
    pub fn bind(path: &Path, group: Option<u32>) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "what is there is no socket"));
            }
            Ok(_) => {
                if UnixStream::connect(path).is_ok() {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another broker answers there"));
                }
                fs::remove_file(path)?;
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        // From here on the file goes with the value, whatever else fails.
        let mut socket = Self { listener, path: path.to_owned(), owner: 0, has_group: group.is_some() };
        socket.owner = fs::metadata(path)?.uid();
        let mode = match group {
            Some(group) => {
                give_to_group(path, group).map_err(io::Error::other)?;
                0o660
            }
            None => 0o600,
        };
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        Ok(socket)
    }

    /// Where connections come.
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// What the user `uid`, who has connected, may ask. `None`: nothing.
    pub fn rights_of(&self, uid: u32) -> Option<Rights> {
        if uid == self.owner || uid == 0 {
            return Some(Rights::All);
        }
        // Who is neither comes by the group's permissions alone.
        self.has_group.then_some(Rights::Look)
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Another host removes what could not be removed.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_socket_stays_a_stale_one_is_replaced_and_no_other_file_is_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        let first = AdminSocket::bind(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(AdminSocket::bind(&path, None).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&path).is_ok(), "whoever is refused removes nothing");
        drop(first);
        assert!(!path.exists());
        // The system keeps the file of whoever dies.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists() && UnixStream::connect(&path).is_err());
        drop(AdminSocket::bind(&path, None).unwrap());
        fs::write(&path, "a file").unwrap();
        assert_eq!(AdminSocket::bind(&path, None).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }

    #[test]
    fn only_its_user_and_root_may_do_what_changes_anything() {
        let directory = tempfile::tempdir().unwrap();
        let mut socket = AdminSocket::bind(&directory.path().join("admin.sock"), None).unwrap();
        socket.owner = 1000;
        assert_eq!(
            [1000, 0, 1001].map(|uid| socket.rights_of(uid)),
            [Some(Rights::All), Some(Rights::All), None]
        );
        socket.has_group = true;
        assert_eq!(socket.rights_of(1001), Some(Rights::Look));
        for (request, is_look) in [
            (Request::Status, true),
            (Request::Sessions, true),
            (Request::Reload, false),
            (Request::Kick { id: "dev-1".into() }, false),
            (Request::AcceptTime { now: 0 }, false),
        ] {
            assert!(Rights::All.cover(&request));
            assert_eq!(Rights::Look.cover(&request), is_look, "{request:?}");
        }
    }
}
