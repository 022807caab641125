//! One `broker.toml` for the broker and for a host with listeners of its own: the same rules, without task, TLS or socket.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use authenticator::decide::{Connect, Granted, Request};
use authenticator::origin::Origin;
use authenticator::reason::Reason;
use broker_auth::config::Config;
use broker_rules::clock::SystemClock;
use broker_rules::config::HostedConfig;
use broker_rules::state_directory::StateDirectory;
use broker_rules::store::{CrlNumbers, RulesetStore};
use broker_rules::watch::{Happened, RulesWatch, WATCH_INTERVAL};
use integration_tests::fleet::Fleet;
use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// How long a look may take to find something.
const DEADLINE: Duration = Duration::from_secs(10);

fn connect(client_id: &str) -> Request<'_> {
    Request::Connect(Connect {
        client_id: Some(client_id),
        will_topic: None,
        unique: &String::new,
        random: &|| Some(0),
    })
}

/// The rules of a new fleet, as a host reads them.
fn rules_of(fleet: &Fleet) -> Arc<RulesetStore> {
    let config = HostedConfig::load(&fleet.file("broker.toml"), "mosquitto").expect("for any host");
    assert_eq!(config.policy_warnings(), Vec::<String>::new());
    let state = StateDirectory::prepare(&config.state).expect("a state directory");
    let numbers = Arc::new(CrlNumbers::open(state.path()).expect("no record yet"));
    let rules = RulesetStore::of_listener(Arc::new(SystemClock), numbers, config.access, config.mode, None);
    let started = rules.start(&config.trusts).expect("trusts that load");
    assert!(started.is_usable && started.refused.is_empty(), "{started:?}");
    rules
}

#[test]
fn the_file_of_a_new_fleet_says_the_same_to_both() {
    let fleet = Fleet::new(PROGRAMS);
    let file = fleet.file("broker.toml");
    let own = Config::load(&file).expect("a configuration");
    let hosted = HostedConfig::load(&file, "mosquitto").expect("for any host");
    let [listener] = own.listeners.as_slice() else { panic!("one listener") };
    assert_eq!((hosted.mode, &hosted.trusts), (listener.mode, &listener.trusts));
    assert_eq!((&hosted.state, &hosted.directory), (&own.state, &own.directory));
    assert_eq!(format!("{:?}", hosted.access), format!("{:?}", own.access));
    // The same file with a second listener is for the broker alone.
    let text = hosted.text + "\n[[listener]]\naddress = \"127.0.0.1:0\"\n";
    let error = HostedConfig::parse(&file, &text, "mosquitto").expect_err("two listeners").to_string();
    assert!(error.contains("mosquitto cannot have rules for several listeners"), "{error}");
}

#[test]
fn a_stolen_device_is_out_when_the_host_has_looked() {
    let fleet = Fleet::new(PROGRAMS);
    let (thief, other) = (fleet.device("thief"), fleet.device("pump-1"));
    let rules = rules_of(&fleet);
    let (told, generation) = (Arc::new(AtomicU64::new(0)), rules.generation());
    let tell = Arc::clone(&told);
    rules.on_change(move |generation| tell.store(generation, Ordering::SeqCst));

    let admit = |chain: &[_], client_id: &str| {
        let decision = rules.decide(rules.verify_chain(chain), Origin::default(), &connect(client_id));
        match decision.outcome.expect("it is let in") {
            Granted::Admitted { permit, client_id: Some(binding) } => (permit, binding),
            other => panic!("no session: {other:?}"),
        }
    };
    let (stolen, honest) = (admit(&thief.chain(), "thief"), admit(&other.chain(), "pump-1"));
    let mismatch = rules.decide(rules.verify_chain(&other.chain()), Origin::default(), &connect("thief"));
    assert_eq!(mismatch.outcome.map_err(|refusal| refusal.reason).err(), Some(Reason::ClientIdMismatch));

    let mut watch = RulesWatch::of([Arc::clone(&rules)]);
    // What was loaded is read again, and is what it was.
    assert!(watch.look().is_empty());
    assert_eq!(told.load(Ordering::SeqCst), 0);
    fleet.revoke("thief");
    let begin = Instant::now();
    let in_force = loop {
        let happened = watch.look();
        if !happened.is_empty() {
            break happened;
        }
        assert!(begin.elapsed() < DEADLINE, "nothing is seen");
        thread::sleep(WATCH_INTERVAL);
    };
    let entries = in_force.iter().filter_map(|happened| match happened {
        Happened::ListInForce { list, .. } => Some(list.entries),
        _ => None,
    });
    assert_eq!(entries.sum::<usize>(), 1, "{in_force:?}");
    assert_eq!((told.load(Ordering::SeqCst), rules.generation()), (generation + 1, generation + 1));

    let ended = rules.recheck(&stolen.0, stolen.1.client_id()).map_err(|refusal| refusal.reason);
    assert_eq!(ended.err(), Some(Reason::Revoked));
    rules.recheck(&honest.0, honest.1.client_id()).expect("not revoked");
}
