//! Why credentials were not issued.

use std::path::Path;

use device_identity::DeviceId;

use super::{FAULT_HELP, Failure};
use crate::cli::exit_code::{CONFLICT, FAILED, REFUSED, USAGE};
use crate::conflict::Conflict;
use crate::delivery::DeliveryError;
use crate::issuance::IssuanceError;
use crate::registry::{OverlapRefused, RecordError};

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
            DeliveryError::Write { ref path, ref source } => Self::io(FAILED, &error, path, source),
            DeliveryError::Taken { .. } => {
                Self::new(CONFLICT, error, "nothing was made; move the file away, or choose another --out")
            }
            DeliveryError::Unnameable { .. } => Self::new(
                FAILED,
                error,
                "nothing was made; choose another --out, on a disk that takes such names, and copy the files from there",
            ),
            DeliveryError::Kept { .. } => Self::new(
                CONFLICT,
                error,
                "move the file that is there away, and run the same command again: it delivers the new one",
            ),
            DeliveryError::Elsewhere { ref staging, .. } => {
                let help = format!(
                    "mount the disk that was there, or choose another --out; if it is lost for good, make the directory \
                     {} and run the command again",
                    staging.display()
                );
                Self::new(FAILED, error, help)
            }
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
            IssuanceError::Reserved(_) => {
                Self::new(REFUSED, error, "nothing was made; give the device another id")
            }
            IssuanceError::Validity(error) => error.into(),
            IssuanceError::Delivery(error) => error.into(),
            IssuanceError::Registry(error) => error.into(),
            IssuanceError::Read { path, source } => Self::unreadable(&path, &source),
            IssuanceError::Thread(_) => Self::new(
                FAILED,
                error,
                "end other programs, or raise the limit on processes (ulimit -u), and run the same command again",
            ),
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

impl From<OverlapRefused> for Failure {
    fn from(error: OverlapRefused) -> Self {
        Self::new(USAGE, error, "nothing was made; leave --overlap out")
    }
}

impl Failure {
    /// A replacement of no device, or of several.
    pub(in crate::cli) fn several_replaced(count: usize) -> Self {
        Self::new(
            USAGE,
            format!("--replace takes one device id, and {count} were given"),
            "nothing was made; replace one device after the other",
        )
    }

    /// The CRL that was not published, although a device was replaced.
    pub(in crate::cli) fn after_replacement(self, device_id: &DeviceId) -> Self {
        Self {
            help: format!(
                "the new certificate of {device_id} is registered and its files are delivered, but no list has the \
                 certificates before yet: run `countersign-provision crl`; {}",
                self.help
            ),
            ..self
        }
    }

    /// Files of registered devices that cannot be made again.
    pub(in crate::cli) fn lost(first: &Path, count: usize) -> Self {
        Self::new(
            FAILED,
            format!(
                "{count} file(s) of devices made earlier are missing, {} the first of them, and the private keys are in \
                 no other file there or in the fleet's images",
                first.display()
            ),
            "put the files back and run the same command again; if they were taken elsewhere on purpose, say \
             --keys-delivered; if they are lost, `issue DEVICE_ID --replace --reason superseded` makes each anew",
        )
    }
}

fn conflict_help(conflict: &Conflict) -> &'static str {
    match conflict {
        Conflict::DeviceExists { .. } => {
            "`countersign-provision show DEVICE_ID` shows what there is; --replace gives it another key and certificate"
        }
        Conflict::DeviceDiffers { .. } => "an order is repeated unchanged, or names new devices",
        Conflict::ServiceExists { .. } => "use --renew for a new certificate and key",
        Conflict::NameOfService { .. } | Conflict::NameOfDevice { .. } | Conflict::NameTaken { .. } => {
            "choose another name"
        }
        Conflict::BoardSerial { .. } => {
            "correct the number, revoke the device that the board no longer is, or say --shared-serial if several boards \
             of the product have it"
        }
        Conflict::PublicKey { .. } => "let the device make a key of its own",
        Conflict::Serial { .. } => "stop, and check this machine's random number generator",
        Conflict::NamedTwice { .. } => "name every device once",
        Conflict::CaseTwin { .. } => "choose a name that differs in more than the case of its letters",
        Conflict::FileDiffers { .. } => {
            "give the options it was made with, or move the file away and run the order again: it is made again from \
             a key that is there, if there is one"
        }
        Conflict::NotActive { .. } => {
            "take the device out of the order, or say --keys-delivered if its files are missing on purpose"
        }
        Conflict::File { .. } | Conflict::FileKept { .. } => "move the file away, or choose another --out",
    }
}
