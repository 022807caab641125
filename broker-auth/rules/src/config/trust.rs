//! `mode` and `[[listener.trust]]` of a `[[listener]]`.

use std::time::Duration;

use super::error::{ConfigError, ConfigFault};
use super::reader::{Table, Value};
use super::remote::RemoteRevocation;
use authenticator::ruleset::Mode;
use authenticator::trust::{
    CrlCheck, CrlSource, LegacyLeaf, Namespace, OcspAllow, OcspMode, Pin, Role, StaleCrl, TrustConfig,
    TrustName,
};

/// A weekend would help a factory that is not attended, and whoever has stolen a device; a day gives time to act.
const STALE_GRACE: Duration = Duration::from_secs(24 * 3600);

/// The trusts of a listener, and where their names stand.
pub type PlacedTrusts<'a> = (Vec<TrustConfig>, Vec<Value<'a>>);

/// What a listener makes of clients whose certificate is not proven.
///
/// # Errors
/// It is no such word.
pub fn read_mode(listener: &Table<'_>) -> Result<Mode, ConfigError> {
    match listener.get("mode") {
        Some(mode) => mode.choice(&[("enforce", Mode::Enforce), ("permissive", Mode::Permissive)]),
        None => Ok(Mode::default()),
    }
}

/// Reads the trusts of a listener; at least one. What is not in files is left to `remote`.
///
/// # Errors
/// There is none, or something in one is wrong.
pub fn read_trusts<'a>(
    listener: &Table<'a>,
    remote: &mut impl RemoteRevocation,
) -> Result<PlacedTrusts<'a>, ConfigError> {
    let (mut trusts, mut places): PlacedTrusts<'a> = Default::default();
    for trust in listener.require("trust").and_then(|_| listener.tables("trust", "[[listener.trust]]"))? {
        let (place, trust) = read_trust(trust, remote)?;
        if trusts.iter().any(|earlier| earlier.name == trust.name) {
            return Err(place.fault(ConfigFault::NameTwice {
                what: "trusts of this listener",
                name: trust.name.to_string(),
            }));
        }
        trusts.push(trust);
        places.push(place);
    }
    Ok((trusts, places))
}

