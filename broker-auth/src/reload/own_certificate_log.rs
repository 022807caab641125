//! [`OwnCertificateLog`]: what the log says of the broker's own certificate while time passes.

use authenticator::certificate::{Ending, Fingerprint, timestamp};
use rustls_pki_types::UnixTime;

use crate::transport::{Faults, ServerCertificate};

/// What has been said of a listener's certificate: each thing once.
#[derive(Debug, Default)]
pub(super) struct OwnCertificateLog {
    said: Option<Said>,
}

#[derive(Debug, PartialEq, Eq)]
struct Said {
    certificate: Fingerprint,
    ending: Ending,
    faults: Faults,
}

impl OwnCertificateLog {
    /// Says which certificate is in force, if it is another than before; why clients refuse it; and that its end is near: 30,
    /// 14, 3 days and one day before.
    pub(super) fn look(&mut self, certificate: &ServerCertificate, now: UnixTime) {
        let own = certificate.certificate();
        let said = Said {
            certificate: own.fingerprint_sha256(),
            ending: own.ending(now),
            faults: certificate.faults(now),
        };
        if self.said.as_ref() == Some(&said) {
            return;
        }
        let before = self.said.take().filter(|before| before.certificate == said.certificate);
        if before.is_none() {
            let (names, not_after) = (own.names().join(" "), timestamp(own.not_after()));
            tracing::info!(names, not_after, "server certificate in force");
        }
        let was_said = |fault: &String| {
            before.as_ref().is_some_and(|before| before.faults.iter().any(|said| said == fault))
        };
        let is_news = |fault: &&String| !was_said(fault);
        said.faults.by_clients.iter().filter(is_news).for_each(|fault| tracing::error!("{fault}"));
        said.faults.by_agents.iter().filter(is_news).for_each(|fault| tracing::warn!("{fault}"));
        if before.as_ref().is_none_or(|before| before.ending != said.ending)
            && let Some(warning) = certificate.end_is_near(now)
        {
            tracing::warn!(warning);
        }
        self.said = Some(said);
    }
}
