//! A change of a whole work order: counted, confirmed, and never by accident.

use crate::factory::Factory;

fn recalled() -> Factory {
    let factory = Factory::new();
    factory.write(
        "order.csv",
        "device_id,work_order\ndev-1,WO-1\ndev-2,WO-1\ndev-3,WO-10\ndev-4,wo-1\ndev-5,WO\u{2013}1\n",
    );
    factory.run("issue --order order.csv").succeeded();
    factory
}

fn statuses(factory: &Factory) -> Vec<String> {
    let list = factory.json("list");
    list.as_array().unwrap().iter().map(|line| line["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_a_terminal_a_batch_needs_yes_and_nothing_is_changed_until_then() {
    let factory = recalled();
    let lists = || std::fs::read(factory.path("fleet/crl/device-ca.crl")).unwrap();
    let before = lists();
    for command in ["revoke", "suspend"] {
        let output = factory.run(&format!("{command} --batch WO-1")).exited(2);
        output.says("work order WO-1 has 2 device(s): 2 certificate(s) to").says("--yes");
    }
    assert_eq!(statuses(&factory), ["active"; 5]);
    assert_eq!(lists(), before);

    factory.run("revoke dev-1").succeeded();
    let output = factory.run("revoke --batch WO-1 --yes").succeeded();
    output.says("work order WO-1 has 2 device(s): 1 certificate(s) to revoke for good, 1 stay as they are");
    assert_eq!(statuses(&factory), ["revoked", "revoked", "active", "active", "active"]);
    // What changes nothing needs no yes: the list is published again.
    factory.run("revoke --batch WO-1").succeeded();
    factory.run("suspend --batch WO-10 --yes").succeeded();
    factory.run("resume --batch WO-10").exited(2).says("1 certificate(s) to resume");
    assert_eq!(statuses(&factory)[2], "suspended");
}

#[test]
fn a_dry_run_says_what_would_be_changed_needs_no_passphrase_and_changes_nothing() {
    let factory = recalled();
    let mut dry = factory.command("revoke --batch WO-1 --dry-run");
    dry.env_remove("COUNTERSIGN_PASSPHRASE");
    let output = dry.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with("would be revoked")), "{lines:?}");
    let document = factory.json("suspend dev-3 --dry-run");
    assert_eq!(document["dry_run"], true);
    assert_eq!(document["certificates"][0]["changed"], true);
    assert_eq!(document["crls"].as_array().unwrap().len(), 0);
    assert_eq!(statuses(&factory), ["active"; 5]);
}

#[test]
fn single_ids_and_serial_numbers_never_ask() {
    let factory = recalled();
    let serial = factory.json("show dev-3")["certificates"][0]["serial"].as_str().unwrap().to_owned();
    // What a file would revoke is known when it has been registered, which a rehearsal does not do.
    factory.run("revoke --cert fleet/images/dev-1.bin --dry-run").exited(2).says("--dry-run");
    factory.run("revoke dev-1 dev-2").succeeded();
    factory.run(&format!("suspend --serial {serial}")).succeeded();
    factory.run("resume dev-3").succeeded();
}

#[test]
fn work_orders_that_look_alike_are_named_and_an_unknown_one_is_told_the_nearest() {
    let factory = recalled();
    let output = factory.run("revoke --batch WO-1 --dry-run").succeeded();
    output
        .says("work order \"wo-1\" with 1 device(s) is another one")
        .says("work order \"WO\u{2013}1\" with 1 device(s)");
    factory
        .run("revoke --batch WO-100 --yes")
        .exited(4)
        .says("unknown: work order WO-100; the nearest is \"WO-10\"");
    factory.run("revoke --batch Wo-10 --dry-run").exited(4).says("the nearest is \"WO-10\"");
    let output = factory.run("revoke --batch zzzz --yes").exited(4).says("unknown: work order zzzz");
    assert!(!output.stderr.contains("nearest"), "{}", output.stderr);
    let blank = factory.command("revoke --yes --batch").arg("\u{a0} ").output().unwrap();
    assert_eq!(blank.status.code(), Some(2));
}

#[test]
fn at_a_terminal_a_person_is_asked() {
    let factory = recalled();
    let program = env!("CARGO_BIN_EXE_countersign-provision");
    // `script` gives the program a terminal; the answer is typed into it.
    let at_terminal = |answer: &str| {
        let line = format!("printf '{answer}\\n' | script -qec '{program} revoke --batch WO-1' /dev/null");
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &line])
            .current_dir(factory.path(""))
            .env("COUNTERSIGN_PASSPHRASE", crate::factory::PASSPHRASE);
        let output = shell.output().expect("script (Debian's bsdutils) is installed");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = at_terminal("n");
    assert!(said.contains("go on? [y/N]"), "{said}");
    assert_eq!((code, statuses(&factory)[0].as_str()), (Some(2), "active"), "{said}");
    let (code, said) = at_terminal("y");
    assert_eq!((code, statuses(&factory)[0].as_str()), (Some(0), "revoked"), "{said}");
}
