//! A mosquitto of a few lines: it counts what it is asked for, and calls back.

mod fake_mosquitto;

use std::ffi::{CStr, c_char};

use super::*;
use crate::callbacks::{Authenticator, Kick, Message};
use crate::client::{Client, MAX_CERTIFICATE_LEN};
use crate::deny_all::DenyAll;
use crate::options::{MAX_OPTIONS, Options};
use fake_mosquitto::{FakeClient, Mosquitto};

/// Lets in whoever has the certificate `[1, 2, 3]`, by its client id; does what the topic says.
struct Echo(Rc<dyn Log>);

impl Authenticator for Echo {
    fn basic_auth(&self, client: &dyn Client, login: &Login<'_>, _: UnixTime) -> Admission {
        self.0.write(
            Level::Info,
            &format!("{:?} {:?} {:?} {:?}", client.id(), client.address(), login.user_name, login.password),
        );
        self.0.write(Level::Info, &format!("{:?} {}", client.protocol(), client.is_clean()));
        if login.user_name == Some("later") {
            return Admission::NotNow;
        }
        match client.certificate() {
            Ok(Some(der)) if *der == [1, 2, 3] => {
                assert!(client.has_certificate());
                Admission::Admitted { user_name: client.id().unwrap_or_default().into() }
            }
            other => {
                self.0.write(Level::Warning, &format!("{other:?}"));
                Admission::Denied
            }
        }
    }

    fn acl_check(&self, _: &dyn Client, access: &Access<'_>) -> Answer {
        self.0.write(Level::Info, &format!("{access:?}"));
        assert!(*access != Access::Deliver("panic"), "as asked for");
        Answer::Allowed
    }

    fn tick(&self, _: UnixTime) -> Effects {
        let kick = |client_id: &str, will| Kick { client_id: client_id.into(), will };
        Effects {
            kicks: vec![
                kick("dev-1", WillOnKick::Forget),
                kick("nul\0", WillOnKick::Forget),
                kick("dev-2", WillOnKick::Publish),
            ],
            messages: vec![Message { topic: "countersign/a".into(), payload: (*b"{}").into() }],
        }
    }

    fn reload(&self, _: UnixTime) {
        self.0.write(Level::Notice, "reload");
    }

    fn disconnect(&self, client: &dyn Client) {
        self.0.write(Level::Info, &format!("gone {:?}", client.id()));
    }
}

fn start(options: &Options, log: Rc<dyn Log>) -> Box<dyn Authenticator> {
    log.write(Level::Info, &format!("{:?}", options.one("config")));
    Box::new(Echo(log))
}

fn deny(_: &Options, _: Rc<dyn Log>) -> Box<dyn Authenticator> {
    Box::new(DenyAll)
}

#[test]
fn the_version_is_the_one_that_is_known_or_none() {
    let versions = |versions: &[c_int]| unsafe { version(versions.len() as c_int, versions.as_ptr()) };
    assert_eq!(versions(&[2, 3, 4, 5]), 5);
    assert_eq!(versions(&[5]), 5);
    assert_eq!(versions(&[6, 5]), 5);
    assert_eq!(versions(&[2, 3, 4]), -1);
    assert_eq!(versions(&[]), -1);
    assert_eq!(unsafe { version(3, ptr::null()) }, -1);
    assert_eq!(unsafe { version(-3, [5].as_ptr()) }, -1);
}

#[test]
fn what_mosquitto_says_of_a_client_arrives() {
    let mosquitto = Mosquitto::load(start, &[(Some(c"config"), Some(c"/a"))]);
    let client = FakeClient::new(c"dev-1");
    assert_eq!(mosquitto.basic_auth(&client, Some(c"user"), Some(c"pass")), api::MOSQ_ERR_SUCCESS);
    assert_eq!(client.user_name(), "dev-1");
    let log = mosquitto.log();
    assert_eq!(log[0], "Ok(\"/a\")");
    assert_eq!(log[1], "Some(\"dev-1\") Some(\"192.0.2.7\") Some(\"user\") Some([112, 97, 115, 115])");
    assert_eq!(log[2], "V5 true");
}

#[test]
fn whoever_is_to_come_again_is_not_told_that_it_is_refused() {
    let mosquitto = Mosquitto::load(start, &[]);
    let client = FakeClient::new(c"dev-1");
    assert_eq!(mosquitto.basic_auth(&client, Some(c"later"), None), api::MOSQ_ERR_UNKNOWN);
    assert_eq!(client.user_name(), "before");
}

