//! What a permit allows: client ids, topics, and which filter lies within which.

use authenticator::for_test;
use authenticator::policy::{
    Action, ClientIdBinding, ClientIdRule, DeniedPublish, Match, Permit, Policies, Policy, TopicError,
    TopicFilter, TopicName, Verdicts,
};
use authenticator::reason::Reason;
use authenticator::trust::{Role, TrustName};
use proptest::prelude::*;

/// The policies that a new fleet has, and one that denies.
fn fleet_policies() -> Policies {
    let of = |name: &str, trust: &str, identities: &[&str]| Policy {
        name: name.into(),
        matches: Match {
            conditions: Vec::new(),
            verdicts: Verdicts::default(),
            trust: Some(TrustName::new(trust)),
            identity: (!identities.is_empty())
                .then(|| identities.iter().map(|identity| identity.parse().expect("a name")).collect()),
        },
        ..for_test::policy(ClientIdRule::MustStartWith, &[], &[])
    };
    let topics = |policy: Policy, client_id, publish: &[&str], subscribe: &[&str]| {
        let Policy { publish, subscribe, .. } = for_test::policy(client_id, publish, subscribe);
        Policy { client_id, publish, subscribe, ..policy }
    };
    let devices = topics(
        of("devices", "device-ca", &[]),
        ClientIdRule::MustEqual,
        &[
            "devices/{device-id}/telemetry/#",
            "devices/{device-id}/status",
            "devices/{device-id}/credential/request",
        ],
        &["devices/{device-id}/commands/#", "devices/{device-id}/credential/response"],
    );
    let renewal = topics(
        of("renewal", "service-ca", &["provisioning"]),
        ClientIdRule::MustStartWith,
        &["devices/+/credential/response"],
        &["devices/+/credential/request"],
    );
    let barred = of("barred", "service-ca", &["old-dashboard", "older-dashboard"]);
    let services = topics(
        of("services", "service-ca", &[]),
        ClientIdRule::MustStartWith,
        &["devices/+/commands/#"],
        &["devices/+/telemetry/#", "devices/+/status", "$share/+/devices/+/status"],
    );
    Policies::new(vec![
        devices,
        renewal,
        Policy { action: Action::Deny, ..barred },
        Policy { denied_publish: DeniedPublish::Drop, ..services },
    ])
}

/// The permit of a client called `name`, of a trust with this role.
fn decide(policies: &Policies, role: Role, name: &str) -> Result<Permit, Reason> {
    let client = for_test::verified_client(name, role);
    for_test::first_match(policies, &client).map_err(|refusal| refusal.reason)
}

/// One policy for everybody.
fn only(publish: &[&str], subscribe: &[&str]) -> Policies {
    Policies::new(vec![for_test::policy(ClientIdRule::MustEqual, publish, subscribe)])
}

fn device(name: &str) -> Permit {
    decide(&fleet_policies(), Role::Device, name).expect("devices are allowed")
}

fn service(name: &str) -> Permit {
    decide(&fleet_policies(), Role::Service, name).expect("services are allowed")
}

fn reason<T: std::fmt::Debug>(result: Result<T, authenticator::reason::Refusal>) -> Option<Reason> {
    result.err().map(|refusal| refusal.reason)
}

#[test]
fn the_first_policy_that_matches_decides() {
    assert_eq!(device("pump-1").policy_name(), "devices");
    assert_eq!(service("provisioning").policy_name(), "renewal");
    assert_eq!(service("dashboard").policy_name(), "services");
    let barred = decide(&fleet_policies(), Role::Service, "older-dashboard");
    assert_eq!(barred.map(|_| ()), Err(Reason::PolicyDenied));
    // A device called like a service is still a device.
    assert_eq!(device("provisioning").policy_name(), "devices");
    assert_eq!(device("dashboard").denied_publish(), DeniedPublish::Disconnect);
    assert_eq!(service("dashboard").denied_publish(), DeniedPublish::Drop);
}

#[test]
fn without_a_policy_every_client_is_refused() {
    assert_eq!(decide(&Policies::default(), Role::Device, "pump-1").map(|_| ()), Err(Reason::PolicyDenied));
}

