//! How long mosquitto stands still for a password.

use std::fs;

use integration_tests::program::finish_with_input;

use crate::site::{PROGRAMS, Site, text};

#[test]
fn the_cost_of_a_password_is_measured_where_a_policy_asks_for_one() {
    let Some(site) = Site::new() else { return };
    assert!(site.check(&site.exported).json().get("password_cost").is_none());
    let path = site.file("broker.toml");
    let config = fs::read_to_string(&path).expect("a configuration");
    let asking = config.replacen(
        "[[policy]]\nname = \"devices\"",
        "[second-factor.password]\nfile = \"passwords\"\n\n[[policy]]\nname = \"devices\"\nsecond-factor = \"password\"",
        1,
    );
    assert_ne!(asking, config);
    fs::write(&path, asking).expect("a file can be written");
    let mut passwd = PROGRAMS.broker();
    passwd.args(["passwd", "--file", text(&site.file("passwords")), "device-ca/dev-1"]);
    assert_eq!(finish_with_input(&mut passwd, b"secret\n").code, 0);
    let checked = site.check(&site.exported);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let cost = &checked.json()["password_cost"];
    assert_eq!(
        (&cost["memory_kib"], &cost["passes"], &cost["lanes"]),
        (&19_456.into(), &2.into(), &1.into())
    );
    assert!(cost["milliseconds"].as_f64().is_some_and(|milliseconds| milliseconds > 0.0), "{cost}");
}
