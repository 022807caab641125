use authenticator::for_test;
use authenticator::policy::ClientIdRule;
use authenticator::trust::Role;

use super::*;
use crate::fake_client::FakeClient;

const PUBLISH: Access<'static> = Access::Publish { topic: "a", retain: false };
const ALL: [Access<'static>; 4] =
    [PUBLISH, Access::Deliver("a"), Access::Subscribe("a"), Access::Unsubscribe("a")];

fn permit(identity: &str) -> Permit {
    let client = for_test::verified_client(identity, Role::Device);
    for_test::permit(&client, for_test::policy(ClientIdRule::Free, &["#"], &["#"]))
}

/// Admits `client` as `identity`.
fn admit(sessions: &mut Sessions, client: &FakeClient, identity: &str) -> Result<(), NotAdmitted> {
    let permit = permit(identity);
    let binding = for_test::client_id(&permit, client.id().unwrap(), "");
    sessions.admit(binding.client_id(), client.handle(), permit)
}

/// What each access finds: `c`onnected, `g`one, `-` unknown; the state is not changed by asking.
fn told(sessions: &mut Sessions, client: &FakeClient) -> String {
    let before = sessions.by_client_id.get(client.id().unwrap()).map(|session| session.presence);
    let found = ALL.map(|access| {
        let standing = match sessions.standing(client, &access) {
            Standing::Admitted(_) => 'c',
            Standing::Gone(_) => 'g',
            Standing::Unknown => '-',
        };
        if let Some(session) = sessions.by_client_id.get_mut(client.id().unwrap()) {
            session.presence = before.unwrap();
        }
        standing
    });
    found.iter().collect()
}

/// `client` with the certificate of `identity`.
fn with_certificate(client: &FakeClient, identity: &str) -> FakeClient {
    let der = for_test::verified_client(identity, Role::Device).certificate().der().clone();
    FakeClient { certificate: Ok(Some(der)), ..client.clone() }
}

#[test]
fn a_permit_is_that_of_the_very_client() {
    let mut sessions = Sessions::new(10);
    let client = FakeClient::new(1, "dev-1");
    assert_eq!(told(&mut sessions, &client), "----");
    admit(&mut sessions, &client, "dev-1").unwrap();
    assert_eq!(told(&mut sessions, &client), "cccc");
    for other in [
        FakeClient::new(2, "dev-1"),
        FakeClient::new(1, "dev-2"),
        FakeClient { id: None, ..FakeClient::new(1, "") },
    ] {
        let id = other.id.clone();
        let standing = ALL.map(|access| matches!(sessions.standing(&other, &access), Standing::Unknown));
        assert_eq!(standing, [true; 4], "{id:?}");
    }
}

#[test]
fn a_client_that_has_gone_is_asked_about_its_will_once_and_about_messages() {
    let mut sessions = Sessions::new(10);
    let client = with_certificate(&FakeClient::new(1, "dev-1"), "dev-1");
    admit(&mut sessions, &client, "dev-1").unwrap();
    sessions.disconnected(&client);
    // The connection may be open still: it has its certificate, and whoever has another is not it.
    assert_eq!(told(&mut sessions, &client), "gg--");
    assert_eq!(told(&mut sessions, &with_certificate(&client, "dev-2")), "----");
    sessions.settle();
    assert_eq!(told(&mut sessions, &client), "----", "somebody with a certificate in its place");
    let gone = FakeClient::new(1, "dev-1");
    assert_eq!(told(&mut sessions, &gone), "gg--", "a delayed will");
    assert!(matches!(sessions.standing(&gone, &PUBLISH), Standing::Gone(_)));
    assert_eq!(told(&mut sessions, &gone), "-g--", "it has had its will");
    // mosquitto reads its configuration again, and ends what has ended.
    sessions.disconnected(&gone);
    sessions.settle();
    assert_eq!(told(&mut sessions, &gone), "-g--");
}

#[test]
fn a_will_at_the_end_of_a_connection_is_the_only_one() {
    let mut sessions = Sessions::new(10);
    let client = FakeClient::new(1, "dev-1");
    admit(&mut sessions, &client, "dev-1").unwrap();
    sessions.disconnected(&client);
    assert!(matches!(sessions.standing(&client, &PUBLISH), Standing::Gone(_)));
    assert_eq!(told(&mut sessions, &client), "-g--");
    sessions.settle();
    assert_eq!(told(&mut sessions, &client), "-g--");
}

#[test]
fn a_clean_session_of_mqtt_3_ends_with_its_connection() {
    for (protocol, is_clean, left) in [
        (Protocol::V31, true, 0),
        (Protocol::V311, true, 0),
        (Protocol::V311, false, 1),
        (Protocol::V5, true, 1),
        (Protocol::V5, false, 1),
        (Protocol::Unknown, true, 1),
    ] {
        let mut sessions = Sessions::new(10);
        let client = FakeClient { protocol, is_clean, ..FakeClient::new(1, "dev-1") };
        admit(&mut sessions, &client, "dev-1").unwrap();
        sessions.disconnected(&client);
        assert_eq!(told(&mut sessions, &client), "gg--", "its will is asked about in any case");
        sessions.settle();
        assert_eq!(sessions.len(), left, "{protocol:?} {is_clean}");
    }
}

#[test]
fn a_client_id_is_taken_over_by_the_same_identity_alone() {
    let mut sessions = Sessions::new(10);
    let (first, second) = (FakeClient::new(1, "shared"), FakeClient::new(2, "shared"));
    admit(&mut sessions, &first, "dev-1").unwrap();
    let fault = admit(&mut sessions, &second, "dev-2").unwrap_err();
    assert!(matches!(&fault, NotAdmitted::Taken(identity) if identity.name() == "dev-1"));
    assert!(!fault.to_string().contains("dev-2") && fault.to_string().contains("device-ca/dev-1"), "{fault}");
    assert_eq!(told(&mut sessions, &first), "cccc");
    // Neither of one that has gone, whose session mosquitto may keep.
    sessions.disconnected(&first);
    sessions.settle();
    admit(&mut sessions, &second, "dev-2").unwrap_err();
    admit(&mut sessions, &second, "dev-1").unwrap();
    assert_eq!((told(&mut sessions, &first), told(&mut sessions, &second)), ("g---".into(), "cccc".into()));
}

#[test]
fn the_same_name_in_another_namespace_is_another_identity() {
    let mut sessions = Sessions::new(10);
    let client = FakeClient::new(1, "shared");
    admit(&mut sessions, &client, "dev-1").unwrap();
    let other = for_test::client_of("another-ca", "dev-1", Role::Device);
    let permit = for_test::permit(&other, for_test::policy(ClientIdRule::Free, &["#"], &["#"]));
    let binding = for_test::client_id(&permit, "shared", "");
    let taken = sessions.admit(binding.client_id(), ClientHandle::for_test(2), permit);
    assert!(matches!(taken, Err(NotAdmitted::Taken(_))));
}

#[test]
fn whoever_was_taken_over_has_its_will_until_the_next_tick() {
    let mut sessions = Sessions::new(10);
    let (first, second) = (FakeClient::new(1, "dev-1"), FakeClient::new(2, "dev-1"));
    admit(&mut sessions, &first, "dev-1").unwrap();
    admit(&mut sessions, &second, "dev-1").unwrap();
    sessions.disconnected(&first);
    assert_eq!((told(&mut sessions, &first), told(&mut sessions, &second)), ("g---".into(), "cccc".into()));
    sessions.settle();
    assert_eq!((told(&mut sessions, &first), told(&mut sessions, &second)), ("----".into(), "cccc".into()));
}

#[test]
fn a_client_that_mosquitto_asks_about_again_goes_on_or_is_denied() {
    let mut sessions = Sessions::new(10);
    let client = FakeClient::new(1, "dev-1");
    admit(&mut sessions, &client, "dev-1").unwrap();
    admit(&mut sessions, &client, "dev-1").unwrap();
    assert_eq!((told(&mut sessions, &client), sessions.len()), ("cccc".into(), 1));
    sessions.denied(&FakeClient::new(2, "dev-1"));
    assert_eq!(told(&mut sessions, &client), "cccc", "another was denied");
    sessions.denied(&client);
    assert_eq!((told(&mut sessions, &client), sessions.len()), ("----".into(), 0));
    // Of a session whose client has gone nothing is asked that could be answered.
    admit(&mut sessions, &client, "dev-1").unwrap();
    sessions.disconnected(&client);
    sessions.settle();
    sessions.denied(&client);
    assert_eq!(sessions.len(), 1);
}

#[test]
fn whoever_has_gone_for_longest_makes_room_and_whoever_is_connected_does_not() {
    let mut sessions = Sessions::new(3);
    let clients = [1, 2, 3, 4, 5, 6].map(|number| FakeClient::new(number, &format!("dev-{number}")));
    let [one, two, three, four, five, six] = &clients;
    for client in [one, two, three] {
        admit(&mut sessions, client, client.id().unwrap()).unwrap();
    }
    assert_eq!(admit(&mut sessions, four, "dev-4"), Err(NotAdmitted::Full(3)));
    for client in [two, one] {
        sessions.disconnected(client);
        sessions.settle();
    }
    admit(&mut sessions, four, "dev-4").unwrap();
    assert_eq!((told(&mut sessions, two), told(&mut sessions, one)), ("----".into(), "gg--".into()));
    admit(&mut sessions, five, "dev-5").unwrap();
    assert_eq!(admit(&mut sessions, six, "dev-6"), Err(NotAdmitted::Full(3)));
    assert_eq!((sessions.len(), sessions.offline.len()), (3, 0));
    // Whoever is back takes its own place.
    sessions.disconnected(three);
    sessions.settle();
    admit(&mut sessions, &FakeClient::new(7, "dev-3"), "dev-3").unwrap();
    assert_eq!((sessions.len(), sessions.offline.len()), (3, 0));
}

#[test]
fn ten_thousand_connections_leave_no_more_than_there_is_room_for() {
    let mut sessions = Sessions::new(100);
    for number in 0..10_000 {
        let client = FakeClient::new(number % 7, &format!("client-{number}"));
        admit(&mut sessions, &client, "backend").unwrap();
        sessions.disconnected(&client);
        sessions.settle();
        assert!(sessions.len() <= 100 && sessions.offline.len() == sessions.len());
        assert!(sessions.unsettled.is_empty());
    }
}

#[test]
fn sessions_that_are_over_are_closed_if_they_are_connected() {
    let mut sessions = Sessions::new(10);
    let clients = [1, 2, 3].map(|number| FakeClient::new(number, &format!("dev-{number}")));
    for client in &clients {
        admit(&mut sessions, client, client.id().unwrap()).unwrap();
    }
    sessions.disconnected(&clients[1]);
    sessions.settle();
    let closed = sessions.judge(|permit, id| match (permit.identity().name(), id.as_str()) {
        ("dev-3", "dev-3") => Verdict::Unchanged,
        _ => Verdict::Over,
    });
    assert_eq!(closed, ["dev-1".into()]);
    assert_eq!((sessions.len(), sessions.offline.len()), (1, 0));
    assert!(sessions.is_connected_as_other("dev-3", ClientHandle::for_test(9)));
    assert!(!sessions.is_connected_as_other("dev-3", clients[2].handle()));
    assert!(!sessions.is_connected_as_other("dev-1", ClientHandle::for_test(9)));
    assert_eq!(sessions.judge(|_, _| Verdict::Changed(permit("dev-9"))), Vec::<Box<str>>::new());
    assert!(
        matches!(sessions.standing(&clients[2], &PUBLISH), Standing::Admitted(permit) if permit.identity().name() == "dev-9")
    );
}
