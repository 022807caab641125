//! The clauses for CRLs.

use std::collections::HashSet;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_DELTA_CRL_INDICATOR;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::X509Version;

use super::certificate::{is_ecdsa, is_well_encoded};
use super::clause::Level::{Must, MustNot, Should, ShouldNot};
use super::clause::{Clauses, Finding};
use super::extensions::Extensions;

/// The longest CRL number, in octets (RFC 5280 §5.2.3).
const MAX_NUMBER_BITS: u64 = 8 * 20;

/// The clauses for a list. `issuers`: CA certificates that may have signed it.
pub(super) fn clauses(list: &CertificateRevocationList<'_>, issuers: &[X509Certificate<'_>]) -> Vec<Finding> {
    let mut clauses = Clauses::default();
    let inner = &list.tbs_cert_list;
    clauses.check("RFC 5280 5.1.2.1", Must, "version 2", list.version() == Some(X509Version::V2));
    let is_same = list.signature_algorithm == inner.signature;
    clauses.check("RFC 5280 5.1.1.2", Must, "the same algorithm inside and outside", is_same);
    clauses.check("IoT 17.1.3", Must, "ECDSA with SHA-256 or longer", is_ecdsa(&list.signature_algorithm));
    let has_issuer = list.issuer().iter_attributes().next().is_some();
    clauses.check("RFC 5280 5.1.2.3", Must, "an issuer", has_issuer);
    let next = list.next_update();
    let is_encoded = is_well_encoded(list.last_update()) && next.is_none_or(is_well_encoded);
    clauses.check("RFC 5280 5.1.2.4", Must, "UTCTime until 2049, then GeneralizedTime", is_encoded);
    clauses.check("RFC 5280 5.1.2.5", Must, "nextUpdate", next.is_some());
    let ends_later = next.is_none_or(|next| list.last_update().timestamp() < next.timestamp());
    clauses.check("RFC 5280 5.1.2.5", Must, "thisUpdate before nextUpdate", ends_later);

    let (mut key_id, mut number_is_critical, mut is_delta, mut unknown_critical) =
        (None, false, false, false);
    for extension in list.extensions() {
        if extension.oid == OID_X509_EXT_DELTA_CRL_INDICATOR {
            is_delta = true;
            continue;
        }
        match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => key_id = id.key_identifier.as_ref().map(|id| id.0),
            ParsedExtension::CRLNumber(_) => number_is_critical = extension.critical,
            ParsedExtension::IssuingDistributionPoint(_) => {}
            _ => unknown_critical |= extension.critical,
        }
    }
    clauses.check("RFC 5280 5.2.1", Must, "AKI set", key_id.is_some());
    let number = list.crl_number();
    clauses.check("RFC 5280 5.2.3", Must, "a CRL number", number.is_some());
    clauses.check("RFC 5280 5.2.3", MustNot, "CRL number critical", !number_is_critical);
    let is_short = number.is_none_or(|number| number.bits() < MAX_NUMBER_BITS);
    clauses.check("RFC 5280 5.2.3", MustNot, "a CRL number above 20 octets", is_short);
    clauses.check("RFC 5280 5.2.4", ShouldNot, "a delta, where lists are complete", !is_delta);
    clauses.check("RFC 5280 5.2", MustNot, "a critical extension unknown here", !unknown_critical);

    let mut serials = HashSet::new();
    let (mut is_twice, mut gives_no_reason, mut ahead) = (false, false, false);
    for entry in list.iter_revoked_certificates() {
        is_twice |= !serials.insert(entry.raw_serial());
        gives_no_reason |= entry.reason_code().is_some_and(|(_, code)| code.0 == 0);
        ahead |= entry.revocation_date.timestamp() > list.last_update().timestamp();
    }
    clauses.check("RFC 5280 5.3", MustNot, "a certificate twice", !is_twice);
    clauses.check("RFC 5280 5.3.1", ShouldNot, "the reason `unspecified`", !gives_no_reason);
    clauses.check("RFC 5280 5.1.2.6", Should, "revocations before thisUpdate", !ahead);

    if let Some(issuer) = issuers.iter().find(|ca| ca.subject().as_raw() == list.issuer().as_raw()) {
        let is_signed = list.verify_signature(issuer.public_key()).is_ok();
        clauses.check("RFC 5280 6.3.3", Must, "signed by the issuer given here", is_signed);
        let extensions = Extensions::read(issuer);
        let may_sign = extensions.key_usage.is_none_or(|(_, usage)| usage.crl_sign());
        clauses.check("RFC 5280 6.3.3", Must, "an issuer with cRLSign", may_sign);
        let is_named = extensions.subject_key_id.is_none_or(|(_, id)| Some(id) == key_id);
        clauses.check("RFC 5280 5.2.1", Must, "its AKI is the issuer's SKI", is_named);
    }
    clauses.into_findings()
}