#[test]
fn a_device_whose_name_is_a_prefix_has_no_rights_of_the_longer_one() {
    let permit = device("dev-1");
    for topic in [
        "devices/dev-10/status",
        "devices/dev-/status",
        "devices/dev-1",
        "devices/dev-1/telemetryx",
        "Devices/dev-1/status",
    ] {
        assert_eq!(reason(permit.publish(topic)), Some(Reason::TopicDenied), "{topic}");
    }
    for topic in [
        "devices/dev-1/status",
        "devices/dev-1/telemetry",
        "devices/dev-1/telemetry/a/b",
        "devices/dev-1/telemetry/",
    ] {
        permit.publish(topic).expect(topic);
    }
    for id in ["dev-10", "dev-", "dev-1/a", "DEV-1", "dev-1 "] {
        assert_eq!(
            reason(for_test::bind_client_id(&permit, id, "1")),
            Some(Reason::ClientIdMismatch),
            "{id}"
        );
    }
    let refusal = for_test::bind_client_id(&permit, "dev-10", "1").expect_err("another's");
    assert_eq!(refusal.evidence, "the client id is \"dev-10\", it must be \"dev-1\"");
    for filter in [
        "devices/dev-10/commands/#",
        "devices/+/commands/#",
        "devices/dev-1/#",
        "#",
        "+/dev-1/commands/a",
        "devices/dev-1/+/a",
    ] {
        assert_eq!(reason(permit.subscribe(filter)), Some(Reason::TopicDenied), "{filter}");
    }
    for filter in [
        "devices/dev-1/commands/#",
        "devices/dev-1/commands/+",
        "devices/dev-1/commands",
        "devices/dev-1/commands/a/#",
    ] {
        permit.subscribe(filter).expect(filter);
    }
    assert!(permit.deliver("devices/dev-1/commands/reboot"));
    assert!(!permit.deliver("devices/dev-10/commands/reboot"));
    assert!(!permit.deliver("devices/dev-1/commands/+"));
}

#[test]
fn client_ids_follow_the_rule_of_the_policy() {
    let device = device("dev-1");
    assert!(
        matches!(for_test::bind_client_id(&device, "dev-1", "1"), Ok(ClientIdBinding::Requested(id)) if id.as_str() == "dev-1")
    );
    assert!(
        matches!(for_test::bind_client_id(&device, "", "1"), Ok(ClientIdBinding::Assigned(id)) if id.as_str() == "dev-1")
    );

    let service = service("dash");
    for id in ["dash", "dash/", "dash/1", "dash/a/b"] {
        assert!(
            matches!(for_test::bind_client_id(&service, id, "1"), Ok(ClientIdBinding::Requested(granted)) if granted.as_str() == id)
        );
    }
    for id in ["dashboard", "das", "Dash", "x/dash", "/dash"] {
        assert_eq!(
            reason(for_test::bind_client_id(&service, id, "1")),
            Some(Reason::ClientIdMismatch),
            "{id}"
        );
    }
    let refusal = for_test::bind_client_id(&service, "x", "1").expect_err("nobody's");
    assert_eq!(refusal.evidence, "the client id is \"x\", it must be \"dash\", or start with \"dash/\"");
    let assigned = ["1", "2"].map(|unique| for_test::bind_client_id(&service, "", unique).expect("assigned"));
    assert!(assigned.iter().all(|binding| binding.as_str().starts_with("dash/")));
    assert_ne!(assigned[0], assigned[1]);
    for_test::bind_client_id(&service, assigned[0].as_str(), "1")
        .expect("an assigned client id belongs to its identity");
}

#[test]
fn a_service_owns_no_device_topics() {
    let both = only(&["devices/{device-id}/status", "services/{identity}/status"], &[]);
    let permit = decide(&both, Role::Service, "pump-1").expect("allowed");
    assert_eq!(reason(permit.publish("devices/pump-1/status")), Some(Reason::TopicDenied));
    permit.publish("services/pump-1/status").expect("its own");
}

