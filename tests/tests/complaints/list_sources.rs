//! Where revocations come from, and how an operator sees that they have come.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use integration_tests::broker::{Mark, operate};
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::ocsp_authority::{Authority, Status};
use integration_tests::pki::{Crl, Forger};
use integration_tests::site::Site;
use rcgen::CrlDistributionPoint;
use serde_json::Value;

use crate::PROGRAMS;
use crate::lists::{LIST, LIST_KEY, list_in_force, published, read_from};
use crate::visit::{NOTICED, is_cut_off, is_denied, meets_soon, met};

/// The session of `dev-1` ends by what `revoke` does, and there is no other.
#[track_caller]
fn revokes(site: &Site, revoke: impl FnOnce(&Fleet)) {
    let mut session = site.dev_1(Version::V5);
    assert!(session.is_alive());
    revoke(&site.fleet);
    is_cut_off(&mut session, Version::V5);
    assert_eq!(met(site, &site.device, "dev-1"), "revoked");
}

#[test]
fn a_file_is_a_source() {
    revokes(&Site::new(PROGRAMS), |fleet| fleet.revoke("dev-1"));
}

/// Whoever can write a file into a folder can revoke: a list beside the one that is there.
#[test]
fn a_folder_is_a_source() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fs::create_dir(fleet.file("lists")).expect("a folder can be made");
        fs::copy(fleet.file(LIST), fleet.file("lists/one.crl")).expect("a file can be copied");
        read_from(fleet, "lists");
    });
    let list = Crl { revoked: vec![site.device.serial()], ..Crl::fresh() };
    let list = Forger::with_key_of(&site.fleet, "device-ca").crl(&list);
    revokes(&site, |fleet| fleet.replace("lists/two.crl", list.as_bytes()));
}

#[test]
fn a_url_is_a_source() {
    let server = FileServer::start(Behaviour::Hangs);
    let site = Site::configured(PROGRAMS, |fleet| {
        server.set(Behaviour::Sends(published(fleet)));
        read_from(fleet, &server.url("ca.crl"));
    });
    let publish = |fleet: &Fleet| {
        fleet.revoke("dev-1");
        server.set(Behaviour::Sends(published(fleet)));
    };
    revokes(&site, publish);
}

/// A CA that signs no lists, and can be asked.
#[test]
fn the_ca_itself_is_a_source_without_any_list() {
    let server = FileServer::start(Behaviour::Hangs);
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure(
            &format!("{LIST_KEY}        # reloaded when it changes\ncrl-check = \"leaf\""),
            &format!("crl-check = \"off\"\nocsp = \"require\"\nocsp-allow = [{:?}]", server.url("")),
        );
        fleet.configure("[identity]", "[fetch]\ninterval = \"1s\"\n\n[identity]");
    });
    let authority = Authority::of(&site.fleet, "device-ca");
    let serial = data_encoding::HEXUPPER.encode(&site.device.serial());
    let answer = |status| {
        let question = authority.question_about(&serial);
        Behaviour::Sends(authority.answer(&authority, &question, &serial, status))
    };
    server.set(answer(Status::Good));
    revokes(&site, |_| server.set(answer(Status::Revoked)));
}

/// What a data base says of devices, written into a policy by whatever reads it.
#[test]
fn a_data_base_is_a_source_by_way_of_a_policy() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure(LIST_KEY, "");
        let text = fs::read_to_string(fleet.file("broker.toml")).expect("the configuration");
        fleet.replace(
            "broker.toml",
            text.replacen("crl-check = \"leaf\"", "crl-check = \"off\"", 1).as_bytes(),
        );
    });
    let other = site.fleet.device("dev-2");
    let (mut stolen, mut others) =
        (site.dev_1(Version::V5), site.connect(&other, &Connect::new(Version::V5, "dev-2")));
    let first = "[[policy]]\nname = \"devices\"";
    let deny =
        "[[policy]]\nname = \"stolen\"\nmatch = { identity = [\"device-ca/dev-1\"] }\naction = \"deny\"\n\n";
    site.fleet.configure(first, &format!("{deny}{first}"));
    operate(&site.fleet, "reload", &[]).stdout_of_success();
    is_denied(&mut stolen);
    assert_eq!(met(&site, &site.device, "dev-1"), "policy_denied");
    assert!(others.is_alive());
}

