//! Policies that are for somebody else, by one kind of condition or by all, and a last one.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use authenticator::for_test::MemoryFiles;
use authenticator::ruleset::{Mode, Ruleset};
use authenticator::trust::TrustLoad;
use broker_auth::config::Config;
use load::site::{Site, TRUSTS};
use rustls_pki_types::UnixTime;

/// The policy that matches.
pub(super) const LAST: &str = "devices";

/// A kind of condition.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConditionKind {
    pub(super) key: &'static str,
    /// What stands for it in `match`, for somebody else than the device.
    is_for: fn(usize) -> String,
}

/// Which kinds of conditions stand before the last policy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kinds {
    All,
    One(ConditionKind),
}

pub(super) const KINDS: [ConditionKind; 9] = [
    ConditionKind { key: "identity", is_for: |number| format!("identity = \"other-{number}\"") },
    ConditionKind {
        key: "source",
        is_for: |number| format!("source = \"10.{}.{}.0/24\"", number / 256, number % 256),
    },
    ConditionKind { key: "issuer", is_for: |number| format!("issuer = \"CN=Other {number}\"") },
    ConditionKind { key: "fields", is_for: |number| format!("fields = {{ O = \"Other {number}\" }}") },
    ConditionKind { key: "cert-sha256", is_for: |number| format!("cert-sha256 = \"{number:064x}\"") },
    ConditionKind { key: "spki-sha256", is_for: |number| format!("spki-sha256 = \"{number:064x}\"") },
    ConditionKind { key: "mqtt-version", is_for: |_| "mqtt-version = \"3.1.1\"".to_owned() },
    ConditionKind { key: "ends-within", is_for: |number| format!("ends-within = \"{}m\"", number + 1) },
    ConditionKind {
        key: "any and not",
        is_for: |number| {
            format!(
                "any = [{{ source = \"10.{}.{}.0/24\" }}, {{ not = {{ mqtt-version = \"5\" }} }}]",
                number / 256,
                number % 256
            )
        },
    },
];

/// Rules with so many policies, read as the broker reads them.
pub(super) fn ruleset(site: &Site, count: usize, kinds: Kinds) -> Result<Ruleset, Box<dyn Error>> {
    let others: String = (1..count)
        .map(|number| {
            let kind = match kinds {
                Kinds::All => KINDS[number % KINDS.len()],
                Kinds::One(kind) => kind,
            };
            format!(
                "[[policy]]\nname = \"other-{number}\"\nmatch = {{ trust = \"device-ca\", {} }}\n\
                 action = \"allow\"\nclient-id = \"must-equal\"\npublish = [\"others/{number}/#\"]\n\n",
                (kind.is_for)(number)
            )
        })
        .collect();
    let text = format!(
        "[[listener]]\naddress = \"127.0.0.1:8883\"\nserver-cert = \"server.pem\"\nserver-key = \"server.key\"\n\
         {TRUSTS}\n{others}[[policy]]\nname = \"{LAST}\"\nmatch = {{ trust = \"device-ca\" }}\naction = \"allow\"\n\
         client-id = \"must-equal\"\npublish = [\"devices/{{device-id}}/telemetry/#\"]\n"
    );
    let config = Config::parse(&site.file("broker.toml"), &text)?;
    let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH)?);
    let mut files = MemoryFiles::default();
    for name in ["device-ca.pem", "device-ca.crl", "service-ca.pem", "service-ca.crl"] {
        let file = site.file(name);
        files.write(name_of(&file)?, fs::read(&file)?);
    }
    let trusts = config.listeners.iter().flat_map(|listener| &listener.trusts);
    let trusts = trusts.map(|trust| TrustLoad::read(trust, None, &files, now).and_then(TrustLoad::complete));
    Ok(Ruleset::new(Mode::Enforce, trusts.collect::<Result<_, _>>()?, config.access)?)
}

fn name_of(file: &Path) -> Result<&str, Box<dyn Error>> {
    file.to_str().ok_or_else(|| "the temporary directory has no UTF-8 name".into())
}