#[test]
fn system_and_shared_topics_are_denied_unless_they_are_named() {
    let everything = only(&["#", "+/#"], &["#", "+/#"]);
    let permit = decide(&everything, Role::Device, "pump-1").expect("allowed");
    for filter in ["$SYS/#", "$SYS/broker/load", "$share/group/devices/a", "$share/group/#", "$other"] {
        assert_eq!(reason(permit.subscribe(filter)), Some(Reason::TopicDenied), "{filter}");
    }
    assert_eq!(reason(permit.publish("$SYS/broker")), Some(Reason::TopicDenied));
    assert!(!permit.deliver("$SYS/broker"));
    permit.subscribe("#").expect("everything that is not the system's");

    let service = service("dashboard");
    service.subscribe("$share/group/devices/+/status").expect("named");
    assert_eq!(reason(service.subscribe("$share/group/devices/+/telemetry/#")), Some(Reason::TopicDenied));
    for malformed in
        ["$share/+/devices/a/status", "$share", "$share/group", "$share//devices/a/status", "$share/group/"]
    {
        assert_eq!(reason(service.subscribe(malformed)), Some(Reason::TopicDenied), "{malformed}");
    }
    assert!(service.deliver("devices/pump-1/status"));
}

#[test]
fn names_and_filters_are_what_was_asked_for() {
    for text in ["a", "a/b", "/"] {
        assert_eq!(TopicName::new(text).expect("a topic").as_str(), text);
        assert_eq!(TopicFilter::new(text).expect("a filter").as_str(), text);
    }
    assert_eq!(TopicFilter::new("$share/group/a/+").expect("a filter").as_str(), "$share/group/a/+");
}

/// All texts of one to three of these levels.
fn texts(levels: &[&str]) -> Vec<String> {
    let mut texts: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
    let mut longest = texts.clone();
    for _ in 1..3 {
        longest = longest
            .iter()
            .flat_map(|text| levels.iter().map(move |level| format!("{text}/{level}")))
            .collect();
        texts.extend(longest.clone());
    }
    texts
}

/// Compared with trying every topic.
#[test]
fn filters_overlap_exactly_where_a_topic_is_matched_by_both() {
    let topics = texts(&["a", "b", "$x", "countersign"]);
    let topics: Vec<_> = topics.iter().map(|topic| TopicName::new(topic).expect("a topic")).collect();
    let filters = texts(&["a", "$x", "countersign", "+", "#"]);
    let filters: Vec<_> = filters.iter().filter_map(|filter| TopicFilter::new(filter).ok()).collect();
    assert!(filters.len() > 80, "{}", filters.len());
    for one in &filters {
        for other in &filters {
            let common = topics.iter().find(|topic| one.matches(topic) && other.matches(topic));
            assert_eq!(one.overlaps(other), common.is_some(), "{one} and {other}: {common:?}");
        }
    }
}

#[test]
fn names_and_filters_follow_section_4_7() {
    for (text, error) in [
        ("", TopicError::Empty),
        ("a\0b", TopicError::Nul),
        ("a/+", TopicError::Wildcard),
        ("#", TopicError::Wildcard),
    ] {
        assert_eq!(TopicName::new(text), Err(error), "{text:?}");
    }
    for (text, error) in [
        ("", TopicError::Empty),
        ("a\0b", TopicError::Nul),
        ("#/a", TopicError::MisplacedHash),
        ("a#", TopicError::MisplacedHash),
        ("a+/b", TopicError::MisplacedPlus),
        ("$share/g", TopicError::Share),
    ] {
        assert_eq!(TopicFilter::new(text), Err(error), "{text:?}");
    }
    let long = "x".repeat(65_536);
    assert_eq!(TopicName::new(&long), Err(TopicError::TooLong { length: 65_536 }));
    assert!(TopicName::new(&long[1..]).is_ok());

    let matches = |filter: &str, topic: &str| {
        TopicFilter::new(filter).expect("filter").matches(&TopicName::new(topic).expect("topic"))
    };
    // The examples of the specification.
    for topic in
        ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"]
    {
        assert!(matches("sport/tennis/player1/#", topic));
    }
    assert!(matches("sport/#", "sport"));
    assert!(matches("sport/tennis/+", "sport/tennis/player1"));
    assert!(!matches("sport/tennis/+", "sport/tennis/player1/ranking"));
    assert!(!matches("sport/+", "sport"));
    assert!(matches("sport/+", "sport/"));
    assert!(matches("+/+", "/finance") && matches("/+", "/finance") && !matches("+", "/finance"));
    assert!(!matches("#", "$SYS/a") && !matches("+/monitor/Clients", "$SYS/monitor/Clients"));
    assert!(matches("$SYS/#", "$SYS/a") && matches("$SYS/monitor/+", "$SYS/monitor/Clients"));
    assert!(!matches("ACCOUNTS", "Accounts"));
}

