//! What is wrong with a CA.

use std::io::ErrorKind;

use super::Failure;
use crate::cli::exit_code::REFUSED;
use crate::issuer::IssuerError;
use crate::key::KeyFileError;
use crate::profile::ValidityError;
use crate::verify::ChainFault;

impl From<IssuerError> for Failure {
    fn from(error: IssuerError) -> Self {
        let help = match &error {
            IssuerError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
                "put the file back: a fleet keeps its CA certificates and issuing keys there"
            }
            IssuerError::Read { path, source } => return Self::io(REFUSED, &error, path, source),
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
