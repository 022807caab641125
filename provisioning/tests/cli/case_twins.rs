//! Names that differ in the case of their letters alone.

use crate::factory::Factory;

#[test]
fn a_new_name_that_differs_in_case_alone_is_a_conflict_wherever_the_other_one_is() {
    let factory = Factory::new();
    factory.run("issue Pump-1").succeeded();
    factory.run("service historian").succeeded();
    factory.request("own", "x", "");
    factory.write("order.csv", "device_id\nvalve-1\nVALVE-1\nvAlve-1\n");
    factory.write("other.csv", "device_id\nvalve-2\nPUMP-1\n");
    for (command, words) in [
        ("issue pump-1", "pump-1 differs from Pump-1 in case alone, and Pump-1 is registered"),
        ("issue valve-1 Valve-1", "Valve-1 differs from valve-1 in case alone, and valve-1 is named too"),
        ("issue --order order.csv", "vAlve-1 differs from VALVE-1 in case alone"),
        ("issue --order other.csv", "PUMP-1 differs from Pump-1 in case alone, and Pump-1 is registered"),
        ("issue Historian", "Historian differs from historian in case alone"),
        ("service HISTORIAN", "HISTORIAN differs from historian in case alone"),
        ("service pUMP-1", "pUMP-1 differs from Pump-1 in case alone"),
        ("sign --csr own.csr --device-id PuMP-1", "PuMP-1 differs from Pump-1 in case alone"),
    ] {
        factory.run(command).exited(5).says(words);
    }
    assert_eq!(factory.files("fleet/images"), ["Pump-1.bin"]);
    assert_eq!(factory.json("list").as_array().unwrap().len(), 1);
    factory.run("issue pump-11 pump_1").succeeded();
}

#[test]
fn names_that_are_registered_already_go_on_and_are_named_exactly() {
    let factory = Factory::new();
    factory.write("order.csv", "device_id\nPump-1\n");
    factory.run("issue --order order.csv").succeeded();
    // As an earlier version allowed it.
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    registry.execute("INSERT INTO identity (name, kind) VALUES ('pump-1', 'service')", []).unwrap();
    drop(registry);
    factory.run("issue --order order.csv").succeeded();
    factory.run("service pump-1 --renew").succeeded();
    factory.run("show PUMP-1").exited(4);
    factory.run("issue PUMP-1").exited(5).says("PUMP-1 differs from");
}
