//! What a `[[listener]]` with `transport = "https"` has: its origin, who may ask it for what, and what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use authenticator::http::{HttpMethod, HttpRules, PathRule};
use authenticator::policy::Policies;
use broker_rules::config::{ConfigError, ConfigFault, Table, Value};

use crate::http::{ClientFields, FieldStyle, HttpSettings, Upstream};
use crate::transport::OriginTlsFiles;

/// The keys that a listener of MQTT does not have.
const KEYS: [&str; 6] = ["upstream", "upstream-tls", "upstream-timeout", "idle-timeout", "path", "headers"];

/// What stands in front of an HTTP origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsConfig {
    pub(crate) settings: HttpSettings,
    pub(crate) rules: Arc<HttpRules>,
}

impl HttpsConfig {
    pub(super) fn read(table: &Table<'_>) -> Result<Self, ConfigError> {
        let mut settings = HttpSettings::default();
        let upstream = table.get("upstream");
        settings.upstream = upstream.map(|value| value.parse::<Upstream>()).transpose()?;
        let tls = table.get("upstream-tls");
        match (&mut settings.upstream, tls) {
            (Some(upstream), Some(tls)) if upstream.is_https() => {
                upstream.tls = Some(read_upstream_tls(tls.table("[listener.upstream-tls]")?)?);
            }
            (_, Some(tls)) => return Err(tls.refuse("it is for an upstream that begins with https://")),
            (Some(upstream), None) if upstream.is_https() => {
                return Err(table.refuse(ConfigFault::Missing { key: "upstream-tls", table: "[[listener]]" }));
            }
            (_, None) => {}
        }
        for (key, timeout) in [
            ("upstream-timeout", &mut settings.upstream_timeout),
            ("idle-timeout", &mut settings.idle_timeout),
        ] {
            let Some(value) = table.get(key) else { continue };
            *timeout = value.duration()?;
            if timeout.is_zero() {
                return Err(value.refuse("a deadline of zero answers nobody"));
            }
        }
        if let Some(value) = table.get("headers") {
            settings.fields = read_fields(value)?;
        }
        let rules = table.tables("path", "[[listener.path]]")?.into_iter().map(read_rule);
        let rules = Arc::new(HttpRules::new(rules.collect::<Result<_, _>>()?));
        Ok(Self { settings, rules })
    }

    /// The origin, as it is written.
    pub(crate) fn upstream(&self) -> Option<String> {
        self.settings.upstream.as_ref().map(ToString::to_string)
    }

    /// The rules in a line each, for people.
    pub(crate) fn paths(&self) -> Vec<String> {
        let line = |rule: &PathRule| {
            let methods: Vec<_> = rule.methods.iter().map(|method| method.as_str()).collect();
            format!("{}: {} by {}", rule.prefix, methods.join(" "), rule.policies.join(" "))
        };
        self.rules.iter().map(line).collect()
    }

    /// The keys that differ, of those that a running broker cannot follow. Rules are swapped.
    pub(super) fn restart_keys(&self, wanted: &Self) -> Vec<&'static str> {
        let (one, other) = (&self.settings, &wanted.settings);
        let differing = [
            ("upstream, or [listener.upstream-tls],", one.upstream != other.upstream),
            ("[listener.headers]", one.fields != other.fields),
            ("upstream-timeout", one.upstream_timeout != other.upstream_timeout),
            ("idle-timeout", one.idle_timeout != other.idle_timeout),
        ];
        differing.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

/// Refuses what a listener of MQTT does not have.
pub(super) fn refuse_https_keys(table: &Table<'_>) -> Result<(), ConfigError> {
    match KEYS.into_iter().find_map(|key| table.get(key)) {
        Some(value) => Err(value.refuse("it is for a listener with transport = \"https\"")),
        None => Ok(()),
    }
}

/// Refuses path rules for policies that there are not.
pub(super) fn refuse_unknown_policies(root: &Table<'_>, policies: &Policies) -> Result<(), ConfigError> {
    for listener in root.tables("listener", "[[listener]]")? {
        for rule in listener.tables("path", "[[listener.path]]")? {
            for value in rule.require("policies")?.elements()? {
                let name = value.text()?;
                if policies.iter().any(|policy| *policy.name == *name) {
                    continue;
                }
                let nearest = policies
                    .iter()
                    .map(|policy| (strsim::jaro_winkler(&policy.name, name), &policy.name))
                    .filter(|(likeness, _)| *likeness > 0.7)
                    .max_by(|(one, _), (other, _)| one.total_cmp(other));
                let nearest = nearest.map(|(_, name)| name.to_string());
                let fault = ConfigFault::UnknownName { what: "policy", name: name.to_owned(), nearest };
                return Err(value.fault(fault));
            }
        }
    }
    Ok(())
}

fn read_upstream_tls(table: Table<'_>) -> Result<OriginTlsFiles, ConfigError> {
    let ca = table.require("ca")?.path()?;
    let shown = match (table.get("cert"), table.get("key")) {
        (None, None) => None,
        _ => Some((table.require("cert")?.path()?, table.require("key")?.path()?)),
    };
    table.finish()?;
    Ok(OriginTlsFiles { ca, shown })
}

fn read_rule(table: Table<'_>) -> Result<PathRule, ConfigError> {
    let prefix = table.require("prefix")?.parse()?;
    let methods = match table.get("methods") {
        Some(value) => several(value)?.iter().map(Value::parse).collect::<Result<_, _>>()?,
        None => vec![HttpMethod::Get, HttpMethod::Head],
    };
    let policies = several(table.require("policies")?)?;
    let policies = policies.iter().map(|value| Ok(value.text()?.into())).collect::<Result<_, _>>()?;
    table.finish()?;
    Ok(PathRule { prefix, methods, policies })
}

fn read_fields(value: Value<'_>) -> Result<ClientFields, ConfigError> {
    let table = value.table("[listener.headers]")?;
    let style = match table.get("style") {
        Some(value) => value.choice(&[
            ("azion", FieldStyle::Azion),
            ("app-gateway", FieldStyle::AppGateway),
            ("client-cert", FieldStyle::ClientCert),
            ("none", FieldStyle::None),
        ])?,
        None => FieldStyle::default(),
    };
    let mut set = BTreeMap::new();
    let given = table.get("set");
    if let Some(value) = given {
        for (name, template) in value.entries("a table of names and templates")? {
            set.insert(name.to_owned(), template.text()?.to_owned());
        }
    }
    table.finish()?;
    ClientFields::new(style, &set).map_err(|error| given.unwrap_or(value).refuse(error.to_string()))
}

/// One value, or several; not none.
fn several<'a>(value: Value<'a>) -> Result<Vec<Value<'a>>, ConfigError> {
    let elements = value.elements()?;
    if elements.is_empty() { Err(value.refuse("an empty list is for nothing")) } else { Ok(elements) }
}
