//! The certificates that are shown to the broker and to `explain`: one for each thing that can be wrong with one.

use std::fs;

use integration_tests::broker::{Log, Mark};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::pki::{Crl, DAY, Forger, certificate_pem, now, subject};
use integration_tests::site::Site;
use rcgen::{
    BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SerialNumber,
};

/// A certificate, what is special about it, and the client id that would be its own.
pub(crate) struct Shown {
    pub(crate) what: &'static str,
    pub(crate) credential: Credential,
    pub(crate) client_id: &'static str,
}

/// Policies for the identities of the matrix, in front of those of a new fleet.
const POLICIES: &str = r##"[[policy]]
name = "retired"
match = { identity = "retired-1" }
action = "deny"

[[policy]]
name = "wide"
match = { trust = "service-ca", identity = "reader" }
action = "allow"
client-id = "free"
publish = ["#"]
subscribe = ["#", "$share/readers/#", "$SYS/#"]

"##;

/// Adds policies to a new fleet: `retired-1` is denied, the service `reader` may do everything under any client id, and of
/// the other services only `backend` and `provisioning` have one.
pub(crate) fn configure(fleet: &Fleet) {
    let first = "[[policy]]\nname = \"devices\"";
    fleet.configure(first, &format!("{POLICIES}{first}"));
    fleet.configure(
        "match = { trust = \"service-ca\" }",
        "match = { trust = \"service-ca\", identity = [\"backend\"] }",
    );
    let filters = "subscribe = [\"devices/+/telemetry/#\"";
    fleet.configure(filters, &format!("{filters}, \"$share/readers/devices/+/telemetry/#\""));
}

/// The fleet's forgers.
pub(crate) struct Forgers {
    pub(crate) device: Forger,
    service: Forger,
    namesake: Forger,
    stranger: Forger,
}

impl Forgers {
    pub(crate) fn of(fleet: &Fleet) -> Self {
        Self {
            device: Forger::with_key_of(fleet, "device-ca"),
            service: Forger::with_key_of(fleet, "service-ca"),
            namesake: Forger::named_like(fleet, "device-ca"),
            stranger: Forger::stranger(fleet),
        }
    }
}

/// Puts `pem` in the place of a certificate that nothing else is known of.
fn written(fleet: &Fleet, name: &str, pem: &str, key: &Credential) -> Credential {
    let certificate = fleet.beside(&format!("{name}.pem"));
    fs::write(&certificate, pem).expect("a file can be written");
    Credential { certificate, key: key.key.clone() }
}

fn leaf_of(credential: &Credential) -> String {
    certificate_pem(&credential.chain()[0])
}

/// Everything that can be shown at a fleet that [`configure`] has altered. Puts a list of revoked devices in force, and waits
/// until the broker says so.
pub(crate) fn all(site: &Site, forgers: &Forgers) -> Vec<Shown> {
    let fleet = &site.fleet;
    let mut all = honest(site);
    all.extend(of_the_wrong_issuer(fleet, forgers));
    all.extend(out_of_time_or_use(fleet, forgers));
    all.extend(revoked(site, forgers));
    all.extend(malformed(fleet, forgers));
    all.extend(unmapped(fleet, forgers));
    all
}

fn honest(site: &Site) -> Vec<Shown> {
    let fleet = &site.fleet;
    let shown = |what, credential, client_id| Shown { what, credential, client_id };
    vec![
        shown("a device, with its issuing CA", site.device.clone(), "dev-1"),
        shown(
            "a device, its certificate alone",
            written(fleet, "leaf", &leaf_of(&site.device), &site.device),
            "dev-1",
        ),
        shown("a service", site.service.clone(), "backend"),
        shown("a service of another policy", fleet.service("reader"), "anything at all"),
        shown("the service that renews", fleet.service("provisioning"), "provisioning/1"),
    ]
}