/// Reads a trust; the value is its name, for errors about it.
fn read_trust<'a>(
    table: Table<'a>,
    remote: &mut impl RemoteRevocation,
) -> Result<(Value<'a>, TrustConfig), ConfigError> {
    refuse_what_is_not_built(&table)?;
    let place = table.require("name")?;
    let name = place.text()?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(place.refuse("it is empty, or has control characters"));
    }
    let namespace = match table.get("namespace") {
        Some(value) => value.parse()?,
        None => Namespace::new(name).map_err(|error| {
            place.refuse(format!(
                "{name:?} cannot be the namespace of its clients' names ({error}): set `namespace` beside it, or rename it"
            ))
        })?,
    };
    let role = match table.get("role") {
        Some(value) => value.choice(&[("device", Role::Device), ("service", Role::Service)])?,
        None if name == "service-ca" => Role::Service,
        None => Role::Device,
    };
    let anchors_value = table.require("anchors")?;
    let anchors = anchors_value.elements()?.iter().map(Value::path).collect::<Result<Vec<_>, _>>()?;
    if anchors.is_empty() {
        return Err(anchors_value.refuse("at least one anchor is needed"));
    }
    let intermediates = match table.get("intermediates") {
        Some(value) => value.elements()?.iter().map(Value::path).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let mut crl = Vec::new();
    for value in table.get("crl").map(|value| value.elements()).transpose()?.unwrap_or_default() {
        crl.push(if value.text()?.contains("://") {
            remote.list(&value)?
        } else {
            CrlSource::Path(value.path()?)
        });
    }
    let mut crl_idp = Vec::new();
    for value in table.get("crl-idp").map(|value| value.elements()).transpose()?.unwrap_or_default() {
        if crl.is_empty() {
            return Err(value.refuse("there is no `crl` whose distribution points it could name"));
        }
        crl_idp.push(read_distribution_point(&value)?);
    }
    let checks = [("off", CrlCheck::Off), ("leaf", CrlCheck::Leaf), ("chain", CrlCheck::Chain)];
    let crl_check = match table.get("crl-check") {
        Some(value) => {
            let check = value.choice(&checks)?;
            if check != CrlCheck::Off && crl.is_empty() {
                return Err(value.refuse("there is no `crl` to check"));
            }
            if check == CrlCheck::Off && !crl.is_empty() {
                return Err(value.refuse("`crl` would be read for nothing: remove it, or check it"));
            }
            check
        }
        // Doing without revocation must be stated: a `crl` that is left out by mistake is missed only when it is needed.
        None if crl.is_empty() => {
            return Err(
                place.refuse(format!("trust {name:?} has no `crl`: name one, or set crl-check = \"off\""))
            );
        }
        None => CrlCheck::Leaf,
    };
    let stale_crl = match table.get("stale-crl") {
        Some(value) => value.choice(&[
            ("deny-new", StaleCrl::DenyNew),
            ("deny-all", StaleCrl::DenyAll),
            ("alarm", StaleCrl::Alarm),
        ])?,
        None => StaleCrl::DenyNew,
    };
    let stale_grace = match table.get("stale-grace") {
        Some(value) => value.duration()?,
        None => STALE_GRACE,
    };
    let legacy_leaf = match table.get("legacy-leaf") {
        Some(value) => value.choice(&[("refuse", LegacyLeaf::Refuse), ("warn", LegacyLeaf::Warn)])?,
        None => LegacyLeaf::Refuse,
    };
    let (ocsp, ocsp_allow) = read_ocsp(&table, remote)?;
    let mut pins = Vec::new();
    for value in table.get("pins").map(|value| value.elements()).transpose()?.unwrap_or_default() {
        pins.push(read_pin(&value)?);
    }
    let issuers = match table.get("issuers") {
        Some(value) => value.elements()?.iter().map(Value::parse).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let depth = match table.get("depth") {
        Some(value) => Some(value.count()?),
        None => None,
    };
    table.finish()?;
    let name = TrustName::new(name);
    let config = TrustConfig {
        name,
        namespace,
        role,
        anchors,
        intermediates,
        crl,
        crl_idp,
        crl_check,
        stale_crl,
        stale_grace,
        legacy_leaf,
        ocsp,
        ocsp_allow,
        pins: pins.into_iter().collect(),
        issuers,
        depth,
    };
    Ok((place, config))
}

/// One of `{ cert-sha256 }`, `{ spki-sha256 }` or `{ issuer, serial }`.
fn read_pin(value: &Value<'_>) -> Result<Pin, ConfigError> {
    let table = value.table("pins")?;
    let (certificate, key) = (table.get("cert-sha256"), table.get("spki-sha256"));
    let (issuer, serial) = (table.get("issuer"), table.get("serial"));
    let pin = match (certificate, key, issuer, serial) {
        (Some(certificate), None, None, None) => Pin::Certificate(certificate.parse()?),
        (None, Some(key), None, None) => Pin::Key(key.parse()?),
        (None, None, Some(issuer), Some(serial)) => {
            Pin::Issued { issuer: issuer.parse()?, serial: serial.parse()? }
        }
        _ => {
            return Err(value.refuse(
                "a pin is one of { cert-sha256 = \"…\" }, { spki-sha256 = \"…\" } and { issuer = \"…\", serial = \"…\" }",
            ));
        }
    };
    table.finish()?;
    Ok(pin)
}

/// Whether responders are asked, and which may be.
fn read_ocsp(
    table: &Table<'_>,
    remote: &mut impl RemoteRevocation,
) -> Result<(OcspMode, Vec<OcspAllow>), ConfigError> {
    let modes = [("off", OcspMode::Off), ("prefer", OcspMode::Prefer), ("require", OcspMode::Require)];
    let place = table.get("ocsp");
    let mode = place.map(|value| value.choice(&modes)).transpose()?.unwrap_or_default();
    if let Some(value) = place.filter(|_| mode != OcspMode::Off) {
        remote.ocsp(&value)?;
    }
    let mut allow = Vec::new();
    for value in table.get("ocsp-allow").map(|value| value.elements()).transpose()?.unwrap_or_default() {
        if mode == OcspMode::Off {
            return Err(
                value.refuse("nobody is asked: set ocsp = \"prefer\" or \"require\" beside it, or remove it")
            );
        }
        allow.push(value.parse()?);
    }
    match place {
        Some(value) if mode != OcspMode::Off && allow.is_empty() => Err(value.refuse(
            "there is no `ocsp-allow`: name the URLs of the responders that may be asked, such as \"http://ocsp.example\"",
        )),
        _ => Ok((mode, allow)),
    }
}

/// The URI of a distribution point, which lists must have to the letter.
fn read_distribution_point(value: &Value<'_>) -> Result<String, ConfigError> {
    let text = value.text()?;
    let name = ["http://", "https://", "ldap://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match name {
        Some(name) if !name.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic()) => {
            Ok(text.to_owned())
        }
        _ => Err(value.refuse(format!("{text:?} is no http, https or ldap URL"))),
    }
}

/// Features that the format has and this version has not, refused unless they are switched off: silently ignored, they
/// would let in whom they were meant to keep out.
fn refuse_what_is_not_built(table: &Table<'_>) -> Result<(), ConfigError> {
    if let Some(value) = table.get("renewal-grace")
        && !value.duration()?.is_zero()
    {
        return Err(value.unsupported());
    }
    if let Some(value) = table.get("require-registry")
        && value.boolean()?
    {
        return Err(value.unsupported());
    }
    Ok(())
}
