//! The drawing of the house.

/// One package of the house.
pub(crate) struct Drawn {
    pub(crate) name: &'static str,
    /// The packages of this repository that it imports.
    pub(crate) imports: &'static [&'static str],
    pub(crate) rooms: Layers,
}

/// The top modules of a package.
#[derive(Clone, Copy)]
pub(crate) enum Layers {
    /// From the ground up: a module imports from those before it.
    Drawn(&'static [&'static str]),
    /// It has too few to draw.
    Undrawn,
}

use Layers::{Drawn as Rooms, Undrawn};

/// Every package of the workspace.
pub(crate) const PACKAGES: &[Drawn] = &[
    // The ground floor.
    Drawn { name: "device-identity", imports: &[], rooms: Undrawn },
    Drawn { name: "certificate-path", imports: &[], rooms: Undrawn },
    // Rooms, which never import each other.
    Drawn { name: "countersign-agent", imports: &["certificate-path", "device-identity"], rooms: Undrawn },
    Drawn { name: "provisioning", imports: &["device-identity"], rooms: Undrawn },
    Drawn {
        name: "authenticator",
        imports: &["certificate-path", "device-identity"],
        rooms: Rooms(&[
            "reason",
            "verdict",
            "origin",
            "brace_template",
            "certificate",
            "trust",
            "ocsp",
            "identity",
            "factor",
            "policy",
            "http",
            "record",
            "evidence",
            "ruleset",
            "decide",
        ]),
    },
    Drawn { name: "second-factor", imports: &["authenticator", "device-identity"], rooms: Undrawn },
    Drawn {
        name: "broker-rules",
        imports: &["authenticator", "device-identity", "second-factor"],
        rooms: Rooms(&[
            "clock",
            "certificate_text",
            "audit",
            "store",
            "factors",
            "config",
            "state_directory",
            "watch",
            "explanation",
            "protocol",
            "admin_socket",
        ]),
    },
    Drawn {
        name: "mqtt",
        imports: &[],
        rooms: Rooms(&[
            "count",
            "limits",
            "transport",
            "frame",
            "strict",
            "wire",
            "reader",
            "writer",
            "connection",
        ]),
    },
    Drawn { name: "fetch", imports: &[], rooms: Undrawn },
    Drawn {
        name: "embedded",
        imports: &["authenticator", "device-identity", "mqtt"],
        rooms: Rooms(&["limits", "recheck", "bus", "engine", "admitted_client", "session"]),
    },
    Drawn {
        name: "mosquitto-plugin",
        imports: &["authenticator"],
        rooms: Rooms(&[
            "api",
            "log",
            "options",
            "panic_place",
            "client",
            "callbacks",
            "deny_all",
            "plugin",
            "boundary",
            "sessions",
            "gate",
        ]),
    },
    Drawn {
        name: "countersign-mosquitto",
        imports: &["authenticator", "broker-rules", "mosquitto-plugin"],
        rooms: Undrawn,
    },
    Drawn {
        name: "broker-auth",
        imports: &[
            "authenticator",
            "broker-rules",
            "device-identity",
            "embedded",
            "fetch",
            "mqtt",
            "second-factor",
        ],
        rooms: Rooms(&[
            "exit",
            "counters",
            "audit",
            "recheck",
            "evidence",
            "transport",
            "reload",
            "gate",
            "http",
            "listener",
            "config",
            "descriptors",
            "threads",
            "fetches",
            "reconfigure",
            "admin",
            "start_error",
            "broker",
            "args",
            "command",
            "cli",
        ]),
    },
    // The roof: nobody imports these.
    Drawn {
        name: "firmware-sim",
        imports: &["broker-auth", "countersign-agent", "device-identity", "provisioning"],
        rooms: Undrawn,
    },
    Drawn { name: "firmware-cortex-m", imports: &["countersign-agent"], rooms: Undrawn },
    Drawn {
        name: "integration-tests",
        imports: &["broker-auth", "countersign-agent", "firmware-sim", "load", "provisioning"],
        rooms: Undrawn,
    },
    // For tests.
    Drawn { name: "adversary", imports: &["device-identity"], rooms: Undrawn },
    Drawn { name: "load", imports: &[], rooms: Undrawn },
    Drawn { name: "test-plugin", imports: &["authenticator", "mosquitto-plugin"], rooms: Undrawn },
    Drawn {
        name: "fuzz",
        imports: &["adversary", "countersign-agent", "device-identity", "embedded"],
        rooms: Undrawn,
    },
];

