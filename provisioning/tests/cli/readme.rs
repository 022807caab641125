//! The days that README.md tells of: its commands, word for word, by the shell a reader would use.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::factory::{CommandOutput, Factory};

const README: &str = include_str!("../../README.md");

/// The title of each day, and the commands below it.
fn days() -> Vec<(&'static str, String)> {
    let section = README.split("\n## ").find(|section| section.starts_with("Days in a factory"));
    let days = section.expect("the section of the days").split("\n### ").skip(1);
    days.map(|day| {
        let blocks = day.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        (day.lines().next().unwrap_or_default(), blocks.collect())
    })
    .collect()
}

fn run(factory: &Factory, script: &str) -> CommandOutput {
    let program = Path::new(env!("CARGO_BIN_EXE_countersign-provision"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let script = format!("set -eu\nexport COUNTERSIGN_PASSPHRASE='{}'\n{script}", crate::factory::PASSPHRASE);
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(factory.path(".")).env("PATH", path);
    shell.env_remove("COUNTERSIGN_FLEET").env_remove("COUNTERSIGN_ROOT_PASSPHRASE").stdin(Stdio::null());
    CommandOutput::of(shell.output().unwrap())
}

#[test]
fn the_days_that_readme_tells_of_go_as_they_are_told() {
    let factory = Factory::empty();
    let expected: &[(&str, &[&str])] = &[
        (
            "The first night",
            &["issued 3", "3 registered already", "credential image of pump-1", "pump-2  active"],
        ),
        ("The recall", &["pump-3", "revoked"]),
        ("The repaired board", &["pump-1", "superseded", "pump-2", "published"]),
        ("The lost disk", &["(keyCompromise)"]),
    ];
    let days = days();
    let titles: Vec<_> = days.iter().map(|(title, _)| *title).collect();
    assert_eq!(titles, expected.iter().map(|(title, _)| *title).collect::<Vec<_>>());
    for ((title, script), (_, words)) in days.iter().zip(expected) {
        let output = run(&factory, script);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.code, 0, "{title}: {said}");
        for words in *words {
            assert!(said.contains(words), "{title}: {words:?} is missing in {said}");
        }
    }
    // After all of it, what was recalled is refused, and what was revoked after the backup.
    for (device, verdict) in
        [("pump-1", "OK"), ("pump-2", "certificate revoked"), ("pump-3", "certificate revoked")]
    {
        let chain = factory.run(&format!("cert {device}")).succeeded().stdout;
        factory.write("leaf.pem", chain);
        let verified = factory.openssl_verdict("leaf.pem");
        assert!(verified.contains(verdict), "{device}: {verified}");
    }
}
