//! [`RevocationCheck`]: what the revocation lists of a trust say of a chain, and what the trust makes of that.

use rustls_pki_types::UnixTime;

use super::chain::Link;
use super::chain_fault::ChainFault;
use super::config::{CrlCheck, StaleCrl, TrustConfig};
use super::crl::{CrlSet, SignedCrl};
use super::report::Freshness;
use crate::certificate::{Fingerprint, timestamp};
use crate::reason::Reason;

/// The revocation lists of a trust, read by its configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct RevocationCheck<'a> {
    config: &'a TrustConfig,
    crls: &'a CrlSet,
}

/// Whether a client is on its way in, or in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    New,
    Live,
}

/// Which certificates of an issuer its lists speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage<'a> {
    /// There is no list.
    None,
    /// One speaks of all.
    Complete,
    /// There is one for each of the configured distribution points.
    Partitions,
    /// There is none for this distribution point.
    Missing(&'a str),
}

impl<'a> RevocationCheck<'a> {
    pub(super) fn new(config: &'a TrustConfig, crls: &'a CrlSet) -> Self {
        Self { config, crls }
    }

    /// Which certificates of `issuer` its lists speak of.
    pub(super) fn coverage(&self, issuer: &Fingerprint) -> Coverage<'a> {
        if self.crls.of(issuer).any(SignedCrl::is_complete) {
            return Coverage::Complete;
        }
        if self.crls.of(issuer).next().is_none() {
            return Coverage::None;
        }
        // The distribution points are those of all issuers of the trust.
        let is_held = |url: &String| self.crls.lists().any(|list| list.distribution_points().contains(url));
        match self.config.crl_idp.iter().find(|url| !is_held(url)) {
            Some(url) => Coverage::Missing(url),
            None => Coverage::Partitions,
        }
    }

    /// Refuses certificates whose issuer has no list, or one that is too old for such a client.
    pub(super) fn refuse_stale(
        &self,
        links: &[Link],
        client: Client,
        now: UnixTime,
    ) -> Result<(), ChainFault> {
        self.checked(links).try_for_each(|link| self.refuse_stale_link(link, client, now))
    }

    /// Whether lists cover all these certificates, and none of the lists is too old.
    pub(super) fn has_fresh_lists(&self, links: &[Link], now: UnixTime) -> bool {
        let grace = self.config.stale_grace.as_secs();
        self.config.crl_check != CrlCheck::Off
            && links.iter().all(|link| {
                let is_covered =
                    matches!(self.coverage(&link.issuer), Coverage::Complete | Coverage::Partitions);
                let mut lists = self.crls.of(&link.issuer);
                is_covered && lists.all(|list| list.freshness(now, grace) != Freshness::Stale)
            })
    }

    /// Refuses certificates that a list revokes or suspends.
    pub(super) fn refuse_revoked(&self, links: &[Link]) -> Result<(), ChainFault> {
        self.checked(links).try_for_each(|link| self.refuse_revoked_link(link))
    }

    /// Whether all that lists say against these certificates is that another took the place of the first.
    pub(super) fn is_superseded(&self, links: &[Link]) -> bool {
        let mut found = self
            .checked(links)
            .enumerate()
            .flat_map(|(place, link)| {
                self.crls.of(&link.issuer).filter_map(move |list| Some((place, list.find(&link.serial)?)))
            })
            .peekable();
        found.peek().is_some() && found.all(|(place, found)| place == 0 && found.is_superseded())
    }

    /// The certificates that are looked up in revocation lists.
    fn checked<'l>(&self, links: &'l [Link]) -> impl Iterator<Item = &'l Link> + use<'l> {
        let checked = match self.config.crl_check {
            CrlCheck::Off => 0,
            CrlCheck::Leaf => 1,
            CrlCheck::Chain => links.len(),
        };
        links.iter().take(checked)
    }

    fn refuse_revoked_link(&self, link: &Link) -> Result<(), ChainFault> {
        let found = self.crls.of(&link.issuer).filter_map(|list| Some((list, list.find(&link.serial)?)));
        // Of two lists, one may have it on hold and the other revoked: then it is revoked.
        let Some((list, revocation)) = found.max_by_key(|(_, revocation)| !revocation.is_hold()) else {
            return Ok(());
        };
        let (reason, what) = if revocation.is_hold() {
            (Reason::Suspended, "is on hold")
        } else {
            (Reason::Revoked, "was revoked")
        };
        Err((
            reason,
            format!(
                "serial {} of {} {what} at {} ({}; {})",
                link.serial,
                list.issuer_name,
                timestamp(revocation.at),
                revocation.reason(),
                list.designation()
            ),
        ))
    }

    fn refuse_stale_link(&self, link: &Link, client: Client, now: UnixTime) -> Result<(), ChainFault> {
        let enforced = match (self.config.stale_crl, client) {
            (StaleCrl::DenyAll, _) | (StaleCrl::DenyNew, Client::New) => true,
            (StaleCrl::DenyNew, Client::Live) | (StaleCrl::Alarm, _) => false,
        };
        let grace = self.config.stale_grace.as_secs();
        if client == Client::New {
            let what = match self.coverage(&link.issuer) {
                Coverage::Complete | Coverage::Partitions => None,
                Coverage::None => Some("no revocation list covers it".to_owned()),
                Coverage::Missing(url) => Some(format!("there is no revocation list of {url}")),
            };
            if let Some(what) = what {
                return Err((Reason::StaleCrl, format!("serial {}: {what}", link.serial)));
            }
        }
        let mut lists = self.crls.of(&link.issuer);
        match lists.find(|list| enforced && list.freshness(now, grace) == Freshness::Stale) {
            Some(list) => Err((
                Reason::StaleCrl,
                format!(
                    "the revocation list of {} was due to be replaced at {}",
                    list.issuer_name,
                    timestamp(list.next_update)
                ),
            )),
            None => Ok(()),
        }
    }

    /// Refuses certificates that say they are on other lists than those of their issuer that are here.
    pub(super) fn refuse_unheld_list(&self, links: &[Link]) -> Result<(), ChainFault> {
        self.checked(links).try_for_each(|link| self.refuse_unheld_list_of(link))
    }

    fn refuse_unheld_list_of(&self, link: &Link) -> Result<(), ChainFault> {
        let Some(points) = &link.listed_at else { return Ok(()) };
        let is_held = |url: &String| self.config.crl_idp.contains(url);
        if self.coverage(&link.issuer) != Coverage::Partitions || points.iter().any(is_held) {
            return Ok(());
        }
        let at = points.first().map_or("a place without a URL", String::as_str);
        Err((
            Reason::StaleCrl,
            format!(
                "serial {}: the certificate names the list at {at}, which this trust does not hold",
                link.serial
            ),
        ))
    }
}
