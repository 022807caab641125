//! [`Failure`]: what went wrong, what to do about it, and the exit code. Errors become text for a person here and
//! nowhere else.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::exit_code::{CONFLICT, FAILED, REFUSED, UNKNOWN, USAGE};
use crate::broker::{ConfPathError, ExportError};
use crate::conflict::Conflict;
use crate::crl::CrlError;
use crate::csr::CsrError;
use crate::delivery::DeliveryError;
use crate::fleet::LockError;
use crate::init::InitError;
use crate::inspect::InspectError;
use crate::issuance::IssuanceError;
use crate::issuer::IssuerError;
use crate::key::{KeyFileError, PassphraseError};
use crate::order::OrderError;
use crate::profile::ValidityError;
use crate::registry::{RecordError, RegistryError, RevocationError};
use crate::verify::ChainFault;

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub(super) struct Failure {
    exit_code: u8,
    what: String,
    help: String,
}

const FAULT_HELP: &str = "this is a fault in countersign-provision; nothing was changed, please report it";
const DISK_HELP: &str =
    "see that the disk is not full and the directory is yours, then run the same command again";

impl Failure {
    fn new(exit_code: u8, what: impl ToString, help: impl Into<String>) -> Self {
        Self { exit_code, what: what.to_string(), help: help.into() }
    }

    /// A file that cannot be read.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(
            REFUSED,
            format!("cannot read {}: {error}", path.display()),
            "give the path of a readable file",
        )
    }

    /// A file that cannot be written.
    pub(super) fn unwritable(path: &Path, error: &io::Error) -> Self {
        Self::new(FAILED, format!("cannot write {}: {error}", path.display()), DISK_HELP)
    }

    /// Standard output cannot be written, for instance because it is closed.
    pub(super) fn output(error: &io::Error) -> Self {
        Self::new(FAILED, format!("cannot write the output: {error}"), "the command itself was carried out")
    }

    /// No passphrase was given, and there is no terminal to ask for one.
    pub(super) fn no_passphrase(what: &str, variable: &str, option: &str) -> Self {
        Self::new(
            USAGE,
            format!("no passphrase for {what}"),
            format!("set {variable}, or give {option} FILE, or run on a terminal"),
        )
    }

    /// An empty passphrase.
    pub(super) fn passphrase(error: PassphraseError, origin: &str) -> Self {
        Self::new(USAGE, format!("{error} ({origin})"), "give a passphrase of at least one character")
    }

    /// The two passphrases typed at a prompt differ.
    pub(super) fn passphrases_differ() -> Self {
        Self::new(USAGE, "the two passphrases differ", "run the command again and type the same twice")
    }

    /// An unknown device or service.
    pub(super) fn unknown(name: &str) -> Self {
        Self::new(
            UNKNOWN,
            format!("unknown: {name}"),
            "`countersign-provision list` shows the devices of this fleet",
        )
    }

    /// A signing request without a usable common name.
    pub(super) fn unusable_common_name(path: &Path, error: &device_identity::SubjectError) -> Self {
        Self::new(
            REFUSED,
            format!("{}: {error}", path.display()),
            "say which device it is for with --device-id",
        )
    }

    /// A signing request that was refused.
    pub(super) fn csr(path: &Path, error: &CsrError) -> Self {
        let help = match error {
            CsrError::PublicKey(_) => {
                "make the device's key with P-256 (`openssl ecparam -name prime256v1 -genkey`)"
            }
            CsrError::ProofOfPossession => {
                "let the device make a new request, signed by the key that is in it"
            }
            CsrError::TooLong { .. } | CsrError::Malformed | CsrError::Trailing { .. } => {
                "give a PKCS#10 request in DER or PEM, and nothing else in the file"
            }
        };
        Self::new(REFUSED, format!("{}: {error}", path.display()), help)
    }

    /// A path that names no file.
    pub(super) fn no_file_name(path: &Path) -> Self {
        Self::new(USAGE, format!("{} names no file", path.display()), "give the path of a file to write")
    }

    /// Prints the failure and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("error: {}\nhelp: {}", self.what, self.help);
        ExitCode::from(self.exit_code)
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let (exit_code, help) = match &error {
            RegistryError::Absent { .. } => {
                (REFUSED, "make a fleet with `countersign-provision init`, or name one with --fleet")
            }
            RegistryError::Version { .. } => {
                (REFUSED, "use the version of countersign-provision that wrote it")
            }
            RegistryError::Damaged { .. } => (REFUSED, "restore the fleet from a backup"),
            RegistryError::Io { .. } | RegistryError::Sqlite(_) => (FAILED, DISK_HELP),
        };
        Self::new(exit_code, error, help)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let help = match &error {
            LockError::Busy { .. } => "wait until it is done, or wait longer with --lock-timeout",
            LockError::Io { .. } => DISK_HELP,
        };
        Self::new(FAILED, error, help)
    }
}

