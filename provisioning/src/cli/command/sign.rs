//! `sign`

use serde::Serialize;

use super::{IssuingSession, displayed};
use crate::authority::Authority;
use crate::cli::arguments::Sign;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::csr::{CsrFileError, SigningRequest};
use crate::fleet::directory_of;
use crate::image::certificate_name;
use crate::issuance::CertificateSummary;

#[derive(Serialize)]
struct Document {
    device_id: String,
    #[serde(flatten)]
    certificate: CertificateSummary,
    file: String,
}

pub(in crate::cli) fn run(arguments: Sign, context: &Context) -> Result<(), Failure> {
    let path = &arguments.csr;
    let request = SigningRequest::read(path).map_err(|error| match error {
        CsrFileError::Read(error) => Failure::unreadable(path, &error),
        CsrFileError::Csr(error) => Failure::csr(path, &error),
    })?;
    let device_id = match arguments.device_id {
        Some(device_id) => device_id,
        None => {
            request.claimed_device().map_err(|error| Failure::unusable_common_name(&arguments.csr, &error))?
        }
    };
    let path = arguments.out.unwrap_or_else(|| context.fleet.images().join(certificate_name(&device_id)));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| Failure::no_file_name(&path))?;
    let directory = directory_of(&path);
    let mut session = IssuingSession::open(&arguments.passphrase, &arguments.clock, context)?;
    let issuer = session.issuer(Authority::Device)?;
    let certificate = match session.interrupted(device_id.as_str(), directory)? {
        Some(record) if record.spki_sha256 == request.public_key().spki_sha256() => {
            CertificateSummary::from(&record)
        }
        _ => {
            let mut single = session.single(&issuer, arguments.days);
            CertificateSummary::from(&single.issue_requested(&device_id, &request, (directory, name))?)
        }
    };
    let document = Document { device_id: device_id.to_string(), certificate, file: displayed(&path) };
    if arguments.json.requested {
        return output::json(&document);
    }
    output::line(format_args!("certified {} in {}", document.device_id, document.file))
}
