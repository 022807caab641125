//! Names that the fleet's own programs go by.

use crate::factory::Factory;

#[test]
fn no_new_device_gets_a_name_that_the_fleets_own_programs_need() {
    let factory = Factory::new();
    for (name, words) in [
        ("provisioning", "provisioning is the name of the service that renews certificates, and no device's"),
        ("Provisioning", "Provisioning is the name of the service"),
        ("unverified-0123456789abcdef", "what the broker calls a client that has proven nothing"),
        ("anonymous-0123456789ABCDEF", "what the broker calls a client that has proven nothing"),
    ] {
        factory.run(&format!("issue {name}")).exited(3).says(words);
        factory.run(&format!("issue pump {name}")).exited(3).says(words);
        factory.write("order.csv", format!("device_id\npump\n{name}\n"));
        factory.run("issue --order order.csv").exited(3).says("line 3: ").says(words);
        factory.request("own", name, "");
        factory.run("sign --csr own.csr").exited(3).says(words);
        factory.run(&format!("sign --csr own.csr --device-id {name}")).exited(3).says(words);
    }
    assert!(factory.json("list").as_array().unwrap().is_empty());
    factory.write("order.csv", "device_id\nprovisioning\npump\nanonymous-0000000000000000\n");
    factory
        .run("issue --order order.csv")
        .exited(3)
        .says("2 names that no device gets")
        .says("line 4: anonymous-0");
    // Names that only look like them, and the service itself.
    factory.run("issue provisioning-2 unverified anonymous-pump anonymous-0123456789abcdeg").succeeded();
    factory.run("service provisioning").succeeded();
}

#[test]
fn a_device_that_has_such_a_name_from_before_stays_and_is_warned_of() {
    let factory = Factory::new();
    factory.write("order.csv", "device_id\nprovisioninG-\n");
    factory.run("issue --order order.csv").succeeded();
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    registry
        .execute_batch(
            "PRAGMA foreign_keys = OFF; UPDATE identity SET name = 'provisioning'; \
             UPDATE device SET device_id = 'provisioning'; UPDATE certificate SET identity = 'provisioning' \
             WHERE identity IS NOT NULL",
        )
        .unwrap();
    drop(registry);
    let warning = "warning: provisioning is the name of the service that renews certificates";
    factory.run("issue other").succeeded().says(warning);
    factory.run("issue provisioning").exited(5).says("registered already").says(warning);
    factory.run("suspend provisioning").succeeded();
    factory.run("resume provisioning").succeeded();
    factory.run("revoke provisioning").succeeded();
}
