//! Whether OpenSSL lets those through to the plugin whom it would let in.

use std::path::Path;

use authenticator::certificate::AuthorityCertificate;
use authenticator::trust::{TrustConfig, certificates};
use broker_rules::store::read_file;

use super::conf::MosquittoConf;
use super::directives::Directive;
use super::finding::Finding;

/// What is found about the `cafile` of the listeners of `conf`, beside `trusts`. Certificates of others in it do no harm: the
/// plugin refuses their clients.
pub(super) fn findings(conf: &MosquittoConf, trusts: &[TrustConfig]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for listener in conf.listeners.iter().filter(|listener| listener.has_certificate()) {
        if let Some(line) = listener.settings.get("capath") {
            let what = "which CA certificates are in it is not looked at: OpenSSL finds those that `openssl rehash` has named";
            findings.push(Finding::warning(line, "capath", what, "cafile FILE"));
        } else if let Some(line) = listener.settings.get("cafile") {
            findings.extend(of_cafile(line, trusts));
        }
    }
    findings
}

fn of_cafile(line: &Directive, trusts: &[TrustConfig]) -> Vec<Finding> {
    let known = match read_authorities(Path::new(&line.value)) {
        Ok(known) => known,
        Err(error) => {
            let what = format!("{} cannot be used: mosquitto does not start: {error}", line.value);
            return vec![Finding::error(line, "cafile", what, "the CA certificates of all trusts, in PEM")];
        }
    };
    let mut findings = Vec::new();
    for trust in trusts {
        let files = trust.anchors.iter().chain(&trust.intermediates);
        for file in files {
            // One that cannot be read is reported with its trust.
            for authority in read_authorities(file).unwrap_or_default() {
                let (which, lacks) = match gap(&authority, &known) {
                    None => continue,
                    Some(Gap::Itself) if authority.claims_issuer(&authority) => ("", "lacks it".to_owned()),
                    Some(Gap::Itself) => (" that send their certificate alone", "lacks it".to_owned()),
                    Some(Gap::Above(highest)) => {
                        let above = highest.subject();
                        (
                            "",
                            format!("lacks what {above} was issued by, and OpenSSL wants all up to the root"),
                        )
                    }
                };
                let what = format!(
                    "clients of {} (trust {}){which} are refused by OpenSSL before the plugin is asked: {} {lacks}",
                    authority.subject(),
                    trust.name,
                    line.value
                );
                findings.push(Finding::error(
                    line,
                    "cafile",
                    what,
                    format!("cafile with {} in it, and what it was issued by", file.display()),
                ));
            }
        }
    }
    findings
}

/// What is missing for OpenSSL to prove what a CA has issued.
enum Gap {
    /// Its certificate.
    Itself,
    /// The certificate that this one was issued by.
    Above(AuthorityCertificate),
}

/// What `known` lacks of `authority` and the CAs above it, up to one that has issued itself.
fn gap(authority: &AuthorityCertificate, known: &[AuthorityCertificate]) -> Option<Gap> {
    if !known.contains(authority) {
        return Some(Gap::Itself);
    }
    let mut highest = authority;
    // A path has no more certificates than there are.
    for _ in known {
        if highest.claims_issuer(highest) {
            return None;
        }
        match known.iter().find(|issuer| highest.claims_issuer(issuer)) {
            Some(issuer) => highest = issuer,
            None => break,
        }
    }
    Some(Gap::Above(highest.clone()))
}

/// The CA certificates in `file`; what is none is passed over.
fn read_authorities(file: &Path) -> Result<Vec<AuthorityCertificate>, String> {
    let bytes = read_file(file).map_err(|error| error.to_string())?;
    let found = certificates(bytes).ok_or_else(|| "there is no certificate in it".to_owned())?;
    Ok(found.iter().filter_map(|certificate| AuthorityCertificate::parse(certificate).ok()).collect())
}
