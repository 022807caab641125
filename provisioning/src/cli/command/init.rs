//! `init`

use serde::Serialize;

use super::clock::first_now;
use super::displayed;
use crate::authority::Authority;
use crate::broker::{Address, Host, Hosts};
use crate::cli::arguments::Init;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{output, passphrase};
use crate::country::Country;
use crate::digest::Sha256;
use crate::init::{self, Passphrases};
use crate::issuer::read_chain;
use crate::organization::Organization;
use crate::registry::{RegistryError, Settings};
use crate::timestamp::Timestamp;

#[derive(Serialize)]
struct Document {
    fleet: String,
    organization: Organization,
    country: Option<Country>,
    broker_hosts: Vec<Host>,
    broker_port: u16,
    authorities: Vec<AuthorityDocument>,
}

#[derive(Serialize)]
struct AuthorityDocument {
    name: Authority,
    root_fingerprint_sha256: Sha256,
    issuing_fingerprint_sha256: Sha256,
    not_after: Timestamp,
}

pub(in crate::cli) fn run(arguments: Init, context: &Context) -> Result<(), Failure> {
    let now = first_now(context)?;
    let (issuing, root) = passphrase::new_fleet(&arguments)?;
    let hosts = Hosts::new(arguments.broker_host)
        .ok_or_else(|| RegistryError::Damaged { what: "no broker host".to_owned() })?;
    let settings = Settings {
        organization: arguments.organization,
        broker: Address { hosts, port: arguments.broker_port },
        crl_days: arguments.crl_days,
    };
    let passphrases = Passphrases { issuing: &issuing, root: root.as_ref().unwrap_or(&issuing) };
    let fleet =
        init::init(context.fleet.root(), &settings, arguments.country, &passphrases, &context.rng, now)?;

    let mut authorities = Vec::new();
    for name in Authority::ALL {
        let chain = read_chain(&fleet, name, context.now)?;
        authorities.push(AuthorityDocument {
            name,
            root_fingerprint_sha256: Sha256::of(chain.root()),
            issuing_fingerprint_sha256: Sha256::of(chain.issuing()),
            not_after: chain.not_after(),
        });
    }
    let document = Document {
        fleet: displayed(fleet.root()),
        organization: settings.organization,
        country: arguments.country,
        broker_hosts: settings.broker.hosts.iter().cloned().collect(),
        broker_port: settings.broker.port.get(),
        authorities,
    };
    if document.country.is_none() {
        output::note(
            "the names of the CAs have no country, which the IoT profile wants: --country CC puts it in",
        );
    }
    if arguments.json.requested {
        return output::json(&document);
    }
    output::line(format_args!(
        "made the fleet of {} in {}; devices connect to {}:{}",
        document.organization,
        document.fleet,
        settings.broker.hosts.first(),
        document.broker_port
    ))?;
    for authority in &document.authorities {
        output::line(format_args!(
            "  {:<10}  root sha256 {}",
            authority.name, authority.root_fingerprint_sha256
        ))?;
    }
    output::line("move */root.key to a safe place: nothing daily needs them")
}