impl From<IssuerError> for Failure {
    fn from(error: IssuerError) -> Self {
        let help = match &error {
            IssuerError::Read { .. } => {
                "put the file back: a fleet keeps its CA certificates and issuing keys there"
            }
            IssuerError::NotPem { .. } => "restore the file from a backup",
            IssuerError::Chain(chain) => match chain.fault {
                ChainFault::NotYetValid { .. } => "set this machine's clock",
                ChainFault::Expired { .. } => {
                    "a new CA is needed: its certificates are no longer believed by anyone"
                }
                ChainFault::Malformed | ChainFault::Profile { .. } | ChainFault::Issuer => {
                    "restore the CA's files from a backup"
                }
            },
            IssuerError::Key { fault: KeyFileError::Passphrase, .. } => {
                "give the passphrase the fleet was made with (`openssl pkey -in FILE -noout` tests it)"
            }
            IssuerError::Key { .. } | IssuerError::Mismatch { .. } | IssuerError::Probe { .. } => {
                "restore the CA's files from a backup"
            }
        };
        Self::new(REFUSED, error, help)
    }
}

impl From<ValidityError> for Failure {
    fn from(error: ValidityError) -> Self {
        let help = match error {
            ValidityError::BeyondIssuer { longest, .. } => format!("use --days {longest} or less"),
            ValidityError::NoTime => "use --days 1 or more".to_owned(),
        };
        Self::new(REFUSED, error, help)
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        let (exit_code, help) = match &error {
            OrderError::Read { .. } => (REFUSED, "give the path of a readable CSV file"),
            OrderError::TooLong { .. } => (REFUSED, "split the order"),
            OrderError::Header { .. } => {
                (REFUSED, "the first line names the columns: device_id, and any others, each once")
            }
            OrderError::Lines { .. } => {
                (REFUSED, "correct these lines and run the order again; nothing was made")
            }
            OrderError::Duplicates { .. } => {
                (CONFLICT, "name every device and every key once, and run the order again; nothing was made")
            }
        };
        Self::new(exit_code, error, help)
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Registry(error) => error.into(),
            RecordError::Conflict(conflict) => {
                let help = conflict_help(&conflict);
                Self::new(CONFLICT, conflict, help)
            }
        }
    }
}

impl From<DeliveryError> for Failure {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Record(error) => error.into(),
            DeliveryError::Write { .. } => Self::new(FAILED, error, DISK_HELP),
            DeliveryError::NotUtf8 { .. } => Self::new(USAGE, error, "choose a directory with a UTF-8 name"),
        }
    }
}

impl From<IssuanceError> for Failure {
    fn from(error: IssuanceError) -> Self {
        match error {
            IssuanceError::Conflicts(conflicts) => {
                let help = match conflicts.first() {
                    Some(conflict @ Conflict::ServiceExists { .. }) => conflict_help(conflict).to_owned(),
                    Some(conflict) => format!("nothing was made; {}", conflict_help(conflict)),
                    None => "nothing was made".to_owned(),
                };
                Self::new(CONFLICT, IssuanceError::Conflicts(conflicts), help)
            }
            IssuanceError::Validity(error) => error.into(),
            IssuanceError::Delivery(error) => error.into(),
            IssuanceError::Registry(error) => error.into(),
            IssuanceError::Read { path, source } => Self::unreadable(&path, &source),
            IssuanceError::Slot(_) => Self::new(
                FAILED,
                error,
                "shorten the organization or the broker's host name: the image must fit one flash slot",
            ),
            IssuanceError::Key(_) | IssuanceError::Issue(_) | IssuanceError::Pem(_) => {
                Self::new(FAILED, error, FAULT_HELP)
            }
        }
    }
}

