//! The arguments of every command. The doc comments of these files are the help texts.

mod backup;
mod broker_cert;
mod ca;
mod cert;
mod clock;
mod completions;
mod consent;
mod convert;
mod export_broker;
mod init;
mod inspect;
mod issue;
mod json;
mod lint;
mod list;
mod numbers;
mod passphrase;
mod publication;
mod reconcile;
mod replacement;
mod revocation;
mod service;
mod show;
mod sign;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueHint};

pub(super) use backup::{Backup, Restore};
pub(super) use broker_cert::BrokerCert;
pub(super) use ca::{Ca, CaCommand, Reseal};
pub(super) use cert::Cert;
pub(super) use clock::{Clock, ClockAccept, ClockAction, ClockConsent};
pub(super) use completions::Completions;
pub(super) use consent::Consent;
pub(super) use convert::Convert;
pub(super) use export_broker::{ExportBroker, ExportFor};
pub(super) use init::Init;
pub(super) use inspect::Inspect;
pub(super) use issue::Issue;
pub(super) use lint::Lint;
pub(super) use list::List;
pub(super) use passphrase::{Passphrase, Strength};
pub(super) use publication::{Crl, Publication};
pub(super) use reconcile::Reconcile;
pub(super) use replacement::Replacement;
pub(super) use revocation::{Resume, Revoke, Suspend, Targets};
pub(super) use service::Service;
pub(super) use show::Show;
pub(super) use sign::Sign;

/// Makes device certificates and flash images, and can prove later what was made.
#[derive(Debug, Parser)]
#[command(
    name = "countersign-provision",
    bin_name = "countersign-provision",
    version,
    after_help = "\
Example, a fleet with one device:
  export COUNTERSIGN_PASSPHRASE='correct horse battery staple'
  countersign-provision init --organization Acme --broker-host broker.acme.example
  countersign-provision issue pump-0001
  countersign-provision list"
)]
pub(super) struct Arguments {
    /// The fleet directory [env: COUNTERSIGN_FLEET] [default: ./fleet]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) fleet: Option<PathBuf>,

    /// How long to wait while another countersign-provision writes to the fleet, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    pub(super) lock_timeout: u64,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(Init),
    Issue(Issue),
    Sign(Sign),
    Service(Service),
    BrokerCert(BrokerCert),
    Revoke(Revoke),
    Suspend(Suspend),
    Resume(Resume),
    Crl(Crl),
    Clock(Clock),
    List(List),
    Show(Show),
    Cert(Cert),
    Inspect(Inspect),
    Convert(Convert),
    Lint(Lint),
    Reconcile(Reconcile),
    Backup(Backup),
    Restore(Restore),
    ExportBroker(ExportBroker),
    Ca(Ca),
    Completions(Completions),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_consistent_and_the_help_of_every_command_ends_with_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for command in command.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Example"), "{}", command.get_name());
        }
    }
}
