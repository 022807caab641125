//! The clauses for certificates.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, KeyUsage};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512,
    OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME, OID_X509_ORGANIZATION_NAME, Oid,
};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AlgorithmIdentifier, X509Version};

use super::clause::Level::{Must, MustNot, Should, ShouldNot};
use super::clause::{Clauses, Finding, Level};
use super::extensions::{Extensions, critical, not_critical};
use crate::profile::{ISSUING_PATH_LENGTH, ROOT_PATH_LENGTH};
use crate::timestamp::DAY;

/// The longest serial number, in octets of content.
const MAX_SERIAL_LEN: usize = 20;

/// 64 bits, the least randomness of a serial number.
const MIN_SERIAL_LEN: usize = 8;

/// The first second that UTCTime cannot express, 2050-01-01T00:00:00Z.
const GENERALIZED_TIME_SINCE: i64 = 2_524_608_000;

/// What counts as short-lived: somewhat more than a year, as the CA/Browser Forum has it.
const SHORT_LIVED: u64 = 398 * DAY;

const NARROWER: &str = "on purpose: what is below it is known, and nothing else is to be";
const NO_COUNTRY: &str = "a name without a country was chosen; `init --country CC` gives new fleets one";
const ONE_BROKER: &str =
    "on purpose: one broker is reached by several names, with one key and one certificate";
const OVERRIDDEN: &str = "overridden by IoT 17.4.3, which forbids it: it can be computed from the key";
const SHELF: &str = "on purpose: a device may lie on a shelf for years; it is shut out by revocation";

/// What a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Root,
    Issuing,
    EndEntity,
}

impl Role {
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Self {
        match (certificate.is_ca(), certificate.subject().as_raw() == certificate.issuer().as_raw()) {
            (true, true) => Self::Root,
            (true, false) => Self::Issuing,
            (false, _) => Self::EndEntity,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Root => "root certificate",
            Self::Issuing => "issuing CA certificate",
            Self::EndEntity => "end-entity certificate",
        }
    }
}

/// The clauses for a certificate. `issuers`: CA certificates that may have signed it.
pub(super) fn clauses(certificate: &X509Certificate<'_>, issuers: &[X509Certificate<'_>]) -> Vec<Finding> {
    let extensions = Extensions::read(certificate);
    let mut clauses = Clauses::default();
    of_every_certificate(&mut clauses, certificate, &extensions);
    match Role::of(certificate) {
        Role::Root => of_a_ca(&mut clauses, certificate, &extensions, &ROOT),
        Role::Issuing => of_a_ca(&mut clauses, certificate, &extensions, &ISSUING),
        Role::EndEntity => of_an_end_entity(&mut clauses, certificate, &extensions),
    }
    if let Some(issuer) = issuers.iter().find(|ca| ca.subject().as_raw() == certificate.issuer().as_raw()) {
        let signed = certificate.verify_signature(Some(issuer.public_key())).is_ok();
        clauses.check("RFC 5280 6.1.3", Must, "signed by the issuer given here", signed);
        let key_id = Extensions::read(issuer).subject_key_id.map(|(_, id)| id);
        let named = key_id.is_none() || key_id == extensions.issuer_key_id();
        clauses.check("RFC 5280 4.2.1.1", Must, "its AKI is the issuer's SKI", named);
    }
    clauses.into_findings()
}

fn of_every_certificate(
    clauses: &mut Clauses,
    certificate: &X509Certificate<'_>,
    extensions: &Extensions<'_>,
) {
    let validity = certificate.validity();
    clauses.check("RFC 5280 4.1.2.1", Must, "version 3", certificate.version() == X509Version::V3);
    let serial = certificate.raw_serial();
    let is_positive =
        serial.first().is_some_and(|first| first & 0x80 == 0) && serial.iter().any(|&byte| byte != 0);
    let is_short = serial.len() <= MAX_SERIAL_LEN;
    clauses.check("RFC 5280 4.1.2.2", Must, "serial positive, at most 20 octets", is_positive && is_short);
    clauses.check("IoT 17.1.2", Must, "serial of 64 bits or more", serial.len() >= MIN_SERIAL_LEN);
    clauses.check(
        "RFC 5280 4.1.1.2",
        Must,
        "the same algorithm inside and outside",
        certificate.signature_algorithm == certificate.tbs_certificate.signature,
    );
    clauses.check(
        "IoT 17.1.3",
        Must,
        "ECDSA with SHA-256 or longer",
        is_ecdsa(&certificate.signature_algorithm),
    );
    clauses.check(
        "RFC 5280 4.1.2.4",
        Must,
        "an issuer",
        certificate.issuer().iter_attributes().next().is_some(),
    );
    clauses.check(
        "RFC 5280 4.1.2.5",
        Must,
        "UTCTime until 2049, then GeneralizedTime",
        is_well_encoded(validity.not_before) && is_well_encoded(validity.not_after),
    );
    let begins_first = validity.not_before.timestamp() <= validity.not_after.timestamp();
    clauses.check("RFC 5280 4.1.2.5", Must, "notBefore before notAfter", begins_first);
    clauses.check("IoT 17.1.6", Should, "a key on P-256", is_p256(certificate));
    clauses.check("RFC 5280 4.2", MustNot, "an extension twice", !extensions.has_duplicates);
    clauses.check(
        "RFC 5280 4.2",
        MustNot,
        "a critical extension unknown here",
        !extensions.has_unknown_critical,
    );
}