fn conflict_help(conflict: &Conflict) -> &'static str {
    match conflict {
        Conflict::DeviceExists { .. } => "`countersign-provision show DEVICE_ID` shows what there is",
        Conflict::DeviceDiffers { .. } => "an order is repeated unchanged, or names new devices",
        Conflict::ServiceExists { .. } => "use --renew for a new certificate and key",
        Conflict::NameOfService { .. } | Conflict::NameOfDevice { .. } | Conflict::NameTaken { .. } => {
            "choose another name"
        }
        Conflict::PublicKey { .. } => "let the device make a key of its own",
        Conflict::Serial { .. } => "stop, and check this machine's random number generator",
        Conflict::NamedTwice { .. } => "name every device once",
        Conflict::File { .. } => "move the file away, or choose another --out",
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        match error {
            InitError::Exists { .. } => {
                Self::new(CONFLICT, error, "name a directory that does not exist yet with --fleet")
            }
            InitError::Write { .. } => Self::new(FAILED, error, DISK_HELP),
            InitError::Registry(error) => error.into(),
            InitError::Crl(error) => error.into(),
            InitError::Issuance(error) => error.into(),
            InitError::Validity(error) => error.into(),
            InitError::Key(_) | InitError::Certificate(_) | InitError::Chain(_) | InitError::Pem(_) => {
                Self::new(FAILED, error, FAULT_HELP)
            }
        }
    }
}

impl From<CrlError> for Failure {
    fn from(error: CrlError) -> Self {
        match error {
            CrlError::Registry(error) => error.into(),
            CrlError::Write { .. } => Self::new(FAILED, error, DISK_HELP),
            CrlError::Sign(_) | CrlError::Verify { .. } | CrlError::Pem(_) => {
                Self::new(FAILED, error, FAULT_HELP)
            }
        }
    }
}

impl From<RevocationError> for Failure {
    fn from(error: RevocationError) -> Self {
        match error {
            RevocationError::Registry(error) => error.into(),
            RevocationError::Unknown { .. } => Self::new(
                UNKNOWN,
                error,
                "nothing was changed; `countersign-provision list` shows the devices of this fleet",
            ),
            RevocationError::Revoked { .. } => Self::new(
                CONFLICT,
                error,
                "nothing was changed; a device comes back with a new certificate only",
            ),
            RevocationError::Broker { .. } => Self::new(
                REFUSED,
                error,
                "nothing was changed; replace it with `countersign-provision broker-cert`",
            ),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match &error {
            ExportError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Self::new(
                REFUSED,
                error,
                "make a fleet with `countersign-provision init`, or name one with --fleet",
            ),
            ExportError::Read { .. } | ExportError::Write { .. } => Self::new(FAILED, error, DISK_HELP),
            ExportError::Edited { .. } => Self::new(
                CONFLICT,
                error,
                "nothing was changed; move the file away, or leave out --for to replace the other files alone",
            ),
        }
    }
}

impl From<ConfPathError> for Failure {
    fn from(error: ConfPathError) -> Self {
        Self::new(USAGE, error, "give the path on mosquitto's host, from the root")
    }
}

impl From<InspectError> for Failure {
    fn from(error: InspectError) -> Self {
        let help = match &error {
            InspectError::Read { .. } => "give the path of a readable file",
            InspectError::TooLong { .. } | InspectError::Unknown { .. } => {
                "give a credential image (.bin), or a certificate, signing request or CRL in PEM or DER"
            }
            InspectError::Image { .. } => "make the image again, or read it back from the device again",
            InspectError::Damaged { .. } => "get the file again from where it came",
        };
        Self::new(REFUSED, error, help)
    }
}
