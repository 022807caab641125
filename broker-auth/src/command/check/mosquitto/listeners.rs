//! What undoes the plugin at a listener.

use std::path::Path;

use authenticator::certificate::timestamp;
use authenticator::trust::unverified_next_update;
use broker_rules::store::read_file;
use rustls_pki_types::UnixTime;

use super::conf::{Listener, MosquittoConf};
use super::directives::Directive;
use super::finding::Finding;

/// What becomes of clients without a certificate: not even a permissive policy lets them in there.
const NO_CERTIFICATE: &str = "the plugin is shown no certificate, and refuses everybody";

/// What is found about the listeners of `conf` at `now`.
pub(super) fn findings(conf: &MosquittoConf, now: UnixTime) -> Vec<Finding> {
    conf.listeners
        .iter()
        .flat_map(|listener| {
            let mut findings = of_transport(conf, listener);
            findings.extend(of_names(listener));
            findings.extend(listener.settings.get("crlfile").map(|line| of_crlfile(line, now)));
            findings
        })
        .collect()
}

/// Whether clients prove there who they are.
fn of_transport(conf: &MosquittoConf, listener: &Listener) -> Vec<Finding> {
    let settings = &listener.settings;
    // Beside a certificate mosquitto takes none.
    if let Some(line) = settings.get("psk_hint").filter(|_| !listener.has_certificate()) {
        return vec![Finding::error(
            line,
            "psk_hint",
            format!("{}: clients show a pre-shared key: {NO_CERTIFICATE}", listener.title()),
            "certfile, keyfile, cafile and require_certificate true, or no such listener",
        )];
    }
    let mut findings = Vec::new();
    let mut missing = |setting, what: &str, instead: &str| {
        findings.push(Finding::of_listener(&conf.file, listener, setting, what, instead));
    };
    if listener.is_unix_socket() {
        missing(
            "listener",
            &format!("a Unix socket is a plain listener: {NO_CERTIFICATE}"),
            "no such listener",
        );
        return findings;
    }
    if !listener.has_certificate() {
        missing(
            "certfile",
            &format!("it is a plain listener: what is sent can be read, passwords too; {NO_CERTIFICATE}"),
            "certfile, keyfile, cafile and require_certificate true, or no such listener",
        );
        return findings;
    }
    if settings.on("require_certificate").is_none() {
        let what = format!("clients are not asked for a certificate: {NO_CERTIFICATE}");
        match settings.get("require_certificate") {
            Some(line) => {
                let what = format!("{}: {what}", listener.title());
                findings.push(Finding::error(line, "require_certificate", what, "require_certificate true"));
            }
            None => missing("require_certificate", &what, "require_certificate true"),
        }
    }
    if settings.get("cafile").is_none() && settings.get("capath").is_none() {
        findings.push(Finding::of_listener(
            &conf.file,
            listener,
            "cafile",
            "OpenSSL knows no CA of clients, and refuses all of them before the plugin is asked",
            "cafile FILE, with the CA certificates of all trusts up to their roots",
        ));
    }
    findings.extend(of_tls_version(listener));
    findings.extend(settings.get("protocol").filter(|line| line.value == "websockets").map(|line| {
        let what = format!("{}: over WebSocket {NO_CERTIFICATE}", listener.title());
        Finding::error(line, "protocol", what, "protocol mqtt")
    }));
    findings
}

fn of_tls_version(listener: &Listener) -> Option<Finding> {
    let line = listener.settings.get("tls_version")?;
    let is_old = matches!(line.value.as_str(), "tlsv1" | "tlsv1.0" | "tlsv1.1");
    let what =
        format!("{}: versions of TLS before 1.2 are allowed, which RFC 8996 forbids", listener.title());
    is_old.then(|| Finding::error(line, "tls_version", what, "tls_version tlsv1.2, or tlsv1.3"))
}

/// Whether the names that the plugin judges are those that mosquitto uses.
fn of_names(listener: &Listener) -> impl Iterator<Item = Finding> {
    let on = |name| listener.settings.on(name);
    let skips = ["use_identity_as_username", "use_subject_as_username"].into_iter().filter_map(move |name| {
        on(name).map(|line| {
            Finding::error(
                line,
                name,
                "mosquitto does not ask the plugin who may connect: everybody whom OpenSSL lets through, revoked or not, is \
                 connected until the first access, and can end the session of another by its client id",
                format!("{name} false"),
            )
        })
    });
    let replaced = on("use_username_as_clientid").map(|line| {
        Finding::error(
            line,
            "use_username_as_clientid",
            "clients without a user name are refused, and of others the client id is replaced after it was judged: unless it is \
             the same, every access is denied",
            "use_username_as_clientid false, and client-id = \"must-equal\" in the policies",
        )
    });
    let moved = listener.settings.get("mount_point").map(|line| {
        Finding::error(
            line,
            "mount_point",
            format!(
                "topics are judged with {:?} in front of them, which the policies do not name: they are denied",
                line.value
            ),
            "no mount_point",
        )
    });
    skips.chain(replaced).chain(moved)
}

fn of_crlfile(line: &Directive, now: UnixTime) -> Finding {
    let instead = "no crlfile: the plugin looks lists up by itself, and follows them";
    let what = "OpenSSL refuses every client of a CA whose list is missing in it, and all of them once it is past nextUpdate; \
                mosquitto does not notice a new one by itself";
    let list = read_file(Path::new(&line.value)).map_err(|error| error.to_string());
    match list.and_then(|bytes| unverified_next_update(&bytes).map_err(|fault| fault.to_string())) {
        Ok(end) if end > now => {
            Finding::warning(line, "crlfile", format!("{what}: nextUpdate is {}", timestamp(end)), instead)
        }
        Ok(end) => {
            let what = format!("{what}: it has been since {}, so nobody gets in", timestamp(end));
            Finding::error(line, "crlfile", what, instead)
        }
        Err(error) => Finding::error(line, "crlfile", format!("{what}; it cannot be used: {error}"), instead),
    }
}