fn of_the_wrong_issuer(fleet: &Fleet, forgers: &Forgers) -> Vec<Shown> {
    let shown = |what, credential| Shown { what, credential, client_id: "dev-1" };
    let broker = Credential { certificate: fleet.file("broker/cert.pem"), key: fleet.file("broker/key.pem") };
    let honest = forgers.device.certificate("dev-1");
    let issuing = fs::read_to_string(fleet.file("device-ca/issuing.pem")).expect("a certificate");
    let (_, self_signed) = Forger::authority(fleet, |params| {
        params.distinguished_name = subject(&["dev-1"]);
        params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, 0x70]));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    vec![
        shown("of a CA nobody knows", forgers.stranger.certificate("dev-1")),
        shown("signed by itself", written(fleet, "self-signed", &self_signed, &honest)),
        shown("of a CA of the right name with another key", forgers.namesake.certificate("dev-1")),
        shown("with a signature that is off by one bit", forgers.device.with_broken_signature("dev-1")),
        shown(
            "signed by another device",
            // The next forger with a credential writes its files where these are.
            Forger::with_credential(fleet, &honest)
                .certificate("dev-9")
                .keep_in(&fleet.beside("by-another-device")),
        ),
        shown("the issuing CA's own", written(fleet, "issuing", &issuing, &honest)),
        shown("the broker's own", broker),
    ]
}

fn out_of_time_or_use(fleet: &Fleet, forgers: &Forgers) -> Vec<Shown> {
    let shown = |what, credential| Shown { what, credential, client_id: "dev-1" };
    let altered = |alter: &dyn Fn(&mut rcgen::CertificateParams)| forgers.device.altered("dev-1", alter);
    let usages = |usages: &[ExtendedKeyUsagePurpose]| {
        forgers.device.altered("dev-1", |params| params.extended_key_usages = usages.to_vec())
    };
    // An extension of nobody's, and critical.
    let strange = || {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
        extension.set_criticality(true);
        extension
    };
    let sub_authority = forgers.device.altered("Sub CA", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    });
    vec![
        shown(
            "that ended yesterday",
            altered(&|params| {
                params.not_before = now() - 30 * DAY;
                params.not_after = now() - DAY;
            }),
        ),
        shown("that begins tomorrow", altered(&|params| params.not_before = now() + DAY)),
        shown(
            "that ends before it begins",
            altered(&|params| {
                params.not_before = now() - DAY;
                params.not_after = now() - 2 * DAY;
            }),
        ),
        shown("for servers", usages(&[ExtendedKeyUsagePurpose::ServerAuth])),
        shown(
            "for servers and clients",
            usages(&[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]),
        ),
        shown("for any purpose", usages(&[ExtendedKeyUsagePurpose::Any])),
        shown("for nothing in particular", usages(&[])),
        shown("of a CA", altered(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        shown(
            "whose key may not sign",
            altered(&|params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]),
        ),
        shown(
            "with a critical extension nobody knows",
            altered(&|params| params.custom_extensions = vec![strange()]),
        ),
        shown(
            "of a CA that may have none below it",
            Forger::with_credential(fleet, &sub_authority).certificate("dev-1"),
        ),
    ]
}

/// Certificates of the device CA that are revoked (serials 0x71 and 0x73) or on hold (0x72).
fn revoked(site: &Site, forgers: &Forgers) -> Vec<Shown> {
    let fleet = &site.fleet;
    let shown = |what, credential| Shown { what, credential, client_id: "dev-1" };
    let numbered = |forger: &Forger, serial: u8, alter: &dyn Fn(&mut rcgen::CertificateParams)| {
        forger.altered("dev-1", |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial]));
            alter(params);
        })
    };
    let with_issuer = |name: &str, credential: &Credential| {
        let issuing = fs::read_to_string(fleet.file("device-ca/issuing.pem")).expect("a certificate");
        written(fleet, name, &format!("{}{issuing}", leaf_of(credential)), credential)
    };
    let [stolen, held] = [0x71, 0x72].map(|serial| numbered(&forgers.device, serial, &|_| {}));
    let certificates = vec![
        shown("that is revoked, alone", stolen.clone()),
        shown("that is revoked, with its issuing CA", with_issuer("revoked", &stolen)),
        shown("that is on hold, alone", held.clone()),
        shown("that is on hold, with its issuing CA", with_issuer("held", &held)),
        shown(
            "that is revoked and has ended",
            numbered(&forgers.device, 0x71, &|params| {
                params.not_before = now() - 30 * DAY;
                params.not_after = now() - DAY;
            }),
        ),
        shown(
            "that is revoked and for servers",
            numbered(&forgers.device, 0x71, &|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
        shown("that claims a revoked serial, of another key", numbered(&forgers.namesake, 0x71, &|_| {})),
        Shown {
            what: "of the service CA, with a serial the device CA has revoked",
            credential: forgers.service.altered("backend", |params| {
                params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, 0x71]));
            }),
            client_id: "backend",
        },
    ];
    let mark = site.broker.log().mark();
    let list = Crl { revoked: vec![stolen.serial()], held: vec![held.serial()], ..Crl::fresh() };
    fleet.replace("crl/device-ca.crl", forgers.device.crl(&list).as_bytes());
    list_in_force(site.broker.log(), mark, 2);
    certificates
}

