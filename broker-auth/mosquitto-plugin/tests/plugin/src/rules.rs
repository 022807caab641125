//! [`FileRules`]: a CA of devices, its revocation list, and one policy for what is proven and one for what is not.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::Fingerprint;
use authenticator::identity::IdentityTemplate;
use authenticator::policy::{
    Action, ClientIdRule, DeniedPublish, Match, Policies, Policy, VerdictMatch, Verdicts,
};
use authenticator::ruleset::{AccessRules, Mode, Ruleset};
use authenticator::trust::{
    CrlCheck, KeptCrl, LegacyLeaf, Namespace, NewestCrl, OcspMode, Pins, Role, StaleCrl, TrustConfig,
    TrustLoad, TrustName, TrustSource,
};
use mosquitto_plugin::gate::Rules;
use mosquitto_plugin::log::{Level, Log};
use mosquitto_plugin::options::Options;
use rustls_pki_types::UnixTime;

/// Files, read as they are.
struct Files;

impl TrustSource for Files {
    fn files(&self, source: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(vec![source.to_owned()])
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        fs::read(file)
    }

    fn newest_crl(&self, _: &Fingerprint) -> NewestCrl {
        NewestCrl::default()
    }

    fn kept_crls(&self, _: &Fingerprint) -> Vec<KeptCrl> {
        Vec::new()
    }
}

/// The rules that the options spell out.
pub(crate) struct FileRules {
    anchor: PathBuf,
    crl: PathBuf,
    mode: Mode,
    access: Arc<AccessRules>,
    log: Rc<dyn Log>,
    in_force: RefCell<(Arc<Ruleset>, Vec<u8>)>,
}

impl FileRules {
    /// Nobody gets in until the first look.
    pub(crate) fn new(options: &Options, log: Rc<dyn Log>) -> Self {
        let path = |option| options.one(option).expect("the test says so").into();
        let mode = if options.one("mode") == Ok("permissive") { Mode::Permissive } else { Mode::Enforce };
        let policies = Policies::new(vec![devices(), unproven()]);
        let access = Arc::new(AccessRules { identity: IdentityTemplate::default(), policies });
        let nobody = Arc::new(Ruleset::without_trust(mode, Arc::clone(&access)));
        let (anchor, crl) = (path("anchor"), path("crl"));
        Self { anchor, crl, mode, access, log, in_force: RefCell::new((nobody, Vec::new())) }
    }

    fn read(&self, now: UnixTime) -> Result<Ruleset, String> {
        let config = TrustConfig {
            name: TrustName::new("device-ca"),
            namespace: Namespace::new("device-ca").map_err(|error| error.to_string())?,
            role: Role::Device,
            anchors: vec![self.anchor.clone()],
            intermediates: Vec::new(),
            crl: vec![self.crl.clone().into()],
            crl_idp: Vec::new(),
            crl_check: CrlCheck::Leaf,
            stale_crl: StaleCrl::DenyNew,
            stale_grace: Duration::ZERO,
            legacy_leaf: LegacyLeaf::Refuse,
            ocsp: OcspMode::Off,
            ocsp_allow: Vec::new(),
            pins: Pins::default(),
            issuers: Vec::new(),
            depth: None,
        };
        let trust = TrustLoad::read(&config, None, &Files, now).and_then(TrustLoad::complete);
        let trusts = vec![trust.map_err(|error| error.to_string())?];
        Ruleset::new(self.mode, trusts, Arc::clone(&self.access)).map_err(|error| error.to_string())
    }
}

impl Rules for FileRules {
    fn in_force(&self) -> Arc<Ruleset> {
        Arc::clone(&self.in_force.borrow().0)
    }

    fn look(&self, now: UnixTime) {
        let list = fs::read(&self.crl).unwrap_or_default();
        if list == self.in_force.borrow().1 {
            return;
        }
        match self.read(now) {
            Ok(rules) => {
                *self.in_force.borrow_mut() = (Arc::new(rules), list);
                self.log.write(Level::Notice, "test: other rules are in force");
            }
            Err(error) => self.log.write(Level::Error, &error),
        }
    }

    fn reload(&self, now: UnixTime) {
        self.in_force.borrow_mut().1.clear();
        self.look(now);
    }
}

/// A policy for clients of these verdicts: where they may publish, and what they may subscribe to.
fn policy(
    name: &str,
    verdicts: &[VerdictMatch],
    client_id: ClientIdRule,
    publish: &[&str],
    subscribe: &[&str],
) -> Policy {
    let templates =
        |topics: &[&str]| topics.iter().map(|topic| topic.parse().expect("a topic template")).collect();
    Policy {
        name: name.into(),
        matches: Match {
            verdicts: Verdicts::new(verdicts.to_vec()),
            trust: None,
            identity: None,
            conditions: Vec::new(),
        },
        action: Action::Allow,
        second_factor: None,
        client_id,
        publish: templates(publish),
        subscribe: templates(subscribe),
        denied_publish: DeniedPublish::Disconnect,
    }
}

/// A device has its own topics, a place on the board, and sees all of it.
fn devices() -> Policy {
    let own = "devices/{device-id}/#";
    let subscribe = [own, "$share/group/devices/{device-id}/#", "board/#"];
    policy(
        "devices",
        &[VerdictMatch::Success],
        ClientIdRule::MustEqual,
        &[own, "board/{device-id}"],
        &subscribe,
    )
}

fn unproven() -> Policy {
    let verdicts = [VerdictMatch::None, VerdictMatch::AnyFailure];
    policy("unproven", &verdicts, ClientIdRule::Free, &["lobby"], &["lobby"])
}
