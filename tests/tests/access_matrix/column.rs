//! [`Column`]: a mode and an action, as `broker.toml`.

use std::fmt;

use integration_tests::token_issuer::{AUDIENCE, ISSUER};

use crate::area::Area;
use crate::protocol::Protocol;
use crate::shown::{Asked, Shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    Enforce,
    Permissive,
}

/// What the policies do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Allow,
    Deny,
    Quarantine,
    Report,
    ReportThenAllow,
    NoneMatches,
}

/// A column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Column {
    pub(crate) mode: Mode,
    pub(crate) action: Action,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}-{:?}", self.mode, self.action)
    }
}

/// What a listener says of its trusts beside the two of the fleet.
pub(crate) struct MoreTrusts {
    /// In TOML.
    pub(crate) toml: String,
}

/// The policy that is named by the area it gives and what it asks for: `devices-password`, `lobby`.
pub(crate) fn policy_name(area: Area, asked: Asked) -> String {
    if area.is_of_devices() { format!("{}-{}", area.name(), asked.name()) } else { area.name().to_owned() }
}

impl Column {
    /// The one of this name in the matrix.
    #[track_caller]
    pub(crate) fn called(name: &str) -> Self {
        let (mode, action) = name.split_once(' ').expect("a mode and an action");
        let mode = match mode {
            "E" => Mode::Enforce,
            "P" => Mode::Permissive,
            other => panic!("mode {other}"),
        };
        let action = match action {
            "allow" => Action::Allow,
            "deny" => Action::Deny,
            "quarantine" => Action::Quarantine,
            "report" => Action::Report,
            "report, allow" => Action::ReportThenAllow,
            "none" => Action::NoneMatches,
            other => panic!("action {other}"),
        };
        Self { mode, action }
    }

    /// The area that devices get here, and the one of all whose certificate is not proven, where there are such.
    pub(crate) fn areas(self) -> Option<[Area; 2]> {
        match self.action {
            Action::Quarantine => Some([Area::Quarantine, Area::Ward]),
            Action::Report => None,
            _ => Some([Area::Devices, Area::Lobby]),
        }
    }

    /// `broker.toml`, in front of `origin`.
    pub(crate) fn configuration(self, origin: &str, more: &MoreTrusts) -> String {
        let upstream = format!("upstream = \"{origin}\"\n");
        let headers = "[listener.headers]\nstyle = \"azion\"\nset = { X-Device = \"{device-id}\", \
                       X-Identity = \"{namespace}/{identity}\", X-Policy = \"{policy}\" }\n";
        let https = self.listener("https", more, &upstream, &(self.path_rules() + headers));
        self.listener("tls", more, "", "") + &https + &self.beside_listeners("state")
    }

    /// The same for clients of MQTT alone, which any host can have. What must not be forgotten is kept in `state`.
    pub(crate) fn configuration_of_mqtt(self, more: &MoreTrusts, state: &str) -> String {
        self.listener("tls", more, "", "") + &self.beside_listeners(state)
    }

    fn listener(self, transport: &str, more: &MoreTrusts, keys: &str, tables: &str) -> String {
        let mode = if self.mode == Mode::Enforce { "enforce" } else { "permissive" };
        format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\ntransport = \"{transport}\"\nmode = \"{mode}\"\n{keys}\
             server-cert = \"broker/cert.pem\"\nserver-key = \"broker/key.pem\"\n\
             [[listener.trust]]\nname = \"device-ca\"\nanchors = [\"device-ca/issuing.pem\"]\n\
             crl = [\"crl/device-ca.crl\"]\n\
             [[listener.trust]]\nname = \"service-ca\"\nanchors = [\"service-ca/issuing.pem\"]\n\
             crl = [\"crl/service-ca.crl\"]\n{}{tables}\n",
            more.toml
        )
    }

    fn beside_listeners(self, state: &str) -> String {
        [
            format!("[state]\ndir = \"{state}-{self}\"\n\n"),
            format!(
                "[second-factor.password]\nfile = \"passwords\"\n\n[second-factor.token]\nnamespace = \"device-ca\"\n\
                 keys = \"jwks.json\"\n\
                 issuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\nalgorithms = [\"ES256\"]\n\n"
            ),
            observer(),
            self.policies(),
        ]
        .concat()
    }

    /// Each area's path, for its policies.
    fn path_rules(self) -> String {
        let rule = |area: Area| {
            let names = Asked::ALL.map(|asked| policy_name(area, asked));
            let names = if area.is_of_devices() { &names[..] } else { &names[..1] };
            format!("[[listener.path]]\nprefix = \"/{}\"\npolicies = {names:?}\n", area.name())
        };
        self.areas().into_iter().flatten().map(rule).collect()
    }

    fn policies(self) -> String {
        let everybody = "{ verdict = [\"SUCCESS\", \"FAILED\", \"NONE\"] }";
        let unproven = "{ verdict = [\"FAILED\", \"NONE\"] }";
        let first = match self.action {
            Action::Deny => policy("nobody", everybody, "deny", ""),
            Action::Report | Action::ReportThenAllow => policy("watch", unproven, "report", ""),
            Action::Allow | Action::Quarantine | Action::NoneMatches => String::new(),
        };
        let Some([of_devices, of_unproven]) = self.areas() else { return first };
        let action = if self.action == Action::Quarantine { "quarantine" } else { "allow" };
        let is_of_others = self.action == Action::NoneMatches;
        let devices = Asked::ALL.map(|asked| {
            let names =
                if is_of_others { vec!["device-ca/nobody".to_owned()] } else { devices_asked_for(asked) };
            let factor = match asked {
                Asked::Nothing => String::new(),
                asked => format!("second-factor = \"{}\"\n", asked.name()),
            };
            let gives = area(of_devices, "must-equal") + &factor;
            policy(&policy_name(of_devices, asked), &format!("{{ identity = {names:?} }}"), action, &gives)
        });
        let verdict = if is_of_others { "{ verdict = \"FAILED:ocsp_unavailable\" }" } else { unproven };
        let name = policy_name(of_unproven, Asked::Nothing);
        first + &devices.concat() + &policy(&name, verdict, action, &area(of_unproven, "free"))
    }
}

/// The devices whose policy asks for this.
fn devices_asked_for(asked: Asked) -> Vec<String> {
    let shown = Shown::all().filter(|shown| shown.asked == asked);
    let named = |shown: Shown| Protocol::ALL.map(|protocol| format!("device-ca/{}", shown.device(protocol)));
    shown.flat_map(named).collect()
}

fn policy(name: &str, matches: &str, action: &str, more: &str) -> String {
    format!("[[policy]]\nname = \"{name}\"\nmatch = {matches}\naction = \"{action}\"\n{more}\n")
}

/// The topics of an area. In MQTT 3.1.1 a client is to hear of all that it may not do, and not of the first alone.
fn area(area: Area, client_id: &str) -> String {
    let prefix = area.prefix("{device-id}");
    format!(
        "client-id = \"{client_id}\"\npublish = [\"{prefix}/telemetry/#\"]\nsubscribe = [\"{prefix}/commands/#\"]\n\
         denied-publish = \"drop\"\n"
    )
}

/// The service that hears all that devices publish, and publishes all that they are to hear.
fn observer() -> String {
    let topics = |last: &str| Area::ALL.map(|area| format!("{}/{last}/#", area.prefix("+")));
    let gives = format!("publish = {:?}\nsubscribe = {:?}\n", topics("commands"), topics("telemetry"));
    policy("observer", "{ trust = \"service-ca\" }", "allow", &gives)
}
