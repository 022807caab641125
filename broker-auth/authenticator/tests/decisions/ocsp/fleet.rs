//! A fleet whose trust asks OCSP responders.

use std::sync::Arc;

use authenticator::evidence::{Evidence, OcspEvidence};
use authenticator::for_test;
use authenticator::identity::IdentityTemplate;
use authenticator::ocsp::{OcspAnswer, judge};
use authenticator::policy::{ClientIdRule, Match, Policies, Policy, Verdicts};
use authenticator::ruleset::{AccessRules, Mode, Ruleset};
use authenticator::trust::{ChainResult, CrlCheck, OcspMode, StaleCrl, VerifiedChain};
use rustls_pki_types::CertificateDer;
use x509_cert::ext::pkix::CrlReason;
use x509_ocsp::{CertStatus, RevokedInfo};

use super::forge::{data, signed, time};
use crate::pki::{self, HOUR, Holder, SERIAL, at, now, question};

/// A CA, a client of it, and policies that let in whoever is proven, and whoever is not.
pub(crate) struct Fleet {
    pub(crate) ca: Holder,
    client: CertificateDer<'static>,
}

/// Which revocation lists there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lists<'a> {
    None,
    /// With these serial numbers, due to be replaced then.
    Due(&'a [u64], u64),
}

impl Fleet {
    pub(crate) fn new() -> Self {
        let ca = pki::ca("Device CA");
        Self { client: pki::client(&ca, SERIAL, |_| ()), ca }
    }

    pub(crate) fn rules(&self, mode: Mode, ocsp: OcspMode, lists: Lists<'_>) -> Ruleset {
        let trust = pki::trust(&self.ca, |config, files| {
            (config.ocsp, config.stale_crl) = (ocsp, StaleCrl::Alarm);
            config.ocsp_allow = vec!["http://ocsp.example".parse().expect("a URL")];
            if let Lists::Due(revoked, next_update) = lists {
                config.crl_check = CrlCheck::Leaf;
                config.crl = vec![files.write("ca.crl", pki::crl(&self.ca, revoked, next_update)).into()];
            }
        });
        let of = |name: &str, verdicts| Policy {
            name: name.into(),
            matches: Match { verdicts, trust: None, identity: None, conditions: Vec::new() },
            ..for_test::policy(ClientIdRule::Free, &[], &[])
        };
        let unproven = Verdicts::new(vec!["FAILED".parse().expect("a verdict")]);
        let policies = Policies::new(vec![of("proven", Verdicts::default()), of("unproven", unproven)]);
        let access = AccessRules { identity: IdentityTemplate::default(), policies };
        Ruleset::new(mode, vec![trust], Arc::new(access)).expect("one trust")
    }

    pub(crate) fn chain(&self) -> VerifiedChain {
        pki::chain(&pki::trust(&self.ca, |_, _| ()), std::slice::from_ref(&self.client))
    }

    /// An answer about the client, which counts for a day more.
    pub(crate) fn answer(&self, status: CertStatus) -> OcspAnswer {
        self.answer_by(&self.ca, &self.chain(), status)
    }

    pub(crate) fn answer_by(&self, signer: &Holder, chain: &VerifiedChain, status: CertStatus) -> OcspAnswer {
        let request = question(chain, 1);
        let mut data = data(&request, signer);
        data.responses[0].cert_status = status;
        judge(&signed(&data, signer, &[signer.der()]), &request, at(now())).expect("an answer")
    }

    pub(crate) fn evidence(&self, ocsp: OcspEvidence, time: u64) -> Evidence {
        Evidence::new(ChainResult::Proven(self.chain()), at(time)).ocsp(ocsp)
    }
}

pub(crate) fn revoked(reason: Option<CrlReason>) -> CertStatus {
    CertStatus::revoked(RevokedInfo { revocation_time: time(now() - HOUR), revocation_reason: reason })
}
