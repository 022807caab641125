//! `broker-cert`

use serde::Serialize;

use super::{IssuingSession, displayed};
use crate::authority::Authority;
use crate::broker::{Host, Hosts};
use crate::cli::arguments::BrokerCert;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::issuance::CertificateSummary;

#[derive(Serialize)]
struct Document {
    hosts: Vec<Host>,
    #[serde(flatten)]
    certificate: CertificateSummary,
    certificate_file: String,
    key_file: String,
}

pub(in crate::cli) fn run(arguments: BrokerCert, context: &Context) -> Result<(), Failure> {
    let mut session = IssuingSession::open(&arguments.passphrase, &arguments.clock, context)?;
    let known = session.registry.settings()?.broker.hosts;
    let hosts = match Hosts::new(arguments.host) {
        Some(given) if arguments.only => given,
        Some(given) => known.with(&given),
        None => known.clone(),
    };
    let issuer = session.issuer(Authority::Broker)?;
    if hosts != known {
        // Before the certificate: what is interrupted here is made up for by the next certificate.
        session.registry.set_broker_hosts(&hosts)?;
    }
    if !hosts.iter().any(|host| host.to_string() == known.first()) {
        output::note(format_args!(
            "devices made until now expect the name {}, which is not among the names of this certificate; from now on \
             images carry {}",
            known.first(),
            hosts.first()
        ));
    }
    let certificate = session.single(&issuer, arguments.days).issue_broker(hosts.clone())?;
    let document = Document {
        hosts: hosts.iter().cloned().collect(),
        certificate: CertificateSummary::from(&certificate),
        certificate_file: displayed(&context.fleet.broker_certificate()),
        key_file: displayed(&context.fleet.broker_key()),
    };
    if arguments.json.requested {
        return output::json(&document);
    }
    output::line(format_args!(
        "made {} and its key, valid until {}; a running broker notices by itself",
        document.certificate_file, document.certificate.not_after
    ))
}
