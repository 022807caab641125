//! OpenSSL as the other judge: it makes a PKI that we read, and agrees with us on what ours is worth.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use authenticator::reason::Reason;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::pki::{Ca, Client, DAY, Fleet, TODAY, client_params, crl_pem, date};

pub(crate) fn openssl(directory: &Path, arguments: &[&str]) -> Output {
    Command::new("openssl").current_dir(directory).args(arguments).output().expect("openssl is installed")
}

pub(crate) fn openssl_ok(directory: &Path, arguments: &[&str]) {
    let output = openssl(directory, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {}: {complaint}", arguments.join(" "));
}

/// Whether `openssl verify` takes the client at `time`, and what it says.
fn openssl_verdict(fleet: &Fleet, client: &Client, time: u64) -> (bool, String) {
    fleet.write("leaf.der", client.der.as_ref());
    openssl_ok(fleet.directory.path(), &["x509", "-in", "leaf.der", "-inform", "DER", "-out", "leaf.pem"]);
    let time = time.to_string();
    let output = openssl(
        fleet.directory.path(),
        &[
            "verify",
            "-partial_chain",
            "-x509_strict",
            "-purpose",
            "sslclient",
            "-attime",
            &time,
            "-crl_check",
            "-CAfile",
            "ca.pem",
            "-CRLfile",
            "ca.crl",
            "leaf.pem",
        ],
    );
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn openssl_and_explain_agree_on_good_revoked_expired_and_foreign_certificates() {
    let fleet = Fleet::new();
    let issue = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let mut params = client_params("pump-1", 1);
        change(&mut params);
        fleet.ca.client_with(params)
    };
    let revoked = [(66, None), (67, Some(rcgen::RevocationReason::CertificateHold))];
    fleet.publish(crl_pem(&fleet.ca.crl(11, &revoked)));
    let cases = [
        ("good", issue(&|_| {}), None, ""),
        (
            "revoked",
            issue(&|params| params.serial_number = Some(66.into())),
            Some(Reason::Revoked),
            "revoked",
        ),
        (
            "on hold",
            issue(&|params| params.serial_number = Some(67.into())),
            Some(Reason::Suspended),
            "revoked",
        ),
        ("expired", issue(&|params| params.not_after = date(TODAY - 1)), Some(Reason::Expired), "expired"),
        (
            "not yet valid",
            issue(&|params| params.not_before = date(TODAY + 1)),
            Some(Reason::NotYetValid),
            "not yet valid",
        ),
        ("foreign", Ca::root("Somebody Else").client("pump-1", 1), Some(Reason::UnknownCa), "unable to get"),
        (
            "for servers",
            issue(&|params| {
                params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
            }),
            Some(Reason::WrongUsage),
            "unsuitable certificate purpose",
        ),
    ];
    for (name, client, reason, complaint) in &cases {
        let (taken, said) = openssl_verdict(&fleet, client, TODAY);
        assert_eq!(taken, reason.is_none(), "{name}: openssl says {said}");
        assert!(said.contains(complaint), "{name}: openssl says {said}");
        assert_eq!(fleet.reason(client), *reason, "{name}");
    }
    // An overdue list: openssl refuses at once, we after the grace.
    let good = &cases[0].1;
    let (taken, said) = openssl_verdict(&fleet, good, TODAY + 9 * DAY);
    assert!(!taken && said.contains("CRL has expired"), "{said}");
    fleet.clock.set(TODAY + 9 * DAY);
    assert_eq!(fleet.reason(good), Some(Reason::StaleCrl));
}

const OPENSSL_CONFIG: &str = "
[ca]
default_ca = fleet
[fleet]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 7
crl_extensions = crl_extensions
[crl_extensions]
authorityKeyIdentifier = keyid
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[server]
extendedKeyUsage = serverAuth
keyUsage = critical,digitalSignature
";

/// A CA and three clients made by OpenSSL, as a fleet that existed before us would have them.
fn openssl_fleet(key: &[&str]) -> Fleet {
    let fleet = Fleet::unloaded();
    let directory = fleet.directory.path();
    fleet.write("openssl.cnf", OPENSSL_CONFIG);
    fleet.write("index.txt", "");
    fleet.write("crlnumber", "1000\n");
    let generate = |name: &str| {
        let out = format!("{name}.key");
        openssl_ok(directory, &[&["genpkey", "-out", &out], key].concat());
    };
    generate("ca");
    openssl_ok(
        directory,
        &[
            "req",
            "-x509",
            "-config",
            "openssl.cnf",
            "-extensions",
            "root",
            "-key",
            "ca.key",
            "-days",
            "30",
            "-subj",
            "/O=Acme/OU=Devices/OU=Hall 3/CN=Acme Device CA",
            "-out",
            "ca.pem",
        ],
    );
    for (name, serial, extensions) in
        [("good", "0x41", "client"), ("bad", "0x00f1", "client"), ("server", "0x43", "server")]
    {
        generate(name);
        let (key, csr, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let subject = format!("/O=Acme/CN={name}");
        openssl_ok(
            directory,
            &["req", "-new", "-config", "openssl.cnf", "-key", &key, "-subj", &subject, "-out", &csr],
        );
        openssl_ok(
            directory,
            &[
                "x509",
                "-req",
                "-in",
                &csr,
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-set_serial",
                serial,
                "-days",
                "10",
                "-extfile",
                "openssl.cnf",
                "-extensions",
                extensions,
                "-out",
                &pem,
            ],
        );
    }
    openssl_ok(
        directory,
        &[
            "ca",
            "-config",
            "openssl.cnf",
            "-cert",
            "ca.pem",
            "-keyfile",
            "ca.key",
            "-gencrl",
            "-out",
            "ca.crl",
        ],
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // Both clocks count whole seconds; a certificate made just now must have begun.
    fleet.clock.set(now + 2);
    fleet
}

#[test]
fn a_fleet_that_openssl_made_is_read_with_p256_p384_and_rsa_keys() {
    for key in [
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..],
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ] {
        let fleet = openssl_fleet(key);
        let directory = fleet.directory.path();
        let reason = |name: &str| {
            let leaf = CertificateDer::from_pem_file(directory.join(format!("{name}.pem"))).expect("PEM");
            fleet.verify(&[&leaf]).err().map(|refusal| (refusal.reason, refusal.evidence))
        };
        let report = fleet.load().unwrap_or_else(|error| panic!("{key:?}: {error}"));
        let number = report.trusts[0].crls[0].number.map(|number| number.to_string());
        assert_eq!(number, Some(0x1000.to_string()));
        assert_eq!(report.trusts[0].crls[0].entries, 0);
        assert_eq!(reason("good"), None, "{key:?}");
        assert_eq!(reason("bad"), None, "{key:?}");
        assert_eq!(reason("server").map(|(reason, _)| reason), Some(Reason::WrongUsage), "{key:?}");

        openssl_ok(
            directory,
            &[
                "ca",
                "-config",
                "openssl.cnf",
                "-cert",
                "ca.pem",
                "-keyfile",
                "ca.key",
                "-revoke",
                "bad.pem",
                "-crl_reason",
                "keyCompromise",
            ],
        );
        openssl_ok(
            directory,
            &[
                "ca",
                "-config",
                "openssl.cnf",
                "-cert",
                "ca.pem",
                "-keyfile",
                "ca.key",
                "-gencrl",
                "-out",
                "ca.crl",
            ],
        );
        let report = fleet.store.reload_crls();
        assert!(report.changed && report.refused.is_empty(), "{key:?}: {report:?}");
        let (word, evidence) = reason("bad").expect("revoked");
        assert_eq!(word, Reason::Revoked);
        assert!(evidence.contains("keyCompromise") && evidence.contains("serial f1"), "{evidence}");
        assert_eq!(reason("good"), None, "{key:?}");
    }
}