#[test]
fn what_is_null_or_no_text_is_denied() {
    let mosquitto = Mosquitto::load(start, &[]);
    let null = ptr::null_mut();
    assert_eq!(mosquitto.basic_auth_at(null), api::MOSQ_ERR_AUTH);
    assert_eq!(mosquitto.acl_check_at(null), api::MOSQ_ERR_ACL_DENIED);
    assert_eq!(mosquitto.basic_auth_of(ptr::null_mut(), None, None), api::MOSQ_ERR_AUTH);
    let client = FakeClient::new(c"dev-1");
    assert_eq!(mosquitto.acl_check(&client, None, api::MOSQ_ACL_READ), api::MOSQ_ERR_ACL_DENIED);
    assert_eq!(mosquitto.acl_check(&client, Some(c"\xff"), api::MOSQ_ACL_READ), api::MOSQ_ERR_ACL_DENIED);
    let long = CString::new(vec![b'a'; 65_536]).unwrap();
    assert_eq!(mosquitto.acl_check(&client, Some(&long), api::MOSQ_ACL_READ), api::MOSQ_ERR_ACL_DENIED);
    let longest = CString::new(vec![b'a'; 65_535]).unwrap();
    assert_eq!(mosquitto.acl_check(&client, Some(&longest), api::MOSQ_ACL_READ), api::MOSQ_ERR_SUCCESS);
    for access in [0, 3, 5, 16, -1] {
        assert_eq!(mosquitto.acl_check(&client, Some(c"a"), access), api::MOSQ_ERR_ACL_DENIED, "{access}");
    }
    // The end of the connection of nobody, and a tick without a time.
    assert_eq!(mosquitto.disconnect_at(null), api::MOSQ_ERR_SUCCESS);
    // A callback without a plugin.
    unsafe {
        assert_eq!(on_basic_auth(3, null, null), api::MOSQ_ERR_AUTH);
        assert_eq!(on_acl_check(2, null, null), api::MOSQ_ERR_ACL_DENIED);
        assert_eq!(on_tick(9, null, null), api::MOSQ_ERR_SUCCESS);
        assert_eq!(on_reload(1, null, null), api::MOSQ_ERR_SUCCESS);
        assert_eq!(on_disconnect(10, null, null), api::MOSQ_ERR_SUCCESS);
        assert_eq!(cleanup(null), api::MOSQ_ERR_SUCCESS);
    }
}

#[test]
fn an_empty_client_id_names_nobody() {
    let mosquitto = Mosquitto::load(start, &[]);
    let client = FakeClient::new(c"");
    assert_eq!(mosquitto.basic_auth(&client, None, None), api::MOSQ_ERR_AUTH, "no empty user name");
    let client = FakeClient::new(c"\xc3(");
    assert_eq!(mosquitto.basic_auth(&client, None, None), api::MOSQ_ERR_AUTH);
    assert_eq!(client.user_name(), "before");
}

#[test]
fn a_user_name_that_mosquitto_does_not_take_denies() {
    let mosquitto = Mosquitto::load(start, &[]);
    let client = FakeClient::new(c"dev-1").that_keeps_its_user_name();
    assert_eq!(mosquitto.basic_auth(&client, None, None), api::MOSQ_ERR_AUTH);
}

#[test]
fn every_access_arrives_as_what_it_is() {
    let mosquitto = Mosquitto::load(start, &[]);
    let client = FakeClient::new(c"dev-1");
    for access in
        [api::MOSQ_ACL_READ, api::MOSQ_ACL_WRITE, api::MOSQ_ACL_SUBSCRIBE, api::MOSQ_ACL_UNSUBSCRIBE]
    {
        assert_eq!(mosquitto.acl_check(&client, Some(c"t/1"), access), api::MOSQ_ERR_SUCCESS);
    }
    assert_eq!(
        mosquitto.log()[1..],
        [
            "Deliver(\"t/1\")",
            "Publish { topic: \"t/1\", retain: true }",
            "Subscribe(\"t/1\")",
            "Unsubscribe(\"t/1\")"
        ]
    );
    assert_eq!(mosquitto.acl_check(&client, Some(c"panic"), api::MOSQ_ACL_READ), api::MOSQ_ERR_ACL_DENIED);
    assert!(mosquitto.log().last().unwrap().contains("as asked for"));
}

