//! `sign`

use serde::Serialize;

use super::replacement::{ReplacementDocument, Replacing, requested_ending};
use super::{IssuingSession, displayed};
use crate::authority::Authority;
use crate::cli::arguments::Sign;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::csr::SigningRequest;
use crate::fleet::directory_of;
use crate::image::certificate_name;
use crate::issuance::CertificateSummary;
use crate::registry::Registry;

#[derive(Serialize)]
struct Document {
    device_id: String,
    #[serde(flatten)]
    certificate: CertificateSummary,
    file: String,
    #[serde(flatten)]
    replacement: ReplacementDocument,
}

pub(in crate::cli) fn run(arguments: Sign, context: &Context) -> Result<(), Failure> {
    let ending = requested_ending(&arguments.replacement, context.now)?;
    let path = &arguments.csr;
    let request = SigningRequest::read(path).map_err(|error| Failure::csr(path, &error))?;
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
    let replacing = ending.map(|ending| Replacing::begin(&mut session, &device_id, ending)).transpose()?;
    let interrupted = session.interrupted(device_id.as_str(), directory)?;
    let interrupted = interrupted.filter(|record| record.spki_sha256 == request.public_key().spki_sha256());
    let (certificate, (replacement, unpublished)) = match replacing {
        Some(replacing) => {
            let (certificate, ended) = match interrupted {
                Some(record) => {
                    let ended = replacing.finish(&mut session.registry, record.serial)?;
                    (CertificateSummary::from(&record), ended)
                }
                None => {
                    let mut single = session.single(replacing.issuer(), arguments.days);
                    let publish = |registry: &mut Registry| replacing.publish(registry);
                    let file = (directory, name);
                    let done =
                        single.replace_requested(&device_id, &request, file, replacing.ending, publish)?;
                    (done.issued, (done.ended, done.published))
                }
            };
            let newest = certificate.serial;
            (certificate, replacing.conclude(&session.registry, newest, ended, directory)?)
        }
        None => {
            let certificate = match interrupted {
                Some(record) => CertificateSummary::from(&record),
                None => {
                    let issuer = session.issuer(Authority::Device)?;
                    let mut single = session.single(&issuer, arguments.days);
                    CertificateSummary::from(&single.issue_requested(
                        &device_id,
                        &request,
                        (directory, name),
                    )?)
                }
            };
            (certificate, (ReplacementDocument::default(), None))
        }
    };
    let document =
        Document { device_id: device_id.to_string(), certificate, file: displayed(&path), replacement };
    let printed = if arguments.json.requested {
        output::json(&document)
    } else {
        output::line(format_args!("certified {} in {}", document.device_id, document.file))
            .and_then(|()| document.replacement.print())
    };
    unpublished.map_or(printed, Err)
}
