//! Asking a running broker.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_rules::protocol::{Answer, Request};

/// How long a broker may take to answer. Closing a session takes it less than a second.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer, in bytes: some 200,000 sessions.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// Why a broker could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// No broker listens there.
    #[error("no broker answers at {}: {source}", socket.display())]
    NoBroker {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something listens, and does not answer as a broker of this version would.
    #[error("the broker at {} did not answer: {what}", socket.display())]
    NoAnswer {
        /// The socket.
        socket: PathBuf,
        /// What happened instead.
        what: String,
    },
}

/// Asks the broker at `socket`.
pub(crate) fn ask(socket: &Path, request: &Request) -> Result<Answer, AskError> {
    let mut stream = UnixStream::connect(socket)
        .map_err(|source| AskError::NoBroker { socket: socket.to_owned(), source })?;
    exchange(&mut stream, request)
        .map_err(|error| AskError::NoAnswer { socket: socket.to_owned(), what: error.to_string() })
        .and_then(|answer| match answer {
            Answer::Error(what) => Err(AskError::NoAnswer { socket: socket.to_owned(), what }),
            answer => Ok(answer),
        })
}

fn exchange(stream: &mut UnixStream, request: &Request) -> io::Result<Answer> {
    stream.set_read_timeout(Some(EXCHANGE_TIMEOUT))?;
    stream.set_write_timeout(Some(EXCHANGE_TIMEOUT))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_ANSWER)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
