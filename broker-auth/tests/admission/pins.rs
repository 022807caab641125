//! Trusts that are narrowed down to some of the certificates that they could vouch for.

use authenticator::reason::Reason;
use authenticator::trust::{Pin, Pins};
use sha2_of::sha256_of_key;

use crate::pki::{Ca, Client, Fleet, ca_params};

/// OpenSSL says what the SHA-256 of a key is.
mod sha2_of {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use rustls_pki_types::CertificateDer;

    fn through(arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut openssl = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl is installed");
        openssl.stdin.take().expect("piped").write_all(input).expect("it reads");
        let output = openssl.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    }

    /// As people find it out: with the words of OpenSSL's documentation.
    pub(super) fn sha256_of_key(certificate: &CertificateDer<'_>) -> String {
        let key = through(&["x509", "-inform", "DER", "-pubkey", "-noout"], certificate);
        let der = through(&["pkey", "-pubin", "-outform", "DER"], &key);
        let line = String::from_utf8(through(&["dgst", "-sha256", "-c", "-hex"], &der)).expect("text");
        line.rsplit(' ').next().expect("a digest").trim().to_owned()
    }
}

fn pin(key: &str, value: &str) -> Pin {
    match key {
        "cert" => Pin::Certificate(value.parse().expect("a fingerprint")),
        "spki" => Pin::Key(value.parse().expect("a fingerprint")),
        issuer => Pin::Issued {
            issuer: issuer.parse().expect("a name"),
            serial: value.parse().expect("a serial number"),
        },
    }
}

#[test]
fn any_of_the_pins_lets_in_and_nothing_else_of_the_ca() {
    let mut fleet = Fleet::unloaded();
    let [one, two, three, four]: [Client; 4] =
        [1, 2, 3, 0x1234].map(|serial| fleet.ca.client("pump-1", serial));
    let fingerprint = |client: &Client| authenticator::certificate::Fingerprint::of(&client.der).to_string();
    fleet.trust.pins = Pins::from_iter([
        pin("cert", &fingerprint(&one).to_uppercase()),
        pin("spki", &sha256_of_key(&two.der)),
        pin("cn = Fleet Device CA", "12:34"),
        pin("CN=Somebody Else", "12:34"),
        pin("CN=Somebody Else", "03"),
    ]);
    fleet.load().expect("a trust");
    // The second time, the paths are known.
    for _ in 0..2 {
        for (client, reason) in [(&one, None), (&two, None), (&three, Some(Reason::NotPinned)), (&four, None)]
        {
            assert_eq!(fleet.reason(client), reason);
        }
    }
    let refusal = fleet.verify(&[&three.der]).expect_err("it is none of them");
    assert!(refusal.evidence.starts_with("serial 03 of "), "{}", refusal.evidence);
    // A pin proves nothing: whoever is pinned and revoked, or not of the CA, stays out.
    fleet.publish(fleet.ca.crl(11, &[(1, None)]));
    assert_eq!(fleet.reason(&one), Some(Reason::Revoked));
    let stranger = Ca::root("Fleet Device CA").client("pump-1", 0x1234);
    assert_eq!(fleet.reason(&stranger), Some(Reason::BadSignature));
}

#[test]
fn a_live_session_ends_when_its_pin_is_gone() {
    let mut fleet = Fleet::unloaded();
    let client = fleet.ca.client("pump-1", 1);
    fleet.load().expect("a trust");
    let admitted = fleet.admit(&client);
    for (pins, reason) in [
        (vec![pin("CN=Fleet Device CA", "01")], None),
        (vec![pin("CN=Fleet Device CA", "02")], Some(Reason::NotPinned)),
        (vec![pin("CN=Another CA", "01")], Some(Reason::NotPinned)),
        (vec![], None),
    ] {
        fleet.trust.pins = pins.iter().cloned().collect();
        fleet.load().expect("a trust");
        assert_eq!(fleet.recheck(&admitted).err().map(|refusal| refusal.reason), reason, "{pins:?}");
        assert_eq!(fleet.reason(&client), reason, "{pins:?}");
    }
}

#[test]
fn a_trust_may_be_narrowed_down_to_one_of_its_cas() {
    let mut fleet = Fleet::unloaded();
    let [issuing, other] = ["Issuing CA", "Other CA"].map(|name| fleet.ca.below(ca_params(name)));
    let both = format!("{}{}", issuing.certificate.pem(), other.certificate.pem());
    fleet.trust.intermediates = vec![fleet.write("issuing.pem", both)];
    for (name, ca) in [("issuing.crl", &issuing), ("other.crl", &other)] {
        fleet.trust.crl.push(fleet.write(name, ca.crl(1, &[])).into());
    }
    for (issuers, first, second) in [
        (vec![], None, None),
        (vec!["CN=Issuing CA"], None, Some(Reason::NotPinned)),
        (vec!["CN=Other CA"], Some(Reason::NotPinned), None),
        (vec!["CN=Issuing CA", "CN=Other CA"], None, None),
    ] {
        fleet.trust.issuers = issuers.iter().map(|name| name.parse().expect("a name")).collect();
        fleet.load().expect("a trust");
        let found = [&issuing, &other].map(|ca| fleet.reason(&ca.client("pump-1", 5)));
        assert_eq!(found, [first, second], "{issuers:?}");
    }
}

#[test]
fn a_chain_is_no_longer_than_depth() {
    let mut fleet = Fleet::unloaded();
    let issuing = fleet.ca.below(ca_params("Issuing CA"));
    let below = issuing.below(ca_params("CA below"));
    let both = format!("{}{}", issuing.certificate.pem(), below.certificate.pem());
    fleet.trust.intermediates = vec![fleet.write("intermediates.pem", both)];
    for (name, ca) in [("issuing.crl", &issuing), ("below.crl", &below)] {
        fleet.trust.crl.push(fleet.write(name, ca.crl(1, &[])).into());
    }
    fleet.load().expect("a trust");
    let clients = [&fleet.ca, &issuing, &below].map(|ca| ca.client("pump-1", 5));
    let admitted = fleet.admit(&clients[2]);
    for (depth, wanted) in [(None, 3), (Some(2), 3), (Some(1), 2), (Some(0), 1)] {
        fleet.trust.depth = depth;
        fleet.load().expect("a trust");
        for (length, client) in clients.iter().enumerate() {
            let reason = (length >= wanted).then_some(Reason::UnknownCa);
            assert_eq!(fleet.reason(client), reason, "{length} between, {depth:?} allowed");
        }
        let reason = (wanted < 3).then_some(Reason::UnknownCa);
        assert_eq!(fleet.recheck(&admitted).err().map(|refusal| refusal.reason), reason, "live, {depth:?}");
    }
}
