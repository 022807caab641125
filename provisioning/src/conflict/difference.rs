//! [`FileDifference`]: how a file of a registered device differs from what was ordered.

/// How a file of a registered device differs from what was ordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileDifference {
    /// It has no content.
    #[error("is empty")]
    Empty,
    /// It is a directory, a link to nothing, a pipe or a device.
    #[error("is no file")]
    NoFile,
    /// It is neither an image nor a certificate nor a key, or damaged.
    #[error("is damaged, or not made by countersign-provision")]
    Damaged,
    /// Its content is of another format than its name says.
    #[error("has the format {found}, not {wanted}")]
    Format {
        /// What it is.
        found: &'static str,
        /// What its name says.
        wanted: &'static str,
    },
    /// It is another device's.
    #[error("is of device {found}")]
    Device {
        /// The device it is for.
        found: String,
    },
    /// Its certificate is not the registered one.
    #[error("has another certificate than the registry")]
    Certificate,
    /// It has a private key that is not the certificate's.
    #[error("has a private key that does not belong to the registered certificate")]
    Key,
    /// It puts the slot elsewhere.
    #[error("puts the slot at {found:#010x}, not at {wanted:#010x}")]
    Address {
        /// The address in the file.
        found: u32,
        /// The address that was ordered.
        wanted: u32,
    },
    /// It is for bootloaders of another family.
    #[error("is for UF2 family {found}, not {wanted}", found = family(*.found), wanted = family(*.wanted))]
    Family {
        /// The family in the file.
        found: Option<u32>,
        /// The family that was ordered.
        wanted: Option<u32>,
    },
    /// It names another key slot.
    #[error("names key slot {found}, not {wanted}")]
    KeySlot {
        /// The key slot in the file.
        found: u32,
        /// The key slot that was ordered.
        wanted: u32,
    },
    /// It has a key although the device made its own, or none although the key was made here.
    #[error("says that the private key is {found}, not {wanted}")]
    KeyPlace {
        /// Where the file says the key is.
        found: &'static str,
        /// Where it is.
        wanted: &'static str,
    },
}

fn family(family: Option<u32>) -> String {
    family.map_or_else(|| "none".to_owned(), |family| format!("{family:#010x}"))
}
