use super::*;
use crate::callbacks::Kick;
use crate::callbacks::WillOnKick;
use crate::fake_client::{FakeClient, MemoryLog};

/// Lets everybody in, but for what panics.
struct Panics {
    at: Cell<&'static str>,
    is_due: Cell<bool>,
}

impl Panics {
    fn at(&self, event: &str) {
        assert!(self.at.get() != event, "told to");
    }
}

impl Authenticator for Rc<Panics> {
    fn basic_auth(&self, client: &dyn Client, _: &Login<'_>, _: UnixTime) -> Admission {
        self.at("BASIC_AUTH");
        Admission::Admitted { user_name: client.id().unwrap().into() }
    }

    fn acl_check(&self, _: &dyn Client, _: &Access<'_>) -> Answer {
        self.at("ACL_CHECK");
        Answer::Allowed
    }

    fn is_tick_due(&self) -> bool {
        self.at("whether a tick is due");
        self.is_due.get()
    }

    fn tick(&self, _: UnixTime) -> Effects {
        self.at("TICK");
        Effects { kicks: vec![kick()], messages: Vec::new() }
    }

    fn reload(&self, _: UnixTime) {
        self.at("RELOAD");
    }

    fn disconnect(&self, _: &dyn Client) {
        self.at("DISCONNECT");
    }
}

fn kick() -> Kick {
    Kick { client_id: "dev-1".into(), will: WillOnKick::Forget }
}

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000))
}

struct Stage {
    panics: Rc<Panics>,
    log: Rc<MemoryLog>,
    plugin: Plugin,
    client: FakeClient,
}

impl Stage {
    fn new() -> Self {
        let log = Rc::new(MemoryLog::default());
        let panics = Rc::new(Panics { at: Cell::new(""), is_due: Cell::new(true) });
        let mut plugin = Plugin::start(|_, _| Box::new(DenyAll), Ok(Options::default()), log.clone());
        plugin.authenticator = Box::new(Rc::clone(&panics));
        Self { panics, log, plugin, client: FakeClient::new(1, "dev-1") }
    }

    fn everything(&self) {
        self.plugin.tick(now);
        self.plugin.reload(now());
        self.plugin.disconnect(Some(&self.client));
    }

    /// What a client may now: open a session, and publish.
    fn allowed(&self) -> (bool, bool) {
        let admission = self.plugin.basic_auth(Some(&self.client), &Login::default(), now());
        let access = Access::Publish { topic: "a", retain: false };
        let answer = self.plugin.acl_check(Some(&self.client), Some(access));
        (admission != Admission::Denied, answer == Answer::Allowed)
    }
}

#[test]
fn a_panic_about_one_client_denies_that_client() {
    let stage = Stage::new();
    assert_eq!(stage.allowed(), (true, true));
    stage.panics.at.set("BASIC_AUTH");
    assert_eq!(stage.allowed(), (false, true));
    stage.panics.at.set("ACL_CHECK");
    assert_eq!(stage.allowed(), (true, false));
    let lines = stage.log.lines();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("BASIC_AUTH") && lines[0].contains("told to"), "{lines:?}");
    stage.panics.at.set("");
    assert_eq!(stage.allowed(), (true, true));
}

#[test]
fn a_panic_about_all_of_them_denies_everybody_until_the_same_succeeds() {
    for event in ["TICK", "RELOAD", "DISCONNECT"] {
        let stage = Stage::new();
        stage.everything();
        assert_eq!(stage.allowed(), (true, true));
        stage.panics.at.set(event);
        for _ in 0..3 {
            stage.everything();
            assert_eq!(stage.allowed(), (false, false), "{event}");
        }
        assert_eq!(stage.log.lines().len(), 1, "{event}: {:?}", stage.log.lines());
        stage.panics.at.set("");
        stage.everything();
        assert_eq!(stage.allowed(), (true, true), "{event}");
        assert_eq!(stage.log.lines().len(), 2, "{event}: {:?}", stage.log.lines());
    }
}

#[test]
fn a_tick_that_panics_has_no_effects_and_one_that_does_not_has() {
    let stage = Stage::new();
    assert_eq!(stage.plugin.tick(now).kicks, [kick()]);
    stage.panics.at.set("TICK");
    assert_eq!(stage.plugin.tick(now), Effects::default());
}

#[test]
fn a_tick_that_is_left_out_does_not_end_what_one_that_panicked_began() {
    let stage = Stage::new();
    stage.panics.at.set("TICK");
    stage.plugin.tick(now);
    stage.panics.at.set("");
    stage.panics.is_due.set(false);
    assert_eq!(stage.plugin.tick(now), Effects::default());
    assert_eq!(stage.allowed(), (false, false));
    stage.panics.is_due.set(true);
    assert_eq!(stage.plugin.tick(now).kicks, [kick()]);
    assert_eq!(stage.allowed(), (true, true));
    stage.panics.at.set("whether a tick is due");
    assert_eq!(
        stage.plugin.tick(now).kicks,
        [kick()],
        "whoever cannot say when it is due is asked each time"
    );
}

#[test]
fn nobody_and_nothing_is_denied() {
    let stage = Stage::new();
    assert_eq!(stage.plugin.basic_auth(None, &Login::default(), now()), Admission::Denied);
    assert_eq!(stage.plugin.acl_check(None, Some(Access::Deliver("a"))), Answer::Denied);
    assert_eq!(stage.plugin.acl_check(Some(&stage.client), None), Answer::Denied);
    stage.plugin.disconnect(None);
}

#[test]
fn a_start_that_panics_or_cannot_read_its_options_lets_nobody_in() {
    let starts: [(Start, Result<Options, OptionsError>, &str); 2] = [
        (|_, _| panic!("at once"), Ok(Options::default()), "at once"),
        (|_, _| unreachable!("without options"), Err(OptionsError::NotText), "no UTF-8"),
    ];
    for (start, options, reason) in starts {
        let log = Rc::new(MemoryLog::default());
        let plugin = Plugin::start(start, options, log.clone());
        let client = FakeClient::new(1, "dev-1");
        assert_eq!(plugin.basic_auth(Some(&client), &Login::default(), now()), Admission::Denied);
        let lines = log.lines();
        assert!(
            lines.len() == 1 && lines[0].contains("nobody gets in") && lines[0].contains(reason),
            "{lines:?}"
        );
    }
}
