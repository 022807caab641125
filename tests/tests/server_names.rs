//! Several servers at one address, told apart by the name that a client asks for.

#![forbid(unsafe_code)]

use std::fs;
use std::net::TcpStream;

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::peer::Peer;
use integration_tests::program::{Programs, run};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const POLICIES: &str = r#"
[[policy]]
name = "not-by-the-alias"
match = { trust = "device-ca", server-name = "alias.example" }
action = "deny"

[[policy]]
name = "everybody"
match = { verdict = ["SUCCESS", "NONE"] }
action = "allow"
"#;

fn listener(directory: &str, names: &str, trust: &str) -> String {
    format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n{names}\nserver-cert = \"{directory}/cert.pem\"\n\
         server-key = \"{directory}/key.pem\"\n[[listener.trust]]\nname = \"{trust}\"\n\
         anchors = [\"{trust}/issuing.pem\"]\ncrl = [\"crl/{trust}.crl\"]\n"
    )
}

/// A certificate for these hosts, in a directory of its own.
fn certificate_for(fleet: &Fleet, hosts: &str, directory: &str) {
    assert_eq!(fleet.provision(&["broker-cert", "--only", "--host", hosts]).code, 0, "{hosts}");
    fs::create_dir(fleet.file(directory)).expect("a directory");
    for file in ["cert.pem", "key.pem"] {
        fs::copy(fleet.file(&format!("broker/{file}")), fleet.file(&format!("{directory}/{file}")))
            .expect("a copy");
    }
}

fn fleet(default: &str) -> (Fleet, Credential, Credential) {
    let fleet = Fleet::new(PROGRAMS);
    let (device, service) = (fleet.device("dev-1"), fleet.service("backend"));
    // The default is asked for by an address, too.
    certificate_for(&fleet, "fleet.example,alias.example,127.0.0.1", "fleet");
    certificate_for(&fleet, "office.example,127.0.0.1", "office");
    certificate_for(&fleet, "open.example", "open");
    let names = format!("server-names = [\"fleet.example\", \"alias.example\"]\n{default}");
    let text = listener("fleet", &names, "device-ca")
        + &listener("office", "server-names = \"Office.Example\"", "service-ca")
        + &listener("open", "server-names = \"open.example\"\nmode = \"permissive\"", "service-ca")
        + POLICIES;
    fs::write(fleet.file("broker.toml"), text).expect("a configuration");
    (fleet, device, service)
}

/// What becomes of a client, in a word or two.
fn outcome(heard: &Result<(Client, Heard), Heard>) -> String {
    match heard {
        Ok((_, Heard::Packet(packet))) if packet.is(Kind::ConnAck) => match packet.reason_code() {
            0 => "in".to_owned(),
            _ => "connack".to_owned(),
        },
        Ok((_, Heard::Alert(alert))) | Err(Heard::Alert(alert)) => format!("{alert:?}"),
        Ok((_, other)) | Err(other) => format!("{other:?}"),
    }
}

fn attempt(broker: &Broker, server: &'static str, tls: &Tls, id: &str) -> Result<(Client, Heard), Heard> {
    let socket = TcpStream::connect(broker.address()).expect("the broker accepts connections");
    let mut client = Client::dial_for(server, socket, tls, Version::V5)?;
    let heard = client.ask(&Connect::new(Version::V5, id));
    Ok((client, heard))
}

/// By hand: what each client meets under each name. The set of trusts is that of the name, and never the union.
const WANTED: [(&str, &str, [&str; 3]); 6] = [
    // asked for, certificate shown, then: device, service, nobody
    ("fleet.example", "fleet", ["in", "UnknownCA", "CertificateRequired"]),
    ("alias.example", "fleet", ["connack", "UnknownCA", "CertificateRequired"]),
    ("office.example", "office", ["UnknownCA", "in", "CertificateRequired"]),
    ("open.example", "open", ["connack", "in", "in"]),
    ("elsewhere.example", "", ["UnrecognisedName"; 3]),
    // No name is sent with an address.
    ("127.0.0.1", "fleet", ["in", "UnknownCA", "CertificateRequired"]),
];