/// What the clauses for roots and for issuing CAs differ in.
struct CaClauses {
    subject: &'static str,
    authority_key_id: (&'static str, Level),
    subject_key_id: &'static str,
    key_usage: &'static str,
    extended_key_usage: Level,
    basic_constraints: &'static str,
    path_length: Level,
    our_path_length: u8,
}

const ROOT: CaClauses = CaClauses {
    subject: "IoT 17.2.1",
    authority_key_id: ("IoT 17.2.2", Should),
    subject_key_id: "IoT 17.2.3",
    key_usage: "IoT 17.2.4",
    extended_key_usage: MustNot,
    basic_constraints: "IoT 17.2.5",
    path_length: MustNot,
    our_path_length: ROOT_PATH_LENGTH,
};

const ISSUING: CaClauses = CaClauses {
    subject: "IoT 17.3.1",
    authority_key_id: ("IoT 17.3.2", Must),
    subject_key_id: "IoT 17.3.3",
    key_usage: "IoT 17.3.4",
    extended_key_usage: ShouldNot,
    basic_constraints: "IoT 17.3.5",
    path_length: ShouldNot,
    our_path_length: ISSUING_PATH_LENGTH,
};

fn of_a_ca(
    clauses: &mut Clauses,
    certificate: &X509Certificate<'_>,
    extensions: &Extensions<'_>,
    ca: &CaClauses,
) {
    let has = |oid: &Oid<'_>| certificate.subject().iter_by_oid(oid).next().is_some();
    let is_named = has(&OID_X509_COMMON_NAME) && has(&OID_X509_ORGANIZATION_NAME);
    clauses.check(ca.subject, Must, "CN and O in the subject", is_named);
    clauses.check_unless(
        (ca.subject, Must, "C in the subject"),
        has(&OID_X509_COUNTRY_NAME),
        is_named,
        NO_COUNTRY,
    );
    let (clause, level) = ca.authority_key_id;
    clauses.check(clause, level, "AKI set", extensions.issuer_key_id().is_some());
    clauses.check(clause, MustNot, "AKI critical", not_critical(&extensions.authority_key_id));
    if Role::of(certificate) == Role::Root {
        let own = extensions.subject_key_id.map(|(_, id)| id);
        let names_itself = extensions.issuer_key_id().is_none() || extensions.issuer_key_id() == own;
        clauses.check(clause, Must, "AKI its own SKI", names_itself);
        let is_self_signed = certificate.verify_signature(None).is_ok();
        clauses.check("RFC 5280 6.1", Must, "signed by its own key", is_self_signed);
    }
    let has_key_id = extensions.subject_key_id.is_some_and(|(_, id)| !id.is_empty());
    clauses.check(ca.subject_key_id, Must, "SKI set", has_key_id);
    clauses.check(ca.subject_key_id, MustNot, "SKI critical", not_critical(&extensions.subject_key_id));
    clauses.check(ca.key_usage, Must, "keyUsage critical", critical(&extensions.key_usage));
    clauses.check(ca.key_usage, Must, "keyCertSign", extensions.may(KeyUsage::key_cert_sign));
    clauses.check(ca.key_usage, Must, "cRLSign, as it signs lists", extensions.may(KeyUsage::crl_sign));
    if Role::of(certificate) == Role::Issuing {
        clauses.check(ca.key_usage, Should, "digitalSignature", extensions.may(KeyUsage::digital_signature));
    }
    let has_purposes = extensions.extended_key_usage.is_some();
    clauses.check(ca.key_usage, ca.extended_key_usage, "extendedKeyUsage", !has_purposes);
    clauses.check(
        ca.basic_constraints,
        Must,
        "basicConstraints critical",
        critical(&extensions.basic_constraints),
    );
    clauses.check_unless(
        (ca.basic_constraints, ca.path_length, "pathLenConstraint"),
        extensions.path_length().is_none(),
        extensions.path_length() == Some(u32::from(ca.our_path_length)),
        NARROWER,
    );
    not_fetched(clauses, extensions);
}

fn of_an_end_entity(clauses: &mut Clauses, certificate: &X509Certificate<'_>, extensions: &Extensions<'_>) {
    let purposes = extensions.extended_key_usage.map(|(_, purposes)| purposes);
    let is_server = purposes.is_some_and(|purposes| purposes.server_auth);
    let is_client = purposes.is_some_and(|purposes| purposes.client_auth);
    let has_subject = certificate.subject().iter_attributes().next().is_some();
    let has_names = !extensions.names().is_empty();
    clauses.check("RFC 5280 4.1.2.6", Must, "a subject or an alternative name", has_subject || has_names);
    if has_subject {
        clauses.check(
            "IoT 17.4.1",
            MustNot,
            "alternative names critical",
            not_critical(&extensions.alternative_names),
        );
    }
    clauses.check_unless(
        ("IoT 17.4.1", MustNot, "several alternative names"),
        extensions.names().len() <= 1,
        is_server,
        ONE_BROKER,
    );
    let has_wildcard = extensions
        .names()
        .iter()
        .any(|name| matches!(name, GeneralName::DNSName(name) if name.contains('*')));
    clauses.check("IoT 17.4.1", MustNot, "a wildcard in a domain name", !has_wildcard);
    if is_server {
        clauses.check("RFC 9525 2", Must, "a server's names as SANs", has_names);
        let mut common_names = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        clauses.check(
            "IoT 17.4.1",
            MustNot,
            "a domain name as CN",
            !common_names.any(|name| name.contains('.')),
        );
    }
    clauses.check("IoT 17.4.2", Must, "AKI set", extensions.issuer_key_id().is_some());
    clauses.check("IoT 17.4.2", MustNot, "AKI critical", not_critical(&extensions.authority_key_id));
    let has_key_id = extensions.subject_key_id.is_some();
    clauses.check("IoT 17.4.3", MustNot, "SKI", !has_key_id);
    clauses.check_unless(("RFC 5280 4.2.1.2", Should, "SKI"), has_key_id, true, OVERRIDDEN);
    clauses.check("IoT 17.4.4", Must, "keyUsage critical", critical(&extensions.key_usage));
    clauses.check("IoT 17.4.4", Must, "digitalSignature", extensions.may(KeyUsage::digital_signature));
    clauses.check("IoT 17.4.4", Must, "serverAuth or clientAuth", is_server || is_client);
    clauses.check(
        "RFC 5280 4.2.1.3",
        MustNot,
        "keyCertSign without CA",
        !extensions.may(KeyUsage::key_cert_sign),
    );
    clauses.check(
        "RFC 5280 4.2.1.9",
        MustNot,
        "pathLenConstraint without CA",
        extensions.path_length().is_none(),
    );
    let validity = certificate.validity();
    let seconds = validity.not_after.timestamp().saturating_sub(validity.not_before.timestamp());
    clauses.check_unless(
        ("IoT 17.1.5", Should, "short-lived"),
        u64::try_from(seconds).is_ok_and(|seconds| seconds <= SHORT_LIVED),
        is_client && !is_server,
        SHELF,
    );
    not_fetched(clauses, extensions);
}

/// Devices have no way to fetch what a certificate points to, and a broker must not fetch what a peer names.
fn not_fetched(clauses: &mut Clauses, extensions: &Extensions<'_>) {
    clauses.check("IoT 17.3.6", ShouldNot, "CRL distribution points", !extensions.has_distribution_points);
    clauses.check(
        "IoT 17.3.7",
        ShouldNot,
        "authority information access",
        !extensions.has_authority_information,
    );
}

/// Whether a signature is by ECDSA with SHA-256, SHA-384 or SHA-512.
pub(super) fn is_ecdsa(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    [OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512]
        .contains(&algorithm.algorithm)
}

/// Whether a time is encoded as RFC 5280 wants it: in two digits of the year while they suffice.
pub(super) fn is_well_encoded(time: ASN1Time) -> bool {
    time.is_utctime() == (time.timestamp() < GENERALIZED_TIME_SINCE)
}

fn is_p256(certificate: &X509Certificate<'_>) -> bool {
    let parameters = certificate.public_key().algorithm.parameters.as_ref();
    parameters.and_then(|parameters| parameters.as_oid().ok()).is_some_and(|oid| oid == OID_EC_P256)
}
