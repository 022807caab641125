//! [`Grant`]: what was decided to certify, before any certificate exists.

use crate::holder::Holder;
use crate::key::P256PublicKey;
use crate::organization::Organization;
use crate::profile::Validity;
use crate::serial::SerialNumber;

/// What was decided to certify. Made from orders and the registry, never from a signing request: of that, the public
/// key alone is taken.
///
/// `certificate` writes a certificate that says this, and `verify`, which knows nothing of `certificate`, checks that
/// it says this and nothing else.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose certificate it is.
    pub holder: Holder,
    /// The O attribute.
    pub organization: Organization,
    /// The key that is certified.
    pub public_key: P256PublicKey,
    /// From when to when.
    pub validity: Validity,
    /// Under which number.
    pub serial: SerialNumber,
}
