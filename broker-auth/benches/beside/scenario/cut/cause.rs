//! [`Cause`]: what sessions are cut by.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use load::ocsp_responder::OcspResponder;
use load::site::{Identity, Shown, Site};
use ring::digest::{SHA256, digest};

use crate::server::{Demands, Kind, Server};

/// What sessions are cut by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A revocation list that takes another's place.
    Crl,
    /// A responder's answers that turn.
    Ocsp,
    /// Pins of certificates: a reload of those that stay.
    Pins,
    /// Pins of keys, which outlive a certificate.
    KeyPins,
    /// A reload with a policy that denies.
    Policy,
}

pub(super) const CAUSES: [Cause; 5] = [Cause::Crl, Cause::Ocsp, Cause::Pins, Cause::KeyPins, Cause::Policy];

impl Cause {
    /// Whether that server has it. mosquitto has neither pins nor OCSP for clients, and its access list refuses no client.
    pub(super) fn is_known_to(self, kind: Kind) -> bool {
        kind == Kind::Countersign || self == Self::Crl
    }

    /// What has closed nothing by then closes nothing. By OCSP everybody has to be asked about once.
    pub(super) fn patience(self, kind: Kind) -> Duration {
        match (self, kind) {
            (Self::Ocsp, _) => Duration::from_secs(120),
            (_, Kind::Countersign) => Duration::from_secs(60),
            (_, Kind::Mosquitto | Kind::Nginx) => Duration::from_secs(10),
        }
    }

    pub(super) fn goal(self) -> &'static str {
        if self == Self::Ocsp { "" } else { "last < 1000" }
    }

    /// What it takes, for a server that has not started.
    pub(super) async fn prepare(
        self,
        site: &Site,
        devices: &[Identity],
        pinging: &Identity,
    ) -> io::Result<Trigger> {
        let responder = match self {
            Self::Ocsp => Some(OcspResponder::start(site).await?),
            _ => None,
        };
        let ocsp = responder.as_ref().map(OcspResponder::url);
        let pins = devices.iter().chain([pinging]).filter_map(|device| self.pin(device.shown()?)).collect();
        Ok(Trigger { cause: self, responder, demands: Demands { pins, ocsp, ..Demands::unpaced() } })
    }

    /// The pin of a device, if that is what it is about.
    fn pin(self, shown: &Shown) -> Option<String> {
        let (key, pinned) = match self {
            Self::Pins => ("cert-sha256", &*shown.certificate),
            Self::KeyPins => ("spki-sha256", &*shown.key_info),
            Self::Crl | Self::Ocsp | Self::Policy => return None,
        };
        let hash: String =
            digest(&SHA256, pinned).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{{ {key} = \"{hash}\" }}"))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crl => "a CRL",
            Self::Ocsp => "OCSP",
            Self::Pins => "pins of certificates",
            Self::KeyPins => "pins of keys",
            Self::Policy => "a policy",
        })
    }
}

/// What has to be done.
pub(super) struct Trigger {
    cause: Cause,
    responder: Option<OcspResponder>,
    demands: Demands,
}

impl Trigger {
    /// What the server is told when it starts.
    pub(super) fn demands(&self) -> &Demands {
        &self.demands
    }

    /// Has `victims` cut, among them all that were before; since when the server can know.
    pub(super) async fn pull(
        &mut self,
        site: &Site,
        server: &Server,
        victims: &[Identity],
    ) -> io::Result<Instant> {
        let devices: Vec<&Identity> = victims.iter().collect();
        match self.cause {
            Cause::Crl => {
                let lists = site.stage(0, &devices)?;
                let since = Instant::now();
                lists.publish()?;
                server.look_at_crl()?;
                return Ok(since);
            }
            Cause::Ocsp => {
                let since = Instant::now();
                self.responder.iter().for_each(|responder| responder.revoke(&devices));
                return Ok(since);
            }
            Cause::Pins | Cause::KeyPins => {
                let gone: std::collections::HashSet<_> =
                    devices.iter().filter_map(|device| self.cause.pin(device.shown()?)).collect();
                self.demands.pins.retain(|pin| !gone.contains(pin));
            }
            Cause::Policy => {
                self.demands.refused = devices.iter().map(|device| device.name.to_string()).collect();
            }
        }
        let since = Instant::now();
        server.reload(site, &self.demands).await?;
        Ok(since)
    }

    /// How many questions a responder had since then.
    pub(super) fn questions_per_second(&self, since: Instant) -> Option<f64> {
        let responder = self.responder.as_ref()?;
        Some(responder.answers() as f64 / since.elapsed().as_secs_f64())
    }
}
