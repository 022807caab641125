//! `COUNTERSIGN_FLEET` names the fleet directory for every command of both programs, unless the command line does.

#![forbid(unsafe_code)]

use std::path::Path;

use integration_tests::fleet::Fleet;
use integration_tests::program::{Finished, Programs, run};
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const VARIABLE: &str = "COUNTERSIGN_FLEET";

/// Every command of the broker that has a configuration, and how it ends where a broker runs already.
const COMMANDS: &[(&[&str], i32)] = &[
    (&["run", "--listen", "127.0.0.1:0"], 1),
    (&["check"], 0),
    (&["explain", "--cert", "CERT"], 0),
    (&["sessions"], 0),
    (&["kick", "nobody"], 4),
    (&["status"], 0),
    (&["reload"], 0),
    // Nothing vouches for the future: the broker is found, and refuses.
    (&["clock", "accept", "--now", "2100-01-01T00:00:00Z"], 3),
];

/// Runs a command of the broker with `place` on its command line and `variable` in its environment.
fn broker(site: &Site, command: &[&str], place: &[&Path], variable: Option<&Path>) -> Finished {
    let certificate = site.device.certificate.to_str().expect("UTF-8");
    let mut broker = PROGRAMS.broker();
    broker.args(command.iter().map(|word| if *word == "CERT" { certificate } else { word })).args(place);
    if let Some(variable) = variable {
        broker.env(VARIABLE, variable);
    }
    run(&mut broker)
}

#[test]
fn every_command_of_the_broker_takes_it_unless_the_command_line_says_otherwise() {
    let site = Site::new(PROGRAMS);
    let (fleet, config) = (site.fleet.directory(), site.fleet.file("broker.toml"));
    let (as_fleet, as_config) = (Path::new("--fleet"), Path::new("--config"));
    let elsewhere = site.fleet.beside("elsewhere");
    let named_elsewhere = elsewhere.to_str().expect("UTF-8");
    for (command, code) in COMMANDS {
        let asked = |place: &[&Path], variable: Option<&Path>| broker(&site, command, place, variable);
        for (how, finished) in [
            ("the variable alone", asked(&[], Some(fleet))),
            ("--fleet beside it", asked(&[as_fleet, fleet], Some(&elsewhere))),
            ("--config beside it", asked(&[as_config, &config], Some(&elsewhere))),
            ("--config beside an empty one", asked(&[as_config, &config], Some(Path::new("")))),
            ("--fleet without it", asked(&[as_fleet, fleet], None)),
        ] {
            assert_eq!(finished.code, *code, "{command:?}, {how}: {}", finished.stderr);
            assert!(!finished.stderr.contains(named_elsewhere), "{command:?}, {how}: {}", finished.stderr);
        }

        let lost = asked(&[], Some(&elsewhere));
        assert_ne!(lost.code, 0, "{command:?}");
        assert!(lost.stderr.contains(named_elsewhere), "{command:?}: {}", lost.stderr);

        for variable in [None, Some(Path::new(""))] {
            let nowhere = asked(&[], variable);
            assert_eq!(nowhere.code, 2, "{command:?}, {variable:?}: {}", nowhere.stderr);
            let (error, help) = nowhere.stderr.split_once('\n').expect("two lines");
            assert!(error.starts_with("error: ") && help.starts_with("help: "), "{}", nowhere.stderr);
            for name in ["--fleet", "--config", VARIABLE] {
                assert!(help.contains(name), "{command:?}: {name} is not in {help}");
            }
            assert_eq!(nowhere.stdout, "", "{command:?}");
        }

        let both = asked(&[as_fleet, fleet, as_config, &config], Some(fleet));
        assert_eq!(both.code, 2, "{command:?}: {}", both.stderr);
        assert!(both.stderr.contains("cannot be used with"), "{command:?}: {}", both.stderr);

        let words = command.iter().take_while(|word| !word.starts_with("--"));
        let help = run(PROGRAMS.broker().args(words).arg("--help")).stdout_of_success();
        assert!(help.contains(VARIABLE), "{command:?}: {help}");
    }
    // It is none of the business of a command without a configuration.
    assert_eq!(broker(&site, &["completions", "bash"], &[], None).code, 0);
}

#[test]
fn the_factory_takes_it_and_an_empty_one_is_none() {
    let (here, elsewhere) = (Fleet::new(PROGRAMS), Fleet::new(PROGRAMS));
    here.device("dev-here");
    elsewhere.device("dev-elsewhere");
    // Its parent is where `./fleet` is the fleet.
    let parent = here.directory().parent().expect("it is in a directory");
    for (variable, argument, device) in [
        (Some(elsewhere.directory()), None, "dev-elsewhere"),
        (Some(elsewhere.directory()), Some(here.directory()), "dev-here"),
        (Some(Path::new("")), None, "dev-here"),
        (Some(Path::new("")), Some(elsewhere.directory()), "dev-elsewhere"),
        (None, None, "dev-here"),
    ] {
        let mut command = PROGRAMS.provision();
        command.arg("list").current_dir(parent);
        if let Some(argument) = argument {
            command.arg("--fleet").arg(argument);
        }
        if let Some(variable) = variable {
            command.env(VARIABLE, variable);
        }
        let listed = run(&mut command).stdout_of_success();
        assert!(listed.contains(device), "{variable:?}, {argument:?}: {listed}");
    }
    let help = run(PROGRAMS.provision().arg("--help")).stdout_of_success();
    assert!(help.contains(VARIABLE), "{help}");
}
