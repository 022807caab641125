//! A name alone is a client's in one namespace only; `namespace/name` is one client's anywhere.

use std::fs;

use integration_tests::broker::operate;
use integration_tests::fleet::Fleet;
use integration_tests::pki::Forger;
use integration_tests::token_issuer::{TokenIssuer, claims};

use crate::live_sessions::ends;
use crate::place::{IN, OUT, Place, TOKEN, fleet};

/// The configuration of [`fleet`] with another device CA in each listener, of the namespace `west`, or with devices alone.
fn with_namespaces(fleet: &Fleet, names: &str, is_alone: bool) {
    let text = fs::read_to_string(fleet.file("broker.toml")).expect("a configuration");
    let services = "[[listener.trust]]\nname = \"service-ca\"\nanchors = [\"service-ca/issuing.pem\"]\n\
                    crl = [\"crl/service-ca.crl\"]\n";
    let west = "[[listener.trust]]\nname = \"west\"\nanchors = [\"west.pem\"]\ncrl-check = \"off\"\n";
    let text = text.replace(services, if is_alone { "" } else { west });
    let text = text.replace("namespace = \"device-ca\"\n", names);
    let (devices, others) = text.split_once("[[policy]]\nname = \"services\"").expect("two policies");
    assert!(others.contains("service-ca"));
    let devices = if is_alone {
        devices.to_owned()
    } else {
        devices.replace("{ trust = \"device-ca\" }", "{ verdict = \"SUCCESS\" }")
    };
    fs::write(fleet.file("broker.toml"), devices).expect("a configuration");
}

const WARNING: &str = "a name alone are refused, since there are several namespaces (device-ca, west)";

#[test]
fn a_token_is_for_one_client_of_two_that_share_a_name() {
    for (names, bare_in) in
        [("", None), ("namespace = \"device-ca\"\n", Some(0)), ("namespace = \"west\"\n", Some(1))]
    {
        let fleet = fleet(TOKEN);
        let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
        fs::write(fleet.file("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
        let (ca, pem) = Forger::authority(&fleet, |_| {});
        fs::write(fleet.file("west.pem"), pem).expect("a file");
        with_namespaces(&fleet, names, false);
        let devices = [fleet.device("dev-1"), ca.certificate("dev-1")];
        let checked = operate(&fleet, "check", &[]).stdout_of_success();
        assert_eq!(checked.contains(WARNING), bare_in.is_none(), "{checked}");
        let place = Place::of(fleet);
        let named =
            ["dev-1", "device-ca/dev-1", "west/dev-1", "west/dev-2", "elsewhere/dev-1", "/dev-1", "DEV-1"];
        let tokens = issuer.tokens("a", &named.map(|name| claims(name, 3600)));
        for (number, device) in devices.iter().enumerate() {
            for (name, token) in named.iter().zip(&tokens) {
                let is_in = match *name {
                    "dev-1" => bare_in == Some(number),
                    "device-ca/dev-1" => number == 0,
                    "west/dev-1" => number == 1,
                    _ => false,
                };
                let met = place.met(device, "dev-1", token);
                assert_eq!(met, if is_in { IN } else { OUT }, "{names:?}: {name} for device {number}");
            }
        }
        if bare_in.is_none() {
            let words = "is for \"dev-1\" and does not say of which namespace, and there are several: it must be for \
                         \"device-ca/dev-1\"";
            place.broker.log().line(integration_tests::broker::Mark::START, |line| {
                line["evidence"].as_str().is_some_and(|evidence| evidence.contains(words))
            });
        }
    }
}

/// `reload` judges live sessions by what a name alone means from then on.
#[test]
fn a_name_alone_is_enough_while_there_is_one_namespace() {
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    fs::write(fleet.file("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
    let (_, pem) = Forger::authority(&fleet, |_| {});
    fs::write(fleet.file("west.pem"), pem).expect("a file");
    let whole = fs::read(fleet.file("broker.toml")).expect("a configuration");
    with_namespaces(&fleet, "", true);
    let devices = fleet.devices(&["dev-1", "dev-2"]);
    let checked = operate(&fleet, "check", &["--json"]).json();
    assert_eq!(checked["second_factors"]["token"]["namespace"], "device-ca");
    let place = Place::of(fleet);
    let [bare, qualified] = ["dev-1", "device-ca/dev-2"].map(|name| issuer.token("a", name, 3600));
    let mut by_bare = place.session(&devices[0], "dev-1", &bare);
    let mut by_qualified = place.session(&devices[1], "dev-2", &qualified);
    fs::write(place.fleet.file("broker.toml"), whole).expect("a configuration");
    with_namespaces(&place.fleet, "", false);
    let reloaded = operate(&place.fleet, "reload", &[]);
    assert!(reloaded.code == 0 && reloaded.stderr.contains(WARNING), "{}", reloaded.stderr);
    ends(&place, &mut by_bare, "dev-1");
    assert!(by_qualified.is_alive());
}
