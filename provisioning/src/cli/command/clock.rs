//! `clock`, and the comparison of the clock before certificates are made.

use super::takeover::warn_of_all;
use crate::authority::Authority;
use crate::cli::arguments::{Clock, ClockAccept, ClockAction, ClockConsent};
use crate::cli::confirmation::{self, Answer};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::crl;
use crate::fleet::LockKind;
use crate::issuer::read_chain_for_revoking;
use crate::registry::Registry;
use crate::timestamp::{Compared, EARLIEST, TrustedNow, Witnesses};

pub(in crate::cli) fn run(arguments: Clock, context: &Context) -> Result<(), Failure> {
    match arguments.action {
        ClockAction::Accept(arguments) => accept(&arguments, context),
    }
}

fn accept(arguments: &ClockAccept, context: &Context) -> Result<(), Failure> {
    let now = arguments.now;
    if now < EARLIEST {
        return Err(Failure::impossible_time(now));
    }
    let _lock = context.lock(LockKind::Revoking)?;
    let mut registry = Registry::open(&context.fleet.registry())?;
    // A list that the registry does not know would say the same again: it is taken over first.
    let mut found = Vec::new();
    for authority in Authority::WITH_CRL {
        let (chain, _) = read_chain_for_revoking(&context.fleet, authority, context.now)?;
        found.push(crl::take_over(&context.fleet, &mut registry, authority, &chain)?);
    }
    let before = registry.seen_times()?;
    let distrusted = registry.accept_time(now, context.now)?;
    warn_of_all(found);
    output::line(format_args!(
        "it is {now}; until now the registry had seen {}, and {distrusted} list(s) signed later than it is are no proof \
         any more",
        before.newest
    ))
}

/// The time for new certificates: this machine's clock, if it agrees with what the fleet has seen, or a person says so.
pub(super) fn trusted_now(
    registry: &Registry,
    consent: &ClockConsent,
    context: &Context,
) -> Result<TrustedNow, Failure> {
    let now = match crl::witnesses(&context.fleet, registry, context.now)?.compare(context.now)? {
        Compared::Agrees(now) => now,
        Compared::Leap(leap) if consent.yes => leap.agreed(),
        Compared::Leap(leap) => match confirmation::ask(format_args!("{leap}. Is it right?"))? {
            Answer::Yes => leap.agreed(),
            Answer::No | Answer::NobodyThere => return Err(Failure::unconfirmed_clock(&leap)),
        },
    };
    registry.agree_to_time(now.time())?;
    Ok(now)
}

/// The time for a new fleet, which has seen nothing.
pub(super) fn first_now(context: &Context) -> Result<TrustedNow, Failure> {
    match (Witnesses { seen: Vec::new(), last_act: None }).compare(context.now)? {
        Compared::Agrees(now) => Ok(now),
        Compared::Leap(leap) => Err(Failure::unconfirmed_clock(&leap)),
    }
}
