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
use crate::issuer::read_chain;

#[derive(Serialize)]
struct Document {
    identity: ServiceName,
    #[serde(flatten)]
    certificate: CertificateSummary,
    certificate_file: String,
    key_file: String,
    ca_file: String,
}

pub(in crate::cli) fn run(arguments: Service, context: &Context) -> Result<(), Failure> {
    let mut session = IssuingSession::open(&arguments.passphrase, &arguments.clock, context)?;
    let issuer = session.issuer(Authority::Service)?;
    let anchor = read_chain(&context.fleet, Authority::Broker, context.now)?;
    let directory = context.fleet.services();
    let interrupted = if arguments.renew {
        session.delivered_now(arguments.name.as_str())?
    } else {
        session.interrupted(arguments.name.as_str(), &directory)?
    };
    let certificate = match interrupted {
        Some(record) => CertificateSummary::from(&record),
        None => {
            let mut single = session.single(&issuer, arguments.days);
            CertificateSummary::from(&single.issue_service(
                &arguments.name,
                anchor.root(),
                arguments.renew,
            )?)
        }
    };
    let document = Document {
        certificate,
        certificate_file: displayed(&directory.join(Fleet::service_certificate(&arguments.name))),
        key_file: displayed(&directory.join(Fleet::service_key(&arguments.name))),
        ca_file: displayed(&directory.join(Fleet::service_anchor(&arguments.name))),
        identity: arguments.name,
    };
    if arguments.json.requested {
        return output::json(&document);
    }
    output::line(format_args!(
        "made {} and its key for service {}, valid until {}",
        document.certificate_file, document.identity, document.certificate.not_after
    ))?;
    output::line(format_args!("it knows the broker by {}", document.ca_file))
}
