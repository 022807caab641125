//! [`FleetPlugin`]: the gate by the rules of a fleet, and what others hear of it: operators, the log, whoever may hear events.

use std::cell::Cell;
use std::error::Error;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use broker_rules::admin_socket::AdminSocket;
use broker_rules::config::HostedConfig;
use broker_rules::state_directory::StateDirectory;
use mosquitto_plugin::callbacks::{Access, Admission, Answer, Authenticator, Effects, Login};
use mosquitto_plugin::client::Client;
use mosquitto_plugin::gate::Gate;
use mosquitto_plugin::log::{Level, Log};
use rustls_pki_types::UnixTime;

use crate::admin_server::AdminServer;
use crate::answers::Answers;
use crate::events::Events;
use crate::fleet_audit::FleetAudit;
use crate::fleet_rules::{FleetRules, HOST};
use crate::host_status::HostStatus;
use crate::log_lines::{LogLines, OnThisThread};
use crate::turns::{Turns, turns};

/// Files, operators and clocks are looked at so often. mosquitto ticks whenever it has had something to do, so with each message.
const TICK_INTERVAL: Duration = Duration::from_millis(10);

/// The gate by the rules of a fleet, and what others hear of it.
pub(crate) struct FleetPlugin {
    gate: Gate<FleetRules>,
    status: Arc<HostStatus>,
    events: Rc<Events>,
    /// Declared before the server: whoever waits for a turn is told that there will be none, and then its thread ends.
    turns: Turns,
    server: AdminServer,
    lines: Arc<LogLines>,
    _collecting: OnThisThread,
    log: Rc<dyn Log>,
    /// When the last tick was that was not passed over.
    ticked: Cell<Option<Instant>>,
}

impl FleetPlugin {
    /// Reads the configuration `file`, and all that it names.
    ///
    /// # Errors
    /// There are no rules, or none by which anybody could get in, or another program has the state directory.
    pub(crate) fn start(file: &Path, log: Rc<dyn Log>) -> Result<Self, Box<dyn Error>> {
        let lines = Arc::new(LogLines::default());
        let collecting = lines.collect_on_this_thread();
        let started = Self::start_logged(file, &log, &lines, collecting);
        lines.write_to(&*log);
        started
    }

    fn start_logged(
        file: &Path,
        log: &Rc<dyn Log>,
        lines: &Arc<LogLines>,
        collecting: OnThisThread,
    ) -> Result<Self, Box<dyn Error>> {
        let config = HostedConfig::load(file, HOST)?;
        let state = StateDirectory::prepare(&config.state)?;
        for file in &state.adopted {
            let text = format!("countersign: {} is taken over into the state directory", file.display());
            log.write(Level::Notice, &text);
        }
        // Before anything is written into the directory: it may be another broker's.
        let socket = AdminSocket::bind(&config.state.admin_socket(), state.admin_group).map_err(|error| {
            format!(
                "the admin socket in {} cannot be used: {error}: stop the other broker, or give this one a state \
                 directory of its own",
                state.path().display()
            )
        })?;
        let rules = FleetRules::load(config, &state, Rc::clone(log))?;
        let status = Arc::new(HostStatus::of(&rules, Arc::clone(lines)));
        let events = Rc::new(Events::default());
        let audit = FleetAudit::new(Arc::clone(rules.store()), Arc::clone(&status), Rc::clone(&events));
        let (turns, asking) = turns();
        let answers = Answers::new(Arc::clone(rules.store()), Arc::clone(&status), asking);
        let server = AdminServer::start(socket, answers, Arc::clone(lines))?;
        let gate = Gate::new(rules, Rc::clone(log)).audited_by(Box::new(audit));
        Ok(Self {
            gate,
            status,
            events,
            turns,
            server,
            lines: Arc::clone(lines),
            _collecting: collecting,
            log: Rc::clone(log),
            ticked: Cell::new(None),
        })
    }
}

impl Authenticator for FleetPlugin {
    fn basic_auth(&self, client: &dyn Client, login: &Login<'_>, now: UnixTime) -> Admission {
        self.gate.basic_auth(client, login, now)
    }

    fn acl_check(&self, client: &dyn Client, access: &Access<'_>) -> Answer {
        self.gate.acl_check(client, access)
    }

    fn is_tick_due(&self) -> bool {
        self.gate.must_tick() || self.ticked.get().is_none_or(|last| last.elapsed() >= TICK_INTERVAL)
    }

    fn tick(&self, now: UnixTime) -> Effects {
        self.ticked.set(Some(Instant::now()));
        self.server.tick();
        self.turns.serve(&self.gate);
        let mut effects = self.gate.tick(now);
        effects.messages.extend(self.events.take());
        self.status.note(self.gate.session_count(), self.gate.denials());
        self.lines.write_to(&*self.log);
        effects
    }

    fn reload(&self, now: UnixTime) {
        self.gate.reload(now);
    }

    fn disconnect(&self, client: &dyn Client) {
        self.gate.disconnect(client);
    }
}