/// Levels a filter can have; `z` stands for everything a filter does not name.
const LEVELS: [&str; 4] = ["a", "b", "", "$s"];
const TOPIC_LEVELS: [&str; 5] = ["a", "b", "", "$s", "z"];

fn filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => prop::sample::select(LEVELS.to_vec()), 2 => Just("+")];
    (prop::collection::vec(level, 0..4), any::<bool>())
        .prop_map(|(mut levels, all_below)| {
            if all_below {
                levels.push("#");
            }
            levels.join("/")
        })
        .prop_filter("a filter has at least one character", |filter| !filter.is_empty())
}

/// Every topic of up to five levels: one more than any of the filters can tell apart.
fn topics() -> Vec<String> {
    let mut topics: Vec<String> = Vec::new();
    let mut longest: Vec<String> = TOPIC_LEVELS.map(str::to_owned).to_vec();
    for _ in 0..5 {
        topics.extend(longest.iter().filter(|topic| !topic.is_empty()).cloned());
        longest =
            longest.iter().flat_map(|topic| TOPIC_LEVELS.map(|level| format!("{topic}/{level}"))).collect();
    }
    topics
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_is_within_another_exactly_if_all_it_matches_is_matched(asked in filter(), allowed in filter()) {
        static TOPICS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
        let topics = TOPICS.get_or_init(topics);
        let asked = TopicFilter::new(&asked).expect("a filter");
        let allowed = TopicFilter::new(&allowed).expect("a filter");
        let names = topics.iter().map(|topic| TopicName::new(topic).expect("a topic"));
        let leaked = names.into_iter().find(|topic| asked.matches(topic) && !allowed.matches(topic));
        prop_assert_eq!(asked.is_within(&allowed), leaked.is_none(), "leaked: {:?}", leaked);
    }

    #[test]
    fn no_text_panics_the_topic_parsers(text in any::<String>(), other in any::<String>()) {
        let filter = TopicFilter::new(&text);
        let name = TopicName::new(&other);
        if let (Ok(filter), Ok(name)) = (filter, name) {
            filter.matches(&name);
            prop_assert!(filter.is_within(&filter.clone()));
        }
    }
}

/// A device may be called what the broker's own topics are called; by no template does it hear them.
#[test]
fn no_name_leads_to_the_topics_of_the_broker_itself() {
    for template in ["{device-id}/#", "{identity}/events/#", "$share/g/{device-id}/#"] {
        let by = for_test::policy(
            ClientIdRule::MustEqual,
            &[template.trim_start_matches("$share/g/")],
            &[template],
        );
        let ordinary = for_test::permit(&for_test::verified_client("pump-1", Role::Device), by.clone());
        assert!(
            ordinary
                .subscribe(&template.replace("{device-id}", "pump-1").replace("{identity}", "pump-1"))
                .is_ok()
        );
        let named = for_test::permit(&for_test::verified_client("countersign", Role::Device), by);
        let asked = template.replace("{device-id}", "countersign").replace("{identity}", "countersign");
        assert!(named.subscribe(&asked).is_err(), "{template}");
        assert!(!named.deliver("countersign/events/device-ca/pump-1/connected"), "{template}");
        assert!(named.publish("countersign/events/x").is_err(), "{template}");
    }
}
