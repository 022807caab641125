//! What a configuration of second factors is refused for, and what `check` says of a good one.

use std::fs;

use integration_tests::broker::operate;
use integration_tests::password_file::set_password;
use integration_tests::token_issuer::TokenIssuer;

use crate::place::{PASSWORD, TOKEN, configuration, fleet};

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    let fleet = fleet(PASSWORD);
    let text = configuration("enforce", PASSWORD);
    let token = configuration("enforce", TOKEN);
    let action = format!("action = \"allow\"\n{PASSWORD}");
    for (text, replace, with, words) in [
        (&text, "[second-factor.password]\nfile = \"passwords\"\n", "", "no [second-factor.password]"),
        (&text, "\"password\"", "\"pasword\"", "password"),
        (&text, "file = \"passwords\"", "files = \"passwords\"", "file"),
        (&text, &action, &action.replace("allow", "deny"), "lets nobody in"),
        (
            &text,
            "match = { trust = \"device-ca\" }\naction = \"allow\"",
            "match = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"report\"",
            "lets nobody in",
        ),
        (&text, "{ trust = \"device-ca\" }", "{ verdict = [\"SUCCESS\", \"NONE\"] }", "no identity"),
        (&text, "{ trust = \"device-ca\" }", "{ verdict = \"FAILED:expired\" }", "no identity"),
        (&token, "\"ES256\"", "\"HS256\"", "HS256"),
        (&token, "\"ES256\"", "\"none\"", "none"),
        (&token, "\"ES256\"", "", "an algorithm is needed"),
        (&token, "\"fleet\", \"plant\"", "", "an audience is needed"),
        (&token, "issuer = \"https://id.example\"", "issuer = \"\"", "an issuer is needed"),
        (&token, "issuer = \"https://id.example\"", "", "issuer"),
        (&token, "algorithms = [", "leeway = \"61s\"\nalgorithms = [", "60 s are the most"),
        (&token, "algorithms = [", "claim = \"\"\nalgorithms = [", "claim"),
        (&token, "keys = \"jwks.json\"", "", "keys"),
        (&token, "\"jwks.json\"", "\"http://id.example/keys\"", "not signed"),
        (&token, "\"jwks.json\"", "\"http://localhost/keys\"", "not signed"),
        (&token, "\"jwks.json\"", "\"ftp://id.example/keys\"", "no http or https URL"),
        (&token, "\"jwks.json\"", "\"https://me@id.example/keys\"", "user name"),
        (
            &token,
            "\"jwks.json\"",
            "\"jwks.json\"\nkeys-max-age = \"1d\"",
            "`keys-max-age`: it is for a key set with a URL",
        ),
        (&token, "\"jwks.json\"", "\"https://h/k\"\nkeys-max-age = \"119m\"", "at least twice as long"),
        (&token, "\"jwks.json\"", "\"https://h/k\"\nkeys-max-age = \"31d\"", "30d"),
        (&token, "\"jwks.json\"", "\"https://h/k\"\nkeys-max-age = \"soon\"", "no duration"),
        (&token, "namespace = \"device-ca\"", "namespace = \"device-cs\"", "did you mean \"device-ca\""),
        (&token, "namespace = \"device-ca\"", "namespaces = \"device-ca\"", "did you mean `namespace`"),
    ] {
        assert!(text.contains(replace), "{replace}");
        fs::write(fleet.file("broker.toml"), text.replacen(replace, with, 1)).expect("a configuration");
        for command in ["check", "run"] {
            let refused = operate(&fleet, command, &[]);
            assert_eq!(refused.code, 3, "{command} {with}: {}", refused.stderr);
            let first = refused.stderr.lines().next().expect("a complaint");
            assert!(first.contains("broker.toml") && first.contains(words), "{command} {with}: {first}");
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_refused_by_check_and_start() {
    let fleet = fleet(PASSWORD);
    let line =
        |cost: &str| format!("device-ca/dev-1:$argon2id$v=19${cost}$c29tZXNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg\n");
    for (file, content, words) in [
        ("passwords", line("m=65537,t=1,p=1"), "passwords: line 1"),
        ("passwords", format!("# a note\n\n{}", line("m=64,t=5,p=1")), "passwords: line 3"),
        ("passwords", line("m=64,t=1,p=1").repeat(2), "passwords: line 2"),
        ("passwords", "device-ca/dev-1:$2y$10$abcdefghijklmnopqrstuv\n".to_owned(), "passwords: line 1"),
        ("jwks.json", "{\"keys\": {}}".to_owned(), "jwks.json"),
        ("jwks.json", "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AAAA\"}]}".to_owned(), "secret"),
    ] {
        let good = fs::read(fleet.file(file)).expect("a file");
        fs::write(fleet.file(file), &content).expect("a file");
        for command in ["check", "run"] {
            let refused = operate(&fleet, command, &[]);
            assert_eq!(refused.code, 3, "{command} {content:?}: {}", refused.stderr);
            assert!(refused.stderr.contains(words), "{command} {content:?}: {}", refused.stderr);
            assert!(!refused.stdout.contains("listening"));
        }
        fs::write(fleet.file(file), good).expect("a file");
    }
    fs::remove_file(fleet.file("passwords")).expect("a file");
    let refused = operate(&fleet, "check", &[]);
    assert!(refused.code == 3 && refused.stderr.contains("passwords"), "{}", refused.stderr);
}

#[test]
fn check_shows_the_files_and_what_is_weak() {
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    set_password(&fleet, "dev-1", "sesame");
    let empty = operate(&fleet, "check", &[]);
    assert!(empty.code == 0 && empty.stdout.contains("every token is refused"), "{}", empty.stdout);
    let weak = "device-ca/dev-2:$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg\n";
    let passwords = fs::read_to_string(fleet.file("passwords")).expect("a file") + weak;
    fs::write(fleet.file("passwords"), passwords).expect("a file");
    fs::write(fleet.file("jwks.json"), issuer.key_set(&["a", "b"])).expect("a key set");
    let text = operate(&fleet, "check", &[]).stdout_of_success();
    for words in [
        "second factor password: 2 in ",
        "second factor token: 2 key(s) in ",
        "issuer https://id.example, audience fleet, plant, ES256, claim sub",
        "policy devices: allow trust device-ca, second factor token",
        "line 2: the password of device-ca/dev-2: a stolen file is guessed too cheaply",
        "line 2: the password of device-ca/dev-2: its salt has 8 bytes",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("of device-ca/dev-1:"), "{text}");
    let findings = operate(&fleet, "check", &["--json"]).json();
    let factors = &findings["second_factors"];
    assert_eq!(factors["password"]["passwords"], 2, "{factors}");
    assert_eq!((&factors["token"]["keys"], &factors["token"]["audience"][1]), (&2.into(), &"plant".into()));
    assert_eq!(findings["policies"][0]["second_factor"], "token");
    assert!(findings["policies"][1]["second_factor"].is_null());
}