/// Packages that nobody imports, and that may import test packages.
pub(crate) const ROOF: &[&str] = &["firmware-sim", "firmware-cortex-m", "integration-tests", "fuzz"];

/// Packages that only tests import.
pub(crate) const TEST_PACKAGES: &[&str] = &["adversary", "load", "test-plugin"];

/// Files with `unsafe` in them, and why it is there. Everything else has none.
pub(crate) const UNSAFE: &[(&str, &str)] = &[
    ("broker-auth/mosquitto-plugin/src/api.rs", "functions of mosquitto and libcrypto are declared"),
    (
        "broker-auth/mosquitto-plugin/src/boundary.rs",
        "mosquitto calls, and is called: pointers in, values out",
    ),
    ("broker-auth/mosquitto-plugin/src/boundary/client.rs", "a client and its certificate, by pointers"),
    ("broker-auth/mosquitto-plugin/src/boundary/heap.rs", "memory is given and taken back"),
    ("broker-auth/mosquitto-plugin/src/boundary/text.rs", "texts of C, by pointers"),
    ("broker-auth/mosquitto-plugin/src/boundary/tests.rs", "the boundary is called as mosquitto does"),
    (
        "broker-auth/mosquitto-plugin/src/boundary/tests/fake_mosquitto.rs",
        "a mosquitto for the test of the boundary",
    ),
    ("broker-auth/mosquitto-plugin/src/lib.rs", "the macro that exports what mosquitto looks for"),
    (
        "firmware-sim/cortex-m/src/bin/crypto-check/fault.rs",
        "a handler of faults, which may interrupt anything",
    ),
];

/// Foreign packages with sharp edges, and who may name them.
pub(crate) const FOREIGN: &[(&str, &[&str])] = &[
    ("rumqttd", &["embedded"]),
    ("rmqtt-codec", &["mqtt"]),
    ("rumqttc", &["countersign-agent"]),
    ("embedded-tls", &["countersign-agent"]),
    ("rusqlite", &["provisioning"]),
    ("x509-parser", &["authenticator", "certificate-path", "countersign-agent", "provisioning"]),
];

/// A package that is values and pure functions.
pub(crate) struct Pure {
    pub(crate) package: &'static str,
    /// Packages that it may not depend on, through others either.
    pub(crate) packages: &'static [&'static str],
    /// Paths that its sources may not name.
    pub(crate) paths: &'static [&'static str],
}

pub(crate) const PURE: &[Pure] = &[
    Pure { package: "authenticator", packages: IMPURE_PACKAGES, paths: IMPURE_PATHS },
    Pure { package: "second-factor", packages: IMPURE_PACKAGES, paths: IMPURE_PATHS },
    Pure { package: "certificate-path", packages: IMPURE_PACKAGES, paths: IMPURE_PATHS },
];

/// Packages that are for any host, and what a host brings itself: they may not depend on it, through others either.
pub(crate) const FOR_ANY_HOST: &[(&str, &[&str])] =
    &[("broker-rules", BROUGHT_BY_HOSTS), ("countersign-mosquitto", BROUGHT_BY_HOSTS)];

/// A runtime, TLS, command lines, connections.
const BROUGHT_BY_HOSTS: &[&str] = &[
    "tokio",
    "rustls",
    "tokio-rustls",
    "hyper",
    "clap",
    "tracing-subscriber",
    "broker-auth",
    "embedded",
    "fetch",
    "mqtt",
];

const IMPURE_PACKAGES: &[&str] =
    &["tokio", "rustls", "tokio-rustls", "clap", "tracing", "rand", "rumqttd", "rmqtt-codec"];

const IMPURE_PATHS: &[&str] = &[
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime",
    "Instant",
    "UnixTime::now",
    "ring::rand",
];

/// Files that import each other, and why they may.
pub(crate) struct Circle {
    pub(crate) package: &'static str,
    /// Below the package's `src`.
    pub(crate) files: &'static [&'static str],
    pub(crate) reason: &'static str,
}

pub(crate) const CIRCLES: &[Circle] = &[
    Circle {
        package: "adversary",
        files: &["forge.rs", "pki.rs"],
        reason: "what is forged begins as an honest CA's, which signs with the same few lines of DER",
    },
    Circle {
        package: "integration-tests",
        files: &["torture/incoming.rs", "torture/model.rs"],
        reason: "the model holds the incoming messages, and what it makes of them is an impl of it",
    },
];
