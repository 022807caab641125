//! `service`

use device_identity::ServiceName;
use serde::Serialize;

use super::{IssuingSession, displayed};
use crate::authority::Authority;
use crate::cli::arguments::Service;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::fleet::Fleet;
use crate::issuance::CertificateSummary;

#[derive(Serialize)]
struct Document {
    identity: ServiceName,
    #[serde(flatten)]
    certificate: CertificateSummary,
    certificate_file: String,
    key_file: String,
}

pub(in crate::cli) fn run(arguments: Service, context: &Context) -> Result<(), Failure> {
    let mut session = IssuingSession::open(&arguments.passphrase, context)?;
    let issuer = session.issuer(Authority::Service)?;
    let certificate =
        session.single(&issuer, arguments.days).issue_service(&arguments.name, arguments.renew)?;
    let directory = context.fleet.services();
    let document = Document {
        certificate: CertificateSummary::from(&certificate),
        certificate_file: displayed(&directory.join(Fleet::service_certificate(&arguments.name))),
        key_file: displayed(&directory.join(Fleet::service_key(&arguments.name))),
        identity: arguments.name,
    };
    if arguments.json.requested {
        return output::json(&document);
    }
    output::line(format_args!(
        "made {} and its key for service {}, valid until {}",
        document.certificate_file, document.identity, document.certificate.not_after
    ))
}
