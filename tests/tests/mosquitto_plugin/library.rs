//! The library itself: whatever the configuration says, nobody gets in, and the log says why.

use integration_tests::mqtt::{Connect, Version};

use crate::site::Site;

#[test]
fn nobody_gets_in_without_rules_and_the_log_says_why() {
    let config = |path: &str| format!("plugin_opt_config {path}\n");
    let twice = format!("{}{}", config("/a"), config("/b"));
    for (options, reason) in [
        (String::new(), "has no `plugin_opt_config`"),
        (config("/nowhere/broker.toml"), "/nowhere/broker.toml: No such file"),
        (twice, "has `plugin_opt_config` twice"),
        (config("FLEET/broker.toml"), "broker.toml: this version of the plugin cannot read its rules yet"),
    ] {
        let Some(mut site) =
            Site::with_library(|fleet| options.replace("FLEET", &fleet.directory().display().to_string()))
        else {
            return;
        };
        site.wait_for("countersign: nobody gets in: ", 1);
        assert!(site.log().contains(reason), "{reason}\n{}", site.log());
        for version in Version::ALL {
            site.refused(&site.device, &Connect::new(version, "dev-1"));
        }
        site.mosquitto.reload();
        site.settle();
        site.refused(&site.device, &Connect::new(Version::V5, "dev-1"));
        assert!(site.mosquitto.is_running());
        assert!(site.mosquitto.end().success());
    }
}
