use super::*;

fn conf(text: &str) -> MosquittoConf {
    MosquittoConf::of(Path::new("mosquitto.conf"), &ConfFile::of_text(text))
}

/// Each was tried with mosquitto 2.0.11, which says on which ports it listens.
#[test]
fn the_default_listener_is_opened_by_what_mosquitto_opens_it_by() {
    for (line, is_opened) in [
        ("cafile /a", true),
        ("capath /a", true),
        ("certfile /a", true),
        ("keyfile /a", true),
        ("crlfile /a", true),
        ("ciphers x", true),
        ("ciphers_tls1.3 x", true),
        ("dhparamfile /a", true),
        ("psk_hint x", true),
        ("tls_engine x", true),
        ("require_certificate true", true),
        ("use_identity_as_username true", true),
        ("use_subject_as_username true", true),
        ("use_username_as_clientid true", true),
        ("max_connections 5", true),
        ("max_qos 1", true),
        ("bind_interface lo", true),
        ("bind_address 127.0.0.1", true),
        ("socket_domain ipv4", true),
        ("port 1884", true),
        ("require_certificate false", false),
        ("tls_version tlsv1.2", false),
        ("tls_keyform pem", false),
        ("protocol mqtt", false),
        ("http_dir /a", false),
        ("max_topic_alias 3", false),
        ("allow_anonymous true", false),
        ("acl_file /a", false),
    ] {
        let listeners = conf(&format!("{line}\nlistener 8883\n")).listeners;
        assert_eq!(listeners.len(), if is_opened { 2 } else { 1 }, "{line}");
    }
    assert_eq!(conf("listener 8883\nport 1884\n").listeners.len(), 2, "wherever it stands");
    assert!(conf("").listeners.iter().all(|listener| listener.opened_by.is_none()));
}

#[test]
fn what_is_set_is_set_for_the_listener_and_the_plugin_above_it_and_the_last_line_counts() {
    let text = "plugin a\nplugin_opt_config b\nlistener 1\nrequire_certificate true\nlistener 2\n\
                require_certificate true\nrequire_certificate false\nauth_plugin c\nauth_opt_config d\n";
    let whole = conf(text);
    let required: Vec<_> = whole
        .listeners
        .iter()
        .map(|listener| listener.settings.on("require_certificate").is_some())
        .collect();
    assert_eq!(required, [true, false]);
    let options: Vec<_> = whole
        .plugins
        .iter()
        .flat_map(|plugin| plugin.options.iter().map(|(name, line)| (name.as_str(), line.value.as_str())))
        .collect();
    assert_eq!(options, [("config", "b"), ("config", "d")]);
    for end in 0..text.len() {
        assert!(!conf(&text[..end]).listeners.is_empty(), "{end}");
    }
}