#[test]
fn each_name_has_its_own_certificate_and_trusts_and_no_other_name_any() {
    let (fleet, device, service) = fleet("default-server-name = \"fleet.example\"");
    let broker = Broker::start(&fleet);
    let shown = |directory: &str| {
        let pem = fs::read(fleet.file(&format!("{directory}/cert.pem"))).expect("a file");
        rustls_pki_types::pem::PemObject::from_pem_slice(&pem).expect("a certificate")
    };
    for (server, certificate, wanted) in WANTED {
        let clients = [
            (Tls::new(&fleet, Some(&device)), "dev-1", Some(&device)),
            (Tls::new(&fleet, Some(&service)), "backend", Some(&service)),
            (Tls::new(&fleet, None), "", None),
        ];
        for ((tls, id, credential), wanted) in clients.into_iter().zip(wanted) {
            let heard = attempt(&broker, server, &tls, id);
            assert_eq!(outcome(&heard), wanted, "{server} by {id:?}");
            if let Ok((client, _)) = &heard {
                let seen: rustls_pki_types::CertificateDer<'static> = shown(certificate);
                assert_eq!(client.broker_certificate(), seen, "{server}");
            }
            // `explain` says the same, by the files and by the running broker.
            let mut args = vec!["--json"];
            let file =
                credential.map(|credential| credential.certificate.to_str().expect("UTF-8").to_owned());
            match &file {
                Some(file) => args.extend(["--cert", file]),
                None => args.push("--no-certificate"),
            }
            if server != "127.0.0.1" {
                args.extend(["--server-name", server]);
            } else {
                args.extend(["--server-name", "fleet.example"]);
            }
            let explained = operate(&fleet, "explain", &args).json();
            assert_eq!(explained["allowed"], wanted == "in", "{server} by {id:?}: {explained}");
            assert_eq!(explained["running"]["allowed"], wanted == "in", "{server} by {id:?}: {explained}");
        }
    }
    let status = operate(&fleet, "status", &["--json"]).json();
    let addresses: Vec<_> =
        status["listeners"].as_array().expect("listeners").iter().map(|one| &one["address"]).collect();
    assert!(addresses.iter().all(|address| **address == broker.address().to_string()), "{addresses:?}");
    assert_eq!(status["listeners"][1]["server_names"][0], "office.example");
    assert_eq!(status["counters"]["server_names_refused"], 3);
}

#[test]
fn without_a_default_nobody_gets_in_who_names_nobody() {
    let (fleet, device, _) = fleet("");
    let broker = Broker::start(&fleet);
    let tls = Tls::new(&fleet, Some(&device));
    assert_eq!(outcome(&attempt(&broker, "127.0.0.1", &tls, "dev-1")), "UnrecognisedName");
    assert_eq!(outcome(&attempt(&broker, "fleet.example", &tls, "dev-1")), "in");
    // OpenSSL reads the alert that this house wrote, with either version.
    let openssl = Peer::openssl().expect("openssl is installed");
    for args in [
        &["-noservername"][..],
        &["-servername", "elsewhere.example"],
        &["-servername", "elsewhere.example", "-tls1_2"],
    ] {
        let address = broker.address().to_string();
        let said = run(openssl.command().args(["s_client", "-connect", &address]).args(args));
        assert!(said.stderr.contains("unrecognized name"), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn listeners_that_clients_could_not_tell_apart_are_refused() {
    let (fleet, ..) = fleet("");
    let text = fs::read_to_string(fleet.file("broker.toml")).expect("a configuration");
    for (replace, with, complaint) in [
        ("\"open.example\"", "\"office.example\"", "is called office.example, too"),
        ("\"open.example\"", "[\"open.example\", \"OPEN.example\"]", "stands there twice"),
        ("\"open.example\"", "\"*.example\"", "wildcard"),
        ("\"open.example\"", "\"192.0.2.1\"", "send no name"),
        ("\"open.example\"", "[]", "asked for by nobody"),
        ("\"open.example\"", "\"open.example\"\nproxy = [\"127.0.0.7\"]", "proxy of this one differs"),
        (
            "\"open.example\"",
            "\"open.example\"\ndefault-server-name = \"other.example\"",
            "none of this listener's",
        ),
        (
            "server-name = \"alias.example\"",
            "server-name = \"alais.example\"",
            "did you mean \"alias.example\"",
        ),
    ] {
        assert!(text.contains(replace), "{replace}");
        fs::write(fleet.file("broker.toml"), text.replace(replace, with)).expect("a configuration");
        let checked = operate(&fleet, "check", &[]);
        assert_eq!(checked.code, 3, "{with}: {}", checked.stderr);
        assert!(checked.stderr.contains(complaint), "{with}: {}", checked.stderr);
    }
    // Without names, two cannot be at one port.
    let two = text.replace("server-names = \"Office.Example\"", "").replace("127.0.0.1:0", "127.0.0.1:18883");
    fs::write(fleet.file("broker.toml"), two).expect("a configuration");
    let checked = operate(&fleet, "check", &[]);
    assert!(checked.code == 3 && checked.stderr.contains("two listeners are at"), "{}", checked.stderr);
    // A certificate that does not name its server is pointed out.
    fs::write(fleet.file("broker.toml"), text.replace("\"open.example\"", "\"closed.example\""))
        .expect("a configuration");
    let checked = operate(&fleet, "check", &[]);
    assert!(
        checked.stdout.contains("clients that ask for closed.example refuse the certificate"),
        "{}",
        checked.stdout
    );
}
