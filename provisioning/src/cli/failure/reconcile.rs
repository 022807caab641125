//! Why a registry was not, or not wholly, read back from files.

use super::Failure;
use crate::cli::exit_code::{CONFLICT, FAILED, REFUSED, USAGE};
use crate::reconcile::{Fault, Finding, LostRegistryError};

impl Failure {
    /// What was left alone and has to be seen to; damaged and foreign files have not.
    pub(in crate::cli) fn left_alone(left: &[Finding]) -> Option<Self> {
        let count = |is: fn(&Fault) -> bool| left.iter().filter(|finding| is(&finding.fault)).count();
        let misfits = count(|fault| matches!(fault, Fault::Misfit(_)));
        let unread = count(|fault| matches!(fault, Fault::Read(_) | Fault::Authority(_)));
        if misfits > 0 {
            Some(Self::new(
                CONFLICT,
                format!("{misfits} certificate(s) of this fleet's CAs do not fit into the registry"),
                "all others were read back; somebody else may have used a CA's key: `revoke --cert FILE` revokes those that \
                 can be registered",
            ))
        } else if unread > 0 {
            Some(Self::new(
                FAILED,
                format!("{unread} file(s) or directory(s) could not be read"),
                "all others were read back; put right what the note above names, then run the same command again",
            ))
        } else {
            None
        }
    }
}

impl From<LostRegistryError> for Failure {
    fn from(error: LostRegistryError) -> Self {
        match error {
            LostRegistryError::Issuer(error) => error.into(),
            LostRegistryError::Registry(error) => error.into(),
            LostRegistryError::Hosts => {
                Self::new(USAGE, error, "say what devices call it: --broker-host HOST,HOST")
            }
            LostRegistryError::Organization => {
                Self::new(REFUSED, error, "restore the CA's files from a backup")
            }
            LostRegistryError::Write { ref path, ref source } => Self::io(FAILED, &error, path, source),
        }
    }
}
