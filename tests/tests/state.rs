//! What a broker keeps, and where; what it tells of itself; and `explain` beside a running broker.

#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use integration_tests::broker::{Broker, Mark, operate};
use integration_tests::client::{Client, Tls};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{Crl, DAY, Forger, now};
use integration_tests::program::{Programs, run};
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

fn set_state(fleet: &Fleet, state: &str) {
    fleet.configure("[identity]", &format!("[state]\n{state}\n\n[identity]"));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// Moving the state directory forgets nothing: an old list is refused as before.
#[test]
fn what_was_kept_in_todays_place_is_taken_over_and_the_configuration_may_be_read_only() {
    let fleet = Fleet::new(PROGRAMS);
    let old = fs::read(fleet.file("crl/device-ca.crl")).expect("a list");
    let thief = fleet.device("thief");
    fleet.revoke("thief");
    drop(Broker::start(&fleet));
    let kept = fs::read(fleet.file("broker/crl-numbers.json")).expect("kept");

    let elsewhere = fleet.beside("state");
    set_state(&fleet, &format!("dir = {:?}", elsewhere.to_str().expect("text")));
    let checked = operate(&fleet, "check", &[]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(!elsewhere.exists(), "check leaves nothing behind");
    {
        let broker = Broker::start(&fleet);
        broker
            .log()
            .line(Mark::START, |line| line.to_string().contains("taken over into the state directory"));
        assert_eq!(fs::read(elsewhere.join("crl-numbers.json")).expect("taken over"), kept);
        assert_eq!(mode(&elsewhere), 0o700);
        assert_eq!(operate(&fleet, "status", &[]).code, 0, "the socket is found by the configuration");
        // A mistake elsewhere in the configuration keeps no operator away.
        let text = fs::read_to_string(fleet.file("broker.toml")).expect("the configuration");
        fleet.replace("broker.toml", (text.clone() + "\n[nonsense]\n").as_bytes());
        assert_eq!(operate(&fleet, "status", &[]).code, 0);
        fleet.replace("broker.toml", text.as_bytes());
    }
    // An old list is refused in the new place: the last good one is in force in its stead.
    fleet.replace("crl/device-ca.crl", &old);
    let broker = Broker::start(&fleet);
    let (_, heard) = Client::attempt(
        broker.address(),
        &Tls::new(&fleet, Some(&thief)),
        &Connect::new(Version::V5, "thief"),
    );
    let refusal = broker.log().refusal(Mark::START);
    assert_eq!(refusal["reason"], "revoked", "{heard:?}");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_found_by_check_and_nothing_of_another_kind_is_removed() {
    let fleet = Fleet::new(PROGRAMS);
    let text = fs::read_to_string(fleet.file("broker.toml")).expect("the configuration");
    let too_long = format!("dir = \"{}\"", "x".repeat(120));
    fs::write(fleet.file("a-file"), "precious").expect("a file");
    fs::create_dir(fleet.file("with-file")).expect("a directory");
    fs::write(fleet.file("with-file/admin.sock"), "precious").expect("a file");
    for (state, words) in [
        ("dir = \"a-file\"", "is no directory"),
        ("dir = \"with-file\"", "is no socket"),
        ("dir = \"nowhere/deep\"", "cannot be made"),
        ("dir = \"/proc/countersign\"", "cannot be made"),
        (&*too_long, "the longest path"),
        ("admin-group = \"no-such-group-here\"", "there is no group"),
    ] {
        fleet.replace("broker.toml", text.as_bytes());
        set_state(&fleet, state);
        let checked = operate(&fleet, "check", &[]);
        assert_eq!(checked.code, 3, "{state}: {}", checked.stdout);
        assert!(checked.stderr.contains(words), "{state}: {}", checked.stderr);
        let refused = Broker::refuse_to_start(&fleet);
        assert_eq!(refused.code, 1, "{state}: {}", refused.stderr);
    }
    for file in ["a-file", "with-file/admin.sock"] {
        assert_eq!(fs::read(fleet.file(file)).expect("it is there"), b"precious");
    }
    fleet.replace("broker.toml", text.as_bytes());
    // What a dead broker left behind is cleared away.
    fs::create_dir_all(fleet.file("broker")).expect("a directory");
    drop(UnixListener::bind(fleet.file("broker/admin.sock")).expect("a socket"));
    let first = Broker::start(&fleet);
    // A live one is not.
    let second = Broker::refuse_to_start(&fleet);
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("another broker answers there"), "{}", second.stderr);
    drop(first);
}

/// As another user who is a member of the group: root can become anybody.
#[test]
fn members_of_the_admin_group_may_look_and_not_touch() {
    let own_group = run(Command::new("id").arg("-g")).stdout_of_success();
    let is_root = run(Command::new("id").arg("-u")).stdout_of_success().trim() == "0";
    let group =
        if is_root { "daemon".to_owned() } else { run(Command::new("id").arg("-gn")).stdout_of_success() };
    let fleet = Fleet::new(PROGRAMS);
    // Outside of what only the owner of the fleet may enter.
    let state = tempfile::tempdir().expect("a directory");
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    let directory = state.path().join("state");
    set_state(
        &fleet,
        &format!("dir = {:?}\nadmin-group = {:?}", directory.to_str().expect("text"), group.trim()),
    );
    let _broker = Broker::start(&fleet);
    let socket = directory.join("admin.sock");
    assert_eq!((mode(&directory), mode(&socket)), (0o710, 0o660));
    assert_eq!(
        fs::metadata(&socket).expect("it is there").gid(),
        fs::metadata(&directory).expect("it is there").gid()
    );
    if !is_root {
        assert_eq!(fs::metadata(&socket).expect("it is there").gid().to_string(), own_group.trim());
        return;
    }
    // The words of the socket, as another program would say them.
    let ask = |uid: &str, groups: &str, request: &str| {
        let script = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n\
                      s.sendall(sys.argv[2].encode()+b'\\n')\nsys.stdout.write(s.makefile().readline())";
        run(Command::new("setpriv")
            .args(["--reuid", uid, "--regid", uid, "--groups", groups, "/usr/bin/python3", "-c", script])
            .arg(&socket)
            .arg(request))
    };
    for request in [r#"{"request":"status"}"#, r#"{"request":"sessions"}"#] {
        let answered = ask("65534", "1", request).stdout_of_success();
        assert!(answered.contains(r#""content""#), "{answered}");
    }
    for request in
        [r#"{"request":"kick","id":"x"}"#, r#"{"request":"reload"}"#, r#"{"request":"accept_time","now":1}"#]
    {
        let answered = ask("65534", "1", request).stdout_of_success();
        assert_eq!(answered.trim(), r#"{"answer":"denied"}"#);
    }
    assert_ne!(ask("65534", "65534", r#"{"request":"status"}"#).code, 0, "nobody else gets so far");
}

#[test]
fn explain_judges_by_the_files_and_asks_the_running_broker_which_has_the_last_word_too() {
    let site = Site::new(PROGRAMS);
    let _device = site.dev_1(Version::V5);
    let explain = |args: &[&str]| operate(&site.fleet, "explain", args);
    let certificate = site.device.certificate.to_str().expect("text").to_owned();
    let image = site.fleet.file("images/dev-1.bin").to_str().expect("text").to_owned();
    let mut serials = Vec::new();
    for client in
        [["--cert", &certificate], ["--image", &image], ["--id", "dev-1"], ["--id", "device-ca/dev-1"]]
    {
        let explained = explain(&[&client[..], &["--json"]].concat());
        assert_eq!(explained.code, 0, "{}", explained.stderr);
        let explained = explained.json();
        assert_eq!(explained["identity"], "dev-1");
        assert_eq!((&explained["differs"], &explained["running"]["allowed"]), (&false.into(), &true.into()));
        serials.push(explained["serial"].clone());
    }
    assert!(serials.iter().all(|serial| *serial == serials[0]), "{serials:?}");
    assert!(explain(&["--id", "dev-1"]).stdout.ends_with("the running broker decides the same\n"));
    // Not connected: by the files of its fleet.
    site.fleet.device("dev-2");
    assert_eq!(explain(&["--id", "dev-2", "--json"]).json()["identity"], "dev-2");
    assert_eq!(explain(&["--id", "nobody"]).code, 4);
    assert_eq!(explain(&["--image", &certificate]).code, 3);
    assert_eq!(explain(&["--id", "dev-1", "--cert", &certificate]).code, 2);

    // Written, and not yet in force: denied by either is denied.
    let text = fs::read_to_string(site.fleet.file("broker.toml")).expect("the configuration");
    let denied = text.replacen("action = \"allow\"", "action = \"deny\"", 1);
    site.fleet.replace("broker.toml", denied.as_bytes());
    let by_files = explain(&["--cert", &certificate]);
    assert_eq!(by_files.code, 6, "{}", by_files.stdout);
    let (files, running) =
        by_files.stdout.split_once("\nthe running broker decides otherwise:\n").expect("both are printed");
    assert!(files.contains("refused: policy_denied") && running.contains("decision     allowed"));
    operate(&site.fleet, "reload", &[]).stdout_of_success();
    site.fleet.replace("broker.toml", text.as_bytes());
    let by_broker = explain(&["--cert", &certificate, "--json"]);
    assert_eq!(by_broker.code, 6, "{}", by_broker.stdout);
    let both: serde_json::Value = serde_json::from_str(&by_broker.stdout).expect("JSON");
    assert_eq!((&both["allowed"], &both["running"]["allowed"]), (&true.into(), &false.into()));
    assert_eq!(both["differs"], true);
}

#[test]
fn status_tells_of_lists_and_of_what_was_refused_and_a_stale_list_is_found_wanting() {
    let site =
        Site::configured(PROGRAMS, |fleet| fleet.configure("stale-grace = \"24h\"", "stale-grace = \"1s\""));
    let status = || operate(&site.fleet, "status", &["--json"]);
    let lists = |status: &serde_json::Value| -> Vec<serde_json::Value> {
        let trusts = status["listeners"][0]["trusts"].as_array().expect("trusts").clone();
        trusts.iter().flat_map(|trust| trust["crls"].as_array().expect("lists").clone()).collect()
    };
    let fresh = status();
    assert_eq!(fresh.code, 0, "{}", fresh.stderr);
    let fresh = fresh.json();
    for list in lists(&fresh) {
        assert!(list["age_seconds"].as_u64().expect("a number") < 3600, "{list}");
        assert!(list["left_seconds"].as_i64().expect("a number") > 6 * 24 * 3600, "{list}");
        assert_eq!(list["freshness"], "current");
    }
    assert!(fresh["time_floor"].as_str().expect("a time") <= fresh["clock"].as_str().expect("a time"));
    // Refused: it says so until it is put right.
    let good = fs::read(site.fleet.file("crl/device-ca.crl")).expect("a list");
    let mark = site.broker.log().mark();
    site.fleet.replace("crl/device-ca.crl", b"nonsense");
    site.broker.log().complaint(mark, "revocation list refused");
    let refused = status().json();
    assert!(
        refused["listeners"][0]["refused"][0].as_str().expect("why").contains("device-ca.crl"),
        "{refused}"
    );
    site.fleet.replace("crl/device-ca.crl", &good);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while status().json()["listeners"][0]["refused"] != serde_json::json!([]) {
        assert!(std::time::Instant::now() < deadline, "it is put right");
    }
    // Stale.
    let forger = Forger::with_key_of(&site.fleet, "device-ca");
    let ended = Crl::fresh().valid(now() - 2 * DAY, now() - DAY);
    let mark = site.broker.log().mark();
    site.fleet.replace("crl/device-ca.crl", forger.crl(&ended).as_bytes());
    site.broker.log().complaint(mark, "stale now");
    for command in ["status", "check"] {
        let found = operate(&site.fleet, command, &[]);
        assert_eq!(found.code, 6, "{command}: {}{}", found.stdout, found.stderr);
        assert!(found.stderr.contains("is stale"), "{}", found.stderr);
    }
}

#[test]
fn a_floor_that_a_clock_ahead_has_raised_is_lowered_by_an_operator_and_by_nobody_else() {
    let site = Site::new(PROGRAMS);
    let accept = |now: &str| operate(&site.fleet, "clock", &["accept", "--now", now]);
    let floor = || operate(&site.fleet, "status", &["--json"]).json()["time_floor"].clone();
    let before = floor();
    assert_eq!(accept("yesterday").code, 2);
    assert_eq!(accept("2099-01-01T00:00:00Z").code, 3);
    assert_eq!(floor(), before);
    let mark = site.broker.log().mark();
    let accepted = accept("2020-01-01T00:00:00Z");
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    site.broker.log().complaint(mark, "an operator lowered the time floor");
    assert_eq!(floor(), "2020-01-01T00:00:00Z");
    // It is kept over a restart, and the same lists do not raise it again.
    let Site { broker, fleet, .. } = site;
    drop(broker);
    let _broker = Broker::start(&fleet);
    assert_eq!(operate(&fleet, "status", &["--json"]).json()["time_floor"], "2020-01-01T00:00:00Z");
}
