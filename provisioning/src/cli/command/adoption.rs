//! `--cert FILE`: a certificate that this fleet's CA signed, whether the registry knows it or not.

use std::path::Path;

use crate::authority::Authority;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::fleet::{ReadError, read_named};
use crate::issuer::read_chain_for_revoking;
use crate::pem::{self, Label};
use crate::registry::Registry;
use crate::serial::SerialNumber;

/// The longest file of a certificate that is read, in bytes.
const MAX_CERTIFICATE_LEN: usize = 64 * 1024;

/// Registers the first certificate of a file, unless it is registered already; gives its serial number.
pub(super) fn adopt(
    registry: &mut Registry,
    path: &Path,
    context: &Context,
) -> Result<SerialNumber, Failure> {
    let der = read(path)?;
    for authority in Authority::ALL {
        let (chain, _) = read_chain_for_revoking(&context.fleet, authority, context.now)?;
        if let Some(certificate) = chain.recognize(authority, &der) {
            return registry
                .adopt(&certificate, context.now)
                .map_err(|error| Failure::unadopted(path, error));
        }
    }
    Err(Failure::foreign_certificate(path))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read_named(path, MAX_CERTIFICATE_LEN).map_err(|error| match error {
        ReadError::Io(error) => Failure::unreadable(path, &error),
        _ => Failure::foreign_certificate(path),
    })?;
    if !pem::is_pem(&bytes) {
        return Ok(bytes.to_vec());
    }
    let sections = pem::decode(&bytes).map_err(|_| Failure::foreign_certificate(path))?;
    let first = sections.into_iter().find(|section| section.label == Label::Certificate);
    first.map(|section| section.der.to_vec()).ok_or_else(|| Failure::foreign_certificate(path))
}