/// The list was uploaded to another place first. The status says what the broker has seen of it, all the time.
#[test]
fn a_list_that_was_uploaded_is_in_force_and_status_says_since_when() {
    let server = FileServer::start(Behaviour::Hangs);
    let site = Site::configured(PROGRAMS, |fleet| {
        server.set(Behaviour::Sends(published(fleet)));
        read_from(fleet, &server.url("ca.crl"));
    });
    let before = list_in_force(&site.fleet);
    assert_eq!((&before["entries"], &before["freshness"]), (&0.into(), &"current".into()));
    site.fleet.revoke("dev-1");
    server.set(Behaviour::Fails(404));
    let begin = Instant::now();
    let fetched = || operate(&site.fleet, "status", &["--json"]).json()["fetched_lists"][0].clone();
    let missing = |list: &Value| list["refused"].as_str().is_some_and(|why| why.contains("404"));
    while !missing(&fetched()) {
        assert!(begin.elapsed() < NOTICED, "{}", fetched());
    }
    assert!(fetched()["failures"].as_u64() > Some(0), "{}", fetched());
    assert_eq!(met(&site, &site.device, "dev-1"), "in", "nobody has told the broker");

    server.set(Behaviour::Sends(published(&site.fleet)));
    meets_soon(&site, &site.device, "dev-1", "revoked");
    let after = list_in_force(&site.fleet);
    assert_eq!(after["entries"], 1, "{after}");
    assert_ne!(after["number"], before["number"]);
    assert!(fetched()["refused"].is_null() && fetched()["fetched_at"].is_string(), "{}", fetched());
}

/// A certificate that names another URL than the one that the broker reads is on the list that is configured, all the same.
#[test]
fn the_list_in_force_is_known_by_its_number_and_changes_without_a_restart() {
    let server = FileServer::start(Behaviour::Hangs);
    let elsewhere = FileServer::start(Behaviour::Fails(503));
    let site = Site::configured(PROGRAMS, |fleet| {
        server.set(Behaviour::Sends(published(fleet)));
        read_from(fleet, &server.url("ca.crl"));
    });
    let issuer = Forger::with_key_of(&site.fleet, "device-ca");
    let device = issuer.altered("dev-2", |params| {
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![elsewhere.url("old.crl")] }];
    });
    assert_eq!(met(&site, &device, "dev-2"), "in");
    let generation = || {
        let status = operate(&site.fleet, "status", &["--json"]).json();
        assert_eq!(status["pid"], site.broker.process_id());
        status["listeners"][0]["trust_generation"].as_u64().expect("a number")
    };
    let (before, mark) = (generation(), site.broker.log().mark());
    let list = Crl { number: 9_876_543_210, revoked: vec![device.serial()], ..Crl::fresh() };
    server.set(Behaviour::Sends(issuer.crl(&list).into_bytes()));
    meets_soon(&site, &device, "dev-2", "revoked");
    assert_eq!(list_in_force(&site.fleet)["number"], "9876543210");
    assert!(generation() > before);
    let told = |line: &Value| line["message"] == "revocation list in force" && line["number"] == "9876543210";
    assert_eq!(site.broker.log().line(mark, told)["entries"], 1);
    assert_eq!(elsewhere.requests(), 0, "a certificate sends the broker nowhere");
}

/// How a file may be put in the place of another.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A new file takes the name.
    Renamed,
    /// The file is written over.
    Overwritten,
    /// It is away for a moment.
    Removed,
    /// The name is a link into a folder, which is a link that changes: what Kubernetes does with a mounted volume.
    Mounted,
}

#[test]
fn a_local_list_is_noticed_however_it_is_replaced() {
    for way in [Way::Renamed, Way::Overwritten, Way::Removed, Way::Mounted] {
        let site = Site::configured(PROGRAMS, |fleet| {
            let folder = fleet.file("mounted");
            fs::create_dir_all(folder.join("..first")).expect("a folder can be made");
            fs::copy(fleet.file(LIST), folder.join("..first/ca.crl")).expect("a file can be copied");
            if matches!(way, Way::Mounted) {
                symlink("..first", folder.join("..data")).expect("a link can be made");
                symlink("..data/ca.crl", folder.join("ca.crl")).expect("a link can be made");
            } else {
                fs::copy(fleet.file(LIST), folder.join("ca.crl")).expect("a file can be copied");
            }
            read_from(fleet, "mounted/ca.crl");
        });
        let mut session = site.dev_1(Version::V5);
        site.fleet.revoke("dev-1");
        let (folder, list) = (site.fleet.file("mounted"), published(&site.fleet));
        assert!(session.is_alive(), "{way:?}: the broker reads another file");
        match way {
            Way::Renamed => site.fleet.replace("mounted/ca.crl", &list),
            Way::Overwritten => fs::write(folder.join("ca.crl"), &list).expect("a file can be written"),
            Way::Removed => {
                fs::remove_file(folder.join("ca.crl")).expect("a file can be removed");
                site.broker.log().complaint(Mark::START, "ca.crl");
                fs::write(folder.join("ca.crl"), &list).expect("a file can be written");
            }
            Way::Mounted => {
                fs::create_dir(folder.join("..second")).expect("a folder can be made");
                fs::write(folder.join("..second/ca.crl"), &list).expect("a file can be written");
                symlink("..second", folder.join("..data_tmp")).expect("a link can be made");
                fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a link can be renamed");
                fs::remove_dir_all(folder.join("..first")).expect("a folder can be removed");
            }
        }
        println!("{way:?}");
        is_cut_off(&mut session, Version::V5);
        assert_eq!(met(&site, &site.device, "dev-1"), "revoked", "{way:?}");
    }
}