/// Waits until a list of `entries` is in force.
#[track_caller]
pub(crate) fn list_in_force(log: &Log, mark: Mark, entries: u64) {
    log.line(mark, |line| {
        let text = line.to_string();
        text.contains("revocation list in force")
            && (line["entries"] == entries || text.contains(&format!("entries={entries} ")))
    });
}

fn malformed(fleet: &Fleet, forgers: &Forgers) -> Vec<Shown> {
    let shown = |what, credential| Shown { what, credential, client_id: "dev-1" };
    let honest = forgers.device.certificate("dev-1");
    let der = honest.chain().remove(0).to_vec();
    let issuing = fs::read_to_string(fleet.file("device-ca/issuing.pem")).expect("a certificate");
    let twice = |oid: &[u64], content: &[u8]| CustomExtension::from_oid_content(oid, content.to_vec());
    vec![
        shown("that is no certificate", written(fleet, "garbage", &certificate_pem(b"garbage"), &honest)),
        shown("that is cut off", written(fleet, "cut", &certificate_pem(&der[..der.len() - 10]), &honest)),
        shown(
            "with a byte behind its end",
            written(fleet, "long", &certificate_pem(&[&der[..], &[0]].concat()), &honest),
        ),
        shown(
            "with a serial number of 21 octets",
            forgers.device.altered("dev-1", |params| {
                params.serial_number = Some(SerialNumber::from_slice(&[0x41; 21]));
            }),
        ),
        shown(
            "with key usage twice",
            forgers.device.altered("dev-1", |params| {
                params.custom_extensions = vec![twice(&[2, 5, 29, 15], &[3, 2, 7, 0x80])];
            }),
        ),
        shown(
            "with key usage that cannot be read",
            forgers.device.altered("dev-1", |params| {
                params.key_usages = vec![];
                params.custom_extensions = vec![twice(&[2, 5, 29, 15], &[0xFF])];
            }),
        ),
        shown(
            "with nine other certificates",
            written(fleet, "nine", &format!("{}{}", leaf_of(&honest), issuing.repeat(9)), &honest),
        ),
        shown(
            "with eight other certificates",
            written(fleet, "eight", &format!("{}{}", leaf_of(&honest), issuing.repeat(8)), &honest),
        ),
    ]
}

fn unmapped(fleet: &Fleet, forgers: &Forgers) -> Vec<Shown> {
    let shown = |what, credential, client_id| Shown { what, credential, client_id };
    let named =
        |names: &[&str]| forgers.device.altered("", |params| params.distinguished_name = subject(names));
    vec![
        shown("without a common name", named(&[]), "dev-1"),
        shown("with two common names", named(&["dev-1", "dev-2"]), "dev-1"),
        shown("with an empty common name", named(&[""]), "dev-1"),
        shown("with a topic for a name", named(&["dev-1/telemetry"]), "dev-1"),
        shown("with a line break in its name", named(&["dev-1\nevil"]), "dev-1"),
        shown("with a name of 65 characters", named(&[&"x".repeat(65)]), "dev-1"),
        shown("of a service, with a name that is none", forgers.service.certificate("back end"), "backend"),
        shown("of a device that a policy denies", fleet.device("retired-1"), "retired-1"),
        shown("of a service that no policy matches", fleet.service("stranger"), "stranger"),
        shown("of a device with the name of a service", forgers.device.certificate("backend"), "backend"),
        shown("of a service with the name of a device", forgers.service.certificate("dev-1"), "dev-1"),
        shown(
            "of a device with the name of the service that renews",
            forgers.device.certificate("provisioning"),
            "provisioning",
        ),
    ]
}
