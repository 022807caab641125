//! [`Place`]: a fleet whose devices are asked about, their responder, and the broker.

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::Forger;
use rcgen::CustomExtension;
use serde_json::Value;

use crate::PROGRAMS;
use crate::conduct::Conduct;
use crate::responder::Responder;

/// id-pe-authorityInfoAccess (RFC 5280 §4.2.2.1).
const AUTHORITY_INFORMATION_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];

/// id-ad-ocsp, in DER.
const OCSP: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1];

/// The revocation list of the device CA, as a new fleet has it configured.
const LIST: &str = "crl = [\"crl/device-ca.crl\"]        # reloaded when it changes\ncrl-check = \"leaf\"\n";

/// A fleet, whose broker is started by [`Place::start`], and a responder for its devices.
pub(crate) struct Place {
    pub(crate) fleet: Fleet,
    pub(crate) responder: Responder,
    issuer: Forger,
}

impl Place {
    /// `mode` is the `ocsp` of the devices' trust.
    pub(crate) fn new(mode: &str) -> Self {
        let fleet = Fleet::new(PROGRAMS);
        let responder = Responder::start(&fleet);
        let issuer = Forger::with_key_of(&fleet, "device-ca");
        let place = Self { fleet, responder, issuer };
        place.fleet.configure(LIST, &format!("{LIST}{}", place.asking(mode)));
        place.fleet.configure("[identity]", "[fetch]\ninterval = \"1s\"\n\n[identity]");
        place
    }

    /// Turns revocation lists off.
    pub(crate) fn without_list(self) -> Self {
        self.fleet.configure(LIST, "crl-check = \"off\"\n");
        self
    }

    /// The keys of the trust for this mode.
    pub(crate) fn asking(&self, mode: &str) -> String {
        match mode {
            "off" => String::new(),
            _ => format!("ocsp = \"{mode}\"\nocsp-allow = [\"{}\"]\n", self.responder.url("")),
        }
    }

    /// A device that the responder is asked about, at a URL of its own.
    pub(crate) fn device(&self, id: &str, conduct: Conduct) -> Credential {
        let credential = self.device_asked_about_at(id, &self.responder.url(id));
        self.responder.knows(id, &credential, conduct);
        credential
    }

    /// A device whose certificate names a responder.
    pub(crate) fn device_asked_about_at(&self, id: &str, url: &str) -> Credential {
        let length = |parts: usize| u8::try_from(parts).ok().filter(|it| *it < 0x80).expect("a short URL");
        let location = [&[0x86, length(url.len())], url.as_bytes()].concat();
        let access = [&[0x30, length(OCSP.len() + location.len())], OCSP, &location].concat();
        let value = [&[0x30, length(access.len())], &access[..]].concat();
        self.issuer.altered(id, |params| {
            let extension = CustomExtension::from_oid_content(AUTHORITY_INFORMATION_ACCESS, value);
            params.custom_extensions.push(extension);
        })
    }

    pub(crate) fn start(&self) -> Broker {
        Broker::start(&self.fleet)
    }

    /// What a device meets: `in`, or the CONNACK and the reason in the log.
    pub(crate) fn met(&self, broker: &Broker, device: &Credential, id: &str, version: Version) -> String {
        let mark = broker.log().mark();
        let tls = Tls::new(&self.fleet, Some(device));
        match Client::attempt(broker.address(), &tls, &Connect::new(version, id)) {
            (Some(client), Heard::Packet(connack)) if connack.is(Kind::ConnAck) => {
                match connack.reason_code() {
                    0 => {
                        client.disconnect();
                        "in".to_owned()
                    }
                    code => {
                        assert_eq!(code, if version == Version::V5 { 0x87 } else { 5 });
                        let is_ours = |line: &Value| {
                            line["outcome"] == "refused" && line.to_string().contains(&format!("CN={id},"))
                        };
                        let line = broker.log().line(mark, is_ours);
                        format!("0x87 {}", line["reason"].as_str().unwrap_or_default())
                    }
                }
            }
            (_, heard) => format!("{heard:?}"),
        }
    }

    /// The session of a device that is let in.
    #[track_caller]
    pub(crate) fn session(&self, broker: &Broker, device: &Credential, id: &str) -> Client {
        let tls = Tls::new(&self.fleet, Some(device));
        Client::connect(broker.address(), &tls, &Connect::new(Version::V5, id))
    }

    /// What `explain` says, of the files and of the running broker.
    pub(crate) fn explained(&self, device: &Credential, arguments: &[&str]) -> Value {
        let certificate = device.certificate.to_str().expect("UTF-8");
        let arguments = [&["--json", "--cert", certificate], arguments].concat();
        operate(&self.fleet, "explain", &arguments).json()
    }
}
