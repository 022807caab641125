//! What is wrong with a CA.

use std::io::ErrorKind;

use super::Failure;
use crate::cli::exit_code::REFUSED;
use crate::fleet::ReadError;
use crate::issuer::IssuerError;
use crate::key::KeyFileError;
use crate::profile::ValidityError;
use crate::verify::ChainFault;

impl From<IssuerError> for Failure {
    fn from(error: IssuerError) -> Self {
        let help = match &error {
            IssuerError::Read { source: ReadError::Io(error), .. } if error.kind() == ErrorKind::NotFound => {
                "put the file back: a fleet keeps its CA certificates and issuing keys there"
            }
            IssuerError::Read { path, source } => return Self::not_read(REFUSED, &error, path, source),
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
            IssuerError::Key { fault, .. } => key_help(*fault),
            IssuerError::Mismatch { .. } | IssuerError::Probe { .. } => {
                "restore the CA's files from a backup"
            }
        };
        Self::new(REFUSED, error, help)
    }
}

/// What to do about a key file that cannot be used.
pub(super) fn key_help(fault: KeyFileError) -> &'static str {
    match fault {
        KeyFileError::Passphrase => {
            "give the passphrase the fleet was made with (`openssl pkey -in FILE -noout` tests it)"
        }
        KeyFileError::NotEncrypted
        | KeyFileError::Traditional
        | KeyFileError::Algorithm(_)
        | KeyFileError::Cost => {
            "encrypt it as OpenSSL does it with: openssl pkcs8 -topk8 -scrypt -in FILE -out NEW"
        }
        KeyFileError::Openssh => {
            "convert a copy with `ssh-keygen -p -m PKCS8`, then: openssl pkcs8 -topk8 -scrypt -in COPY -out NEW"
        }
        KeyFileError::OtherKey(_) => {
            "put back the key of the certificate beside it: those of a fleet are on P-256"
        }
        KeyFileError::NoPublicKey => "use the file that `init` wrote, which has the public key in it",
        KeyFileError::Format | KeyFileError::NotP256 => "restore the CA's files from a backup",
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
