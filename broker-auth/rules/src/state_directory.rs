//! The state directory: made, entered by those who may, and given what an earlier place of it has kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::config::StateConfig;
use crate::store::{ForeignOwner, read_if_there, write_whole};

/// What a broker must not forget: without it an old revocation list would be as good as a new one.
const REMEMBERED: [&str; 3] = ["crl-numbers.json", "time-floor.json", "namespaces.json"];

/// The lists that were in force, one file each.
const LISTS: &str = "crl";

/// The longest path a Unix socket address holds, with its terminator (`sun_path`, unix(7)).
const MAX_SOCKET_PATH: usize = 107;

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no such group.
    #[error("there is no group {name:?} on this host, which admin-group names")]
    NoGroup {
        /// Its name.
        name: String,
    },
    /// The socket's path is too long.
    #[error("{} has more than {MAX_SOCKET_PATH} bytes, which is the longest path that a socket can have", path.display())]
    SocketPath {
        /// The path.
        path: PathBuf,
    },
    /// What is there is of another kind.
    #[error("{} is no {wanted}, and is left alone", path.display())]
    OtherKind {
        /// The path.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// The system does not let the broker.
    #[error("{} cannot be {what}: {source}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl StateError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoGroup { .. } => "make the group, or name another one",
            Self::SocketPath { .. } => "set a shorter [state] dir",
            Self::OtherKind { .. } => "move it away, or set another [state] dir",
            Self::Io { .. } => "set [state] dir to a directory that the broker's user owns and may write to",
        }
    }
}

/// A directory that is ready, and who may look into it.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    /// Members of this group may ask how the broker is.
    pub admin_group: Option<u32>,
    /// What was taken over from where it was kept before.
    pub adopted: Vec<PathBuf>,
}

impl StateDirectory {
    /// Makes the directory, gives it its owner's and group's permissions, and takes over what was kept where a broker
    /// without `[state]` keeps it.
    ///
    /// # Errors
    /// The system does not let it, or what is there is something else.
    pub fn prepare(config: &StateConfig) -> Result<Self, StateError> {
        let admin_group = group(config)?;
        let path = config.directory.clone();
        refuse_long_path(&config.admin_socket())?;
        make(&path, admin_group)?;
        let mut state = Self { path, admin_group, adopted: Vec::new() };
        if config.default_directory != config.directory {
            state.adopt(&config.default_directory)?;
        }
        Ok(state)
    }

    /// Tries whether [`Self::prepare`] would succeed, and leaves nothing behind.
    ///
    /// # Errors
    /// It would not.
    pub fn try_out(config: &StateConfig) -> Result<(), StateError> {
        group(config)?;
        let socket = config.admin_socket();
        refuse_long_path(&socket)?;
        if let Ok(metadata) = fs::symlink_metadata(&socket)
            && !metadata.file_type().is_socket()
        {
            return Err(StateError::OtherKind { path: socket, wanted: "socket" });
        }
        let directory = &config.directory;
        match fs::metadata(directory) {
            Ok(metadata) if !metadata.is_dir() => {
                Err(StateError::OtherKind { path: directory.clone(), wanted: "directory" })
            }
            Ok(_) => {
                let trial = directory.join(format!(".check-{}", std::process::id()));
                let written = File::create_new(&trial).and_then(|mut file| file.write_all(b"x"));
                let removed = fs::remove_file(&trial);
                written.and(removed).map_err(io_error("written to", directory))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(directory)
                .and_then(|()| fs::remove_dir(directory))
                .map_err(io_error("made", directory)),
            Err(error) => Err(io_error("entered", directory)(error)),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies what was kept in `earlier` and is not here. It stays there, too: that place may be read-only by now.
    fn adopt(&mut self, earlier: &Path) -> Result<(), StateError> {
        let mut files: Vec<PathBuf> = REMEMBERED.iter().map(PathBuf::from).collect();
        if let Ok(lists) = fs::read_dir(earlier.join(LISTS)) {
            files.extend(lists.flatten().map(|entry| Path::new(LISTS).join(entry.file_name())));
        }
        for file in files {
            let (from, to) = (earlier.join(&file), self.path.join(&file));
            if to.exists() {
                continue;
            }
            if let Some(bytes) = read_if_there(&from).map_err(io_error("read", &from))? {
                write_whole(&to, &bytes, ForeignOwner::Replaced).map_err(io_error("written", &to))?;
                self.adopted.push(from);
            }
        }
        Ok(())
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { what, path, source }
}

/// The number of the admin group.
fn group(config: &StateConfig) -> Result<Option<u32>, StateError> {
    let Some(name) = &config.admin_group else { return Ok(None) };
    match uzers::get_group_by_name(name) {
        Some(group) => Ok(Some(group.gid())),
        None => Err(StateError::NoGroup { name: name.clone() }),
    }
}

fn refuse_long_path(socket: &Path) -> Result<(), StateError> {
    if socket.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(StateError::SocketPath { path: socket.to_owned() });
    }
    Ok(())
}

/// Makes the directory, and lets its owner in, and the members of `group` through, whoever it let in before.
fn make(path: &Path, group: Option<u32>) -> Result<(), StateError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(StateError::OtherKind { path: path.to_owned(), wanted: "directory" });
        }
        Err(error) => return Err(io_error("made", path)(error)),
    }
    let mode = match group {
        Some(group) => {
            give_to_group(path, group)?;
            0o710
        }
        None => 0o700,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(io_error("given its permissions", path))
}

/// Gives a file to `group`, unless it has it already.
///
/// # Errors
/// The system does not let it.
pub fn give_to_group(path: &Path, group: u32) -> Result<(), StateError> {
    let metadata = fs::metadata(path).map_err(io_error("looked at", path))?;
    if metadata.gid() == group {
        return Ok(());
    }
    chown(path, None, Some(group)).map_err(io_error("given to the admin group", path))
}