#[test]
fn certificates_are_copied_whole_and_freed_each_time() {
    let mosquitto = Mosquitto::load(start, &[]);
    let whole = FakeClient::new(c"dev-1");
    assert_eq!(mosquitto.basic_auth(&whole, None, None), api::MOSQ_ERR_SUCCESS);
    let none = FakeClient::new(c"dev-1").without_certificate();
    let long = FakeClient::new(c"dev-1").with_certificate(vec![7; MAX_CERTIFICATE_LEN + 1]);
    let empty = FakeClient::new(c"dev-1").with_certificate(Vec::new());
    let unwritable = FakeClient::new(c"dev-1").with_unwritable_certificate();
    for (client, said) in [
        (&none, "Ok(None)"),
        (&long, "Err(TooLong(102401))"),
        (&empty, "Err(NotWritten)"),
        (&unwritable, "Err(NotWritten)"),
    ] {
        assert_eq!(mosquitto.basic_auth(client, None, None), api::MOSQ_ERR_AUTH);
        assert_eq!(mosquitto.log().last().unwrap(), said);
    }
    for client in [whole, none, long, empty, unwritable] {
        assert_eq!(client.certificates_held(), 0);
    }
}

#[test]
fn a_tick_kicks_and_publishes_and_hears_of_those_that_are_kicked() {
    let mosquitto = Mosquitto::load(start, &[]);
    assert_eq!(mosquitto.tick(), api::MOSQ_ERR_SUCCESS);
    assert_eq!(mosquitto.kicked(), [("dev-1".to_owned(), false), ("dev-2".to_owned(), true)]);
    assert_eq!(mosquitto.published(), [("countersign/a".to_owned(), b"{}".to_vec())]);
    assert_eq!(mosquitto.log()[1..], ["gone Some(\"dev-1\")", "gone Some(\"dev-2\")"]);
    assert_eq!(mosquitto.reload(), api::MOSQ_ERR_SUCCESS);
    assert_eq!(mosquitto.log().last().unwrap(), "reload");
}

#[test]
fn no_peer_writes_the_format_of_the_log() {
    let mosquitto = Mosquitto::load(start, &[]);
    let client = FakeClient::new(c"%s%n%d\n\x1b[2J");
    mosquitto.acl_check(&client, Some(c"%n%s\nline"), api::MOSQ_ACL_READ);
    assert_eq!(mosquitto.formats(), ["%s"]);
    assert_eq!(mosquitto.log().last().unwrap(), "Deliver(\"%n%s\\nline\")");
}

#[test]
fn options_that_are_no_text_or_too_many_let_nobody_in() {
    let bad: [&[(Option<&CStr>, Option<&CStr>)]; 4] = [
        &[(Some(c"config"), None)],
        &[(None, Some(c"/a"))],
        &[(Some(c"config"), Some(c"\xff"))],
        &[(Some(c"config"), Some(c"/a")); MAX_OPTIONS + 1],
    ];
    for options in bad {
        let mosquitto = Mosquitto::load(start, options);
        let client = FakeClient::new(c"dev-1");
        assert_eq!(mosquitto.basic_auth(&client, None, None), api::MOSQ_ERR_AUTH);
        assert_eq!(mosquitto.acl_check(&client, Some(c"a"), api::MOSQ_ACL_READ), api::MOSQ_ERR_ACL_DENIED);
        assert!(mosquitto.log()[0].contains("nobody gets in"), "{:?}", mosquitto.log());
    }
}

#[test]
fn what_is_not_registered_is_not_left_half_done() {
    for event in CALLBACKS.map(|(event, _)| event) {
        for code in [api::MOSQ_ERR_INVAL, api::MOSQ_ERR_NOT_SUPPORTED] {
            match Mosquitto::refusing(event, code).try_load(deny, &[]) {
                Ok(mosquitto) => {
                    assert_eq!((event, code), (api::MOSQ_EVT_CLIENT_OFFLINE, api::MOSQ_ERR_NOT_SUPPORTED));
                    assert_eq!(mosquitto.registered(), CALLBACKS.len() - 1);
                    mosquitto.unload();
                }
                Err(found) => assert_eq!(found, code),
            }
        }
    }
    let mosquitto = Mosquitto::load(deny, &[]);
    assert_eq!(mosquitto.registered(), CALLBACKS.len());
    mosquitto.unload();
}

#[test]
fn a_loader_that_passes_nothing_gets_nothing() {
    let code = unsafe { init(deny, ptr::null_mut(), ptr::null_mut(), ptr::null(), 0) };
    assert_eq!(code, api::MOSQ_ERR_INVAL);
}

fn at(text: Option<&CStr>) -> *mut c_char {
    text.map_or(ptr::null_mut(), |text| text.as_ptr().cast_mut())
}
