//! Revocation lists that other tools made: OpenSSL makes and judges those that it can.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use authenticator::reason::Reason;
use authenticator::trust::{CrlCheck, CrlFault, CrlNumber, TrustError};
use broker_rules::clock::Clock;
use broker_rules::store::{CrlNumbers, LoadError, RulesetStore};
use rcgen::{CrlDistributionPoint, RevocationReason};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::judges::{openssl, openssl_ok};
use crate::pki::{Ca, Client, DAY, Fleet, TODAY, ca_params, client_params, crl_pem};
use crate::unusual_crl::{UnusualCrl, at, element, extension, idp};

const ONE: &str = "http://crl.example/1.crl";
const TWO: &str = "http://crl.example/2.crl";
const OTHER: &str = "ldap://crl.example/cn=Other";

fn revoking(serial: u8) -> UnusualCrl {
    UnusualCrl { entries: vec![(vec![serial], Vec::new())], ..UnusualCrl::default() }
}

/// The list of the distribution point with these fields; it revokes `serial`.
fn partition(fields: &[u8], serial: u8) -> UnusualCrl {
    UnusualCrl { extensions: idp(fields), ..revoking(serial) }
}

/// A CA whose private key only OpenSSL has, with an empty data base. `extensions` is the section of list extensions.
fn openssl_ca(numbered: bool, extensions: Option<&str>, point: &str) -> Fleet {
    let fleet = Fleet::unloaded();
    let number = if numbered { "crlnumber = crlnumber" } else { "" };
    let section = if extensions.is_some() { "crl_extensions = crl_extensions" } else { "" };
    let extensions = extensions.unwrap_or_default();
    let config = format!(
        "[ca]\ndefault_ca = fleet\n[fleet]\ndatabase = index.txt\ndefault_md = sha256\ndefault_crl_days = 7\n\
         {number}\n{section}\n[crl_extensions]\n{extensions}\n[point]\n{point}\n[req]\ndistinguished_name = name\n[name]\n\
         [root]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\n\
         subjectKeyIdentifier = hash\n[client]\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = clientAuth\n"
    );
    fleet.write("openssl.cnf", config);
    fleet.write("index.txt", "");
    fleet.write("crlnumber", "1000\n");
    let directory = fleet.directory.path();
    run(directory, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key");
    run(
        directory,
        "req -x509 -config openssl.cnf -extensions root -key ca.key -days 30 -subj /CN=Foreign -out ca.pem",
    );
    for (name, serial) in [("good", "0x41"), ("bad", "0xf1")] {
        run(directory, &format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"));
        run(
            directory,
            &format!("req -new -config openssl.cnf -key {name}.key -subj /CN={name} -out {name}.csr"),
        );
        run(
            directory,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -set_serial {serial} -days 10 -extfile openssl.cnf \
                 -extensions client -out {name}.pem"
            ),
        );
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    fleet.clock.set(now + 2);
    fleet
}

fn run(directory: &Path, arguments: &str) {
    openssl_ok(directory, &arguments.split(' ').collect::<Vec<_>>());
}

fn sign_list(fleet: &Fleet) {
    run(fleet.directory.path(), "ca -config openssl.cnf -cert ca.pem -keyfile ca.key -gencrl -out ca.crl");
}

fn reason(fleet: &Fleet, name: &str) -> Option<Reason> {
    let leaf = CertificateDer::from_pem_file(fleet.path(&format!("{name}.pem"))).expect("PEM");
    fleet.verify(&[&leaf]).err().map(|refusal| refusal.reason)
}

/// Whether OpenSSL lets the client in by that list.
fn openssl_lets_in(fleet: &Fleet, name: &str) -> bool {
    let directory = fleet.directory.path();
    run(directory, "crl -verify -in ca.crl -CAfile ca.pem -noout");
    let leaf = format!("{name}.pem");
    let arguments = ["verify", "-crl_check", "-CAfile", "ca.pem", "-CRLfile", "ca.crl", &leaf];
    openssl(directory, &arguments).status.success()
}

/// Old lists, and those of small CAs.
#[test]
fn complete_lists_without_a_number_or_extensions_are_taken_and_openssl_agrees() {
    for (kind, numbered, extensions, text) in [
        ("version 1", false, None, "Version 1"),
        ("version 2 without a number", false, Some("authorityKeyIdentifier = keyid"), "Version 2"),
        ("version 2 without extensions but a number", true, None, "CRL Number"),
        ("version 2 with both", true, Some("authorityKeyIdentifier = keyid"), "CRL Number"),
    ] {
        let fleet = openssl_ca(numbered, extensions, "");
        let directory = fleet.directory.path();
        sign_list(&fleet);
        let shown = openssl(directory, &["crl", "-in", "ca.crl", "-noout", "-text"]);
        assert!(String::from_utf8_lossy(&shown.stdout).contains(text), "{kind}");
        let report = fleet.load().unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(report.trusts[0].crls[0].number.is_some(), numbered, "{kind}");
        assert_eq!((reason(&fleet, "good"), reason(&fleet, "bad")), (None, None), "{kind}");
        run(directory, "ca -config openssl.cnf -cert ca.pem -keyfile ca.key -revoke bad.pem");
        sign_list(&fleet);
        let report = fleet.store.reload_crls();
        assert!(report.changed && report.refused.is_empty(), "{kind}: {report:?}");
        for name in ["good", "bad"] {
            assert_eq!(reason(&fleet, name).is_none(), openssl_lets_in(&fleet, name), "{kind}: {name}");
        }
        assert_eq!(reason(&fleet, "bad"), Some(Reason::Revoked), "{kind}");
    }
    // What OpenSSL's command line does not make: version 2 without any extension.
    let fleet = Fleet::new();
    let bare = UnusualCrl { number: None, this_update: TODAY + 1, ..revoking(1) };
    assert_eq!(fleet.publish(bare.signed_by(&fleet.ca)).refused, Vec::<String>::new());
    let refusal = fleet.verify(&[&fleet.ca.client("pump-1", 1).der]).expect_err("revoked");
    assert!(refusal.evidence.contains("CRL of 2030-01-01T00:00:01Z, without a number"), "{refusal}");
}

#[test]
fn a_list_of_version_1_has_no_extensions() {
    let fleet = Fleet::new();
    let old = || UnusualCrl { is_version_2: false, number: None, this_update: TODAY + 1, ..revoking(1) };
    let invalidity = extension(&[0x55, 0x1d, 0x18], false, &element(0x18, b"20291231000000Z"));
    let reason = extension(&[0x55, 0x1d, 0x15], false, &element(0x0a, &[1]));
    for (what, list) in [
        ("a number", UnusualCrl { number: Some(12), ..old() }),
        ("an unknown extension", UnusualCrl { extensions: extension(&[0x2a, 3], false, &[5, 0]), ..old() }),
        ("a reason", UnusualCrl { entries: vec![(vec![1], reason)], ..old() }),
        ("an invalidity date", UnusualCrl { entries: vec![(vec![1], invalidity)], ..old() }),
    ] {
        let report = fleet.publish(list.signed_by(&fleet.ca));
        assert!(report.refused[0].contains("in a list of version 1 was expected"), "{what}: {report:?}");
    }
    assert_eq!(fleet.publish(old().signed_by(&fleet.ca)).refused, Vec::<String>::new());
}

/// Each list is one that a real CA signs when it is set so; its fault and the help name the setting.
#[test]
fn lists_that_do_not_tell_all_are_refused_in_words_of_their_own() {
    let fleet = Fleet::new();
    let number = element(0x02, &[5]);
    let directory_name = element(0xa4, &element(0x30, &[]));
    let issuer_entry = extension(&[0x55, 0x1d, 0x1d], true, &element(0x30, &[]));
    let flag = |number: u8| element(0x80 | number, &[0xff]);
    let cases: Vec<(&str, UnusualCrl, &str, &str)> = vec![
        (
            "a delta",
            UnusualCrl { extensions: extension(&[0x55, 0x1d, 0x1b], true, &number), ..revoking(1) },
            "a delta CRL: it lists only what changed since the list with number 5",
            "Delta CRL period",
        ),
        (
            "a delta that does not say that it is critical",
            UnusualCrl { extensions: extension(&[0x55, 0x1d, 0x1b], false, &number), ..revoking(1) },
            "a delta CRL",
            "crl_extensions",
        ),
        ("an indirect list", partition(&flag(4), 1), "indirectCRL", "indirectCRL"),
        (
            "an entry of another CA",
            UnusualCrl { entries: vec![(vec![1], issuer_entry)], ..revoking(1) },
            "an entry names the issuer of its certificate",
            "each CA sign its own list",
        ),
        ("some reasons", partition(&element(0x83, &[1, 0x40]), 1), "onlySomeReasons", "onlysomereasons"),
        ("CAs", partition(&flag(2), 1), "onlyContainsCACerts", "onlyCA"),
        ("CAs at a URL", partition(&[at(ONE), flag(2)].concat(), 1), "onlyContainsCACerts", "onlyCA"),
        ("attribute certificates", partition(&flag(5), 1), "onlyContainsAttributeCerts", "onlyAA"),
        (
            "a relative name",
            partition(&element(0xa0, &element(0xa1, &[])), 1),
            "nameRelativeToCRLIssuer",
            "fullname = URI:",
        ),
        ("no URL", partition(&element(0xa0, &element(0xa0, &directory_name)), 1), "has no URL", "fullname"),
        (
            "a URL",
            partition(&at(ONE), 1),
            "it is the list of http://crl.example/1.crl",
            "crl-idp = [\"http://crl.example/1.crl\"]",
        ),
        (
            "no nextUpdate",
            UnusualCrl { next_update: None, ..revoking(1) },
            "has no nextUpdate",
            "default_crl_days",
        ),
        ("nothing narrowed down", partition(&[], 1), "an issuing distribution point was expected", ""),
        (
            "an unknown reason",
            UnusualCrl {
                entries: vec![(vec![1], extension(&[0x55, 0x1d, 0x15], false, &element(0x0a, &[7])))],
                ..revoking(1)
            },
            "a known reason code was expected",
            "",
        ),
    ];
    for (what, list, said, help) in cases {
        fleet.write("ca.crl", list.signed_by(&fleet.ca));
        let report = fleet.store.reload_crls();
        assert!(report.refused.len() == 1 && report.refused[0].contains(said), "{what}: {report:?}");
        assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), None, "{what}");
        let error = fleet.load().expect_err("it is refused");
        assert!(error.help().contains(help), "{what}: {}", error.help());
    }
}

/// What OpenSSL itself makes of such a configuration is recognised as what it is.
#[test]
fn lists_that_openssl_narrows_down_are_recognised() {
    for (point, said) in [
        ("indirectCRL = TRUE", "indirectCRL"),
        ("onlysomereasons = keyCompromise, CACompromise", "onlySomeReasons"),
        ("onlyCA = TRUE", "onlyContainsCACerts"),
        ("onlyAA = TRUE", "onlyContainsAttributeCerts"),
        ("relativename = relative\n[relative]\nCN = part", "nameRelativeToCRLIssuer"),
        ("fullname = URI:http://crl.example/1.crl", "it is the list of http://crl.example/1.crl"),
        ("onlyuser = TRUE", ""),
    ] {
        let fleet = openssl_ca(true, Some("issuingDistributionPoint = critical,@point"), point);
        sign_list(&fleet);
        match fleet.load() {
            Ok(_) => assert_eq!(said, "", "{point}"),
            Err(error) => assert!(!said.is_empty() && error.to_string().contains(said), "{point}: {error}"),
        }
    }
    let delta = openssl_ca(true, Some("2.5.29.27 = critical,ASN1:INTEGER:5"), "");
    sign_list(&delta);
    let error = delta.load().expect_err("a delta");
    assert!(error.to_string().contains("since the list with number 5"), "{error}");
}

#[test]
fn a_list_of_user_certificates_covers_leaves_and_no_chains() {
    for (check, taken) in [(CrlCheck::Leaf, true), (CrlCheck::Chain, false)] {
        let mut fleet = Fleet::unloaded();
        fleet.trust.crl_check = check;
        fleet.write("ca.crl", partition(&element(0x81, &[0xff]), 1).signed_by(&fleet.ca));
        match fleet.load() {
            Ok(_) => assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked)),
            Err(error) => assert!(error.to_string().contains("onlyContainsUserCerts"), "{error}"),
        }
        assert_eq!(fleet.load().is_ok(), taken, "{check:?}");
        // A reload of the configuration that asks for more than the list says changes nothing.
        fleet.trust.crl_check = CrlCheck::Chain;
        assert!(fleet.load().is_err(), "{check:?}");
        assert_eq!(fleet.reason(&fleet.ca.client("pump-2", 2)).is_none(), taken, "{check:?}");
    }
}

/// A client on the lists of these distribution points, if any.
fn client_of(ca: &Ca, serial: u64, points: &[&[&str]]) -> Client {
    let mut params = client_params("pump-1", serial);
    params.crl_distribution_points = points
        .iter()
        .map(|uris| CrlDistributionPoint { uris: uris.iter().map(|uri| (*uri).to_owned()).collect() })
        .collect();
    ca.client_with(params)
}

#[test]
fn the_lists_of_named_distribution_points_count_together_and_only_when_all_are_there() {
    let mut fleet = Fleet::unloaded();
    fleet.trust.crl = vec![fleet.path("ca.crl").into(), fleet.path("two.crl").into()];
    fleet.trust.crl_idp = vec![ONE.to_owned(), TWO.to_owned()];
    fleet.write("ca.crl", partition(&at(ONE), 1).signed_by(&fleet.ca));
    let again = UnusualCrl { number: Some(12), ..partition(&at(ONE), 1) };
    fleet.write("two.crl", again.signed_by(&fleet.ca));
    match fleet.load() {
        Err(LoadError::Trust(TrustError::NoDistributionPoint { url, .. })) => assert_eq!(url, TWO),
        other => panic!("a list is missing, and not {other:?}"),
    }
    fleet.write("two.crl", partition(&at(TWO), 2).signed_by(&fleet.ca));
    fleet.load().expect("all are there");
    for (what, client, reason, evidence) in [
        ("on the first", client_of(&fleet.ca, 1, &[&[ONE]]), Some(Reason::Revoked), ""),
        ("on the second", client_of(&fleet.ca, 2, &[&[TWO]]), Some(Reason::Revoked), ""),
        ("no point", client_of(&fleet.ca, 3, &[]), None, ""),
        ("a held point", client_of(&fleet.ca, 3, &[&[TWO]]), None, ""),
        ("one of two points is held", client_of(&fleet.ca, 3, &[&[OTHER], &[ONE]]), None, ""),
        ("one of two names is held", client_of(&fleet.ca, 3, &[&[OTHER, ONE]]), None, ""),
        (
            "another point",
            client_of(&fleet.ca, 3, &[&[OTHER]]),
            Some(Reason::StaleCrl),
            "names the list at ldap://crl.example/cn=Other, which this trust does not hold",
        ),
        (
            "another letter",
            client_of(&fleet.ca, 3, &[&["http://crl.example/1.CRL"]]),
            Some(Reason::StaleCrl),
            "names the list at http://crl.example/1.CRL",
        ),
    ] {
        // The second time, the path is known already.
        for _ in 0..2 {
            let refusal = fleet.verify(&[&client.der]).err();
            assert_eq!(refusal.as_ref().map(|refusal| refusal.reason), reason, "{what}");
            let said = refusal.map(|refusal| refusal.evidence).unwrap_or_default();
            assert!(said.contains(evidence), "{what}: {said}");
        }
    }
    // A complete list covers everything, whatever a certificate names.
    fleet.trust.crl.push(fleet.path("complete.crl").into());
    fleet.write("complete.crl", fleet.ca.crl(9, &[]));
    fleet.load().expect("more than needed");
    assert_eq!(fleet.reason(&client_of(&fleet.ca, 3, &[&[OTHER]])), None);
}

/// A CA may be on a list that is not here, too; where the certificates of CAs are checked, its clients are refused then.
#[test]
fn an_intermediate_that_names_a_list_elsewhere_is_found_wanting_where_the_chain_is_checked() {
    for (check, points, reason) in [
        (CrlCheck::Chain, &[][..], None),
        (CrlCheck::Chain, &[ONE], None),
        (CrlCheck::Chain, &[OTHER, ONE], None),
        (CrlCheck::Chain, &[OTHER], Some(Reason::StaleCrl)),
        (CrlCheck::Leaf, &[OTHER], None),
    ] {
        let mut fleet = Fleet::unloaded();
        let mut params = ca_params("Issuing CA");
        params.serial_number = Some(77.into());
        params.crl_distribution_points =
            points.iter().map(|uri| CrlDistributionPoint { uris: vec![(*uri).to_owned()] }).collect();
        let issuing = fleet.ca.below(params);
        fleet.trust.crl_check = check;
        fleet.trust.crl_idp = vec![ONE.to_owned()];
        fleet.write("ca.crl", partition(&at(ONE), 1).signed_by(&fleet.ca));
        fleet.trust.intermediates = vec![fleet.write("issuing.pem", issuing.certificate.pem())];
        fleet.trust.crl.push(fleet.write("issuing.crl", issuing.crl(1, &[])).into());
        fleet.load().expect("all lists are there");
        // The second time, the path is known already.
        for _ in 0..2 {
            let refusal = fleet.verify(&[&issuing.client("pump-1", 5).der]).err();
            let said = refusal.as_ref().map(|refusal| refusal.evidence.clone()).unwrap_or_default();
            assert_eq!(refusal.map(|refusal| refusal.reason), reason, "{check:?} {points:?}: {said}");
            assert_eq!(
                said.to_lowercase().contains("serial 4d: the certificate names"),
                reason.is_some(),
                "{said}"
            );
        }
    }
}

/// What one part has lost, no other part makes up for.
#[test]
fn the_list_of_one_distribution_point_is_not_taken_for_another() {
    let mut fleet = Fleet::unloaded();
    fleet.trust.crl_idp = vec![ONE.to_owned()];
    fleet.write("ca.crl", partition(&at(ONE), 1).signed_by(&fleet.ca));
    fleet.load().expect("all are there");
    for (what, fields) in [
        ("another URL", at(TWO)),
        ("a longer URL", at("http://crl.example/1.crl?")),
        ("a relative name", element(0xa0, &element(0xa1, &[]))),
    ] {
        let other = UnusualCrl { number: Some(12), entries: Vec::new(), ..partition(&fields, 2) };
        let report = fleet.publish(other.signed_by(&fleet.ca));
        assert_eq!(report.refused.len(), 1, "{what}");
        assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked), "{what}");
    }
}

#[test]
fn a_ca_without_key_usage_may_sign_lists_and_one_whose_key_usage_lacks_it_may_not() {
    for (usages, taken) in [
        (Vec::new(), true),
        (vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign], true),
        (vec![rcgen::KeyUsagePurpose::KeyCertSign], false),
    ] {
        let fleet = Fleet::unloaded();
        let mut params = ca_params("Fleet Device CA");
        params.key_usages.clone_from(&usages);
        let ca = Ca::self_signed(params);
        fleet.write("ca.pem", ca.certificate.pem());
        fleet.write("ca.crl", revoking(1).signed_by(&ca));
        assert_eq!(fleet.load().is_ok(), taken, "{usages:?}");
        if taken {
            assert_eq!(fleet.reason(&ca.client("pump-1", 1)), Some(Reason::Revoked), "{usages:?}");
            fleet.write("leaf.der", ca.client("pump-2", 2).der.as_ref());
            fleet.write("ca.crl.pem", crl_pem(&revoking(1).signed_by(&ca)));
            let time = TODAY.to_string();
            let arguments = [
                "verify",
                "-attime",
                &time,
                "-crl_check",
                "-CAfile",
                "ca.pem",
                "-CRLfile",
                "ca.crl.pem",
                "leaf.der",
            ];
            let verdict = openssl(fleet.directory.path(), &arguments);
            assert!(verdict.status.success(), "{usages:?}: {}", String::from_utf8_lossy(&verdict.stderr));
        }
    }
}

#[test]
fn of_two_lists_the_older_is_told_by_number_if_both_have_one_or_else_by_issue() {
    let list = |number: Option<u64>, age: u64| UnusualCrl {
        number,
        this_update: TODAY - 10 * DAY + age,
        ..UnusualCrl::default()
    };
    for (what, before, after, taken) in [
        ("no numbers, later", (None, 5), (None, 6), true),
        ("no numbers, at the same time", (None, 5), (None, 5), true),
        ("no numbers, earlier", (None, 5), (None, 4), false),
        ("the number goes, later", (Some(5), 5), (None, 6), true),
        ("the number goes, earlier", (Some(5), 5), (None, 4), false),
        ("a number comes, later", (None, 5), (Some(1), 6), true),
        ("a number comes, earlier", (None, 5), (Some(1), 4), false),
        ("a higher number, later", (Some(5), 5), (Some(6), 6), true),
        ("a higher number, at the same time", (Some(5), 5), (Some(6), 5), true),
        // The clock of the CA was ahead, and was put right.
        ("a higher number, earlier", (Some(5), 5), (Some(6), 4), true),
        ("a lower number, later", (Some(5), 5), (Some(4), 6), false),
    ] {
        for restarted in [false, true] {
            let fleet = Fleet::unloaded();
            fleet.write("ca.crl", list(before.0, before.1).signed_by(&fleet.ca));
            fleet.load().expect("a proper list");
            fleet.write("ca.crl", list(after.0, after.1).signed_by(&fleet.ca));
            let refused = if restarted {
                let numbers = Arc::new(CrlNumbers::open(fleet.directory.path()).expect("a good record"));
                let store =
                    RulesetStore::new(Arc::clone(&fleet.clock) as Arc<dyn Clock>, numbers, Arc::default());
                store.load(std::slice::from_ref(&fleet.trust)).err().map(|error| error.to_string())
            } else {
                fleet.store.reload_crls().refused.into_iter().next()
            };
            assert_eq!(refused.is_none(), taken, "{what}, restarted: {restarted}: {refused:?}");
            let is_old = |why: String| why.contains("put an old list back");
            assert!(refused.is_none_or(is_old), "{what}, restarted: {restarted}");
        }
    }
}

#[test]
fn an_old_list_of_one_ca_does_not_keep_out_the_new_list_of_another() {
    let mut fleet = Fleet::unloaded();
    let other = Ca::root("Another CA");
    fleet.anchor_also(&other);
    fleet.trust.crl.push(fleet.write("other.crl", other.crl(5, &[])).into());
    fleet.load().expect("two issuers");
    fleet.write("ca.crl", fleet.ca.crl(9, &[]));
    fleet.write("other.crl", other.crl(6, &[(1, None)]));
    let report = fleet.store.reload_crls();
    assert!(
        report.refused.len() == 1 && report.refused[0].contains("number 9 is older than 10"),
        "{report:?}"
    );
    assert_eq!(fleet.reason(&other.client("pump-1", 1)), Some(Reason::Revoked));
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), None);
}

#[test]
fn the_record_of_an_earlier_version_is_read_and_the_newest_issue_never_goes_back() {
    let fleet = Fleet::unloaded();
    let authority = "ab".repeat(32);
    fleet.write(
        "crl-numbers.json",
        format!("{{\"{authority}\": {{\"issuer\": \"CN=Gone\", \"number\": \"7\"}}}}"),
    );
    let open = || CrlNumbers::open(fleet.directory.path()).expect("a good record");
    assert_eq!(open().newest_this_update(), None);
    let numbers = Arc::new(open());
    let store =
        RulesetStore::new(Arc::clone(&fleet.clock) as Arc<dyn Clock>, Arc::clone(&numbers), Arc::default());
    store.load(std::slice::from_ref(&fleet.trust)).expect("a proper trust");
    let newest = || open().newest_this_update().map(|time| time.as_secs());
    assert_eq!(newest(), Some(TODAY));
    for (this_update, wanted) in
        [(TODAY + 60, TODAY + 60), (TODAY + 30, TODAY + 60), (TODAY + 90, TODAY + 90)]
    {
        fleet.clock.set(this_update);
        let list = UnusualCrl { number: Some(this_update), this_update, ..UnusualCrl::default() };
        fleet.write("ca.crl", list.signed_by(&fleet.ca));
        store.reload_crls();
        assert_eq!(newest(), Some(wanted));
        assert_eq!(numbers.newest_this_update().map(|time| time.as_secs()), Some(wanted));
    }
    let record = std::fs::read_to_string(fleet.path("crl-numbers.json")).expect("it is there");
    assert!(record.contains("CN=Gone") && record.contains("2030-01-01T00:01:30Z"), "{record}");
    for broken in
        ["{\"a\": {\"issuer\": \"x\", \"this_update\": \"soon\"}}", "{\"a\": {\"number\": \"1\"}}", "[]"]
    {
        fleet.write("crl-numbers.json", broken);
        assert!(CrlNumbers::open(fleet.directory.path()).is_err(), "{broken}");
    }
}

#[test]
fn revocations_that_a_newer_list_does_not_have_are_told_once() {
    let fleet = Fleet::new();
    let known = fleet.ca.client("pump-1", 1);
    let mut ending = client_params("pump-2", 2);
    ending.not_after = crate::pki::date(TODAY + DAY);
    let ending = fleet.ca.client_with(ending);
    fleet.admit(&known);
    fleet.admit(&ending);
    let all = [
        (1, Some(RevocationReason::KeyCompromise)),
        (2, None),
        (3, Some(RevocationReason::CertificateHold)),
        (4, Some(RevocationReason::Superseded)),
        (5, None),
        (6, Some(RevocationReason::RemoveFromCrl)),
    ];
    assert_eq!(fleet.publish(fleet.ca.crl(11, &all)).lost, Vec::<String>::new());
    // Revoked once more, or put on hold, is not gone; nor is one whose certificate has ended.
    let moved = [(1, None), (2, Some(RevocationReason::CertificateHold)), (4, None), (5, None)];
    assert_eq!(fleet.publish(fleet.ca.crl(12, &moved)).lost, Vec::<String>::new());
    let revoked = [(1, None), (2, None), (4, None), (5, None)];
    fleet.publish(fleet.ca.crl(13, &revoked));
    fleet.clock.set(TODAY + 2 * DAY);
    let report = fleet.publish(fleet.ca.crl(14, &[]));
    assert_eq!(report.lost.len(), 2, "{report:?}");
    assert!(report.lost[0].starts_with("serial 01 of CN=Fleet Device CA was revoked"), "{report:?}");
    assert!(report.lost[0].contains("valid until 2031-01-01"), "{report:?}");
    assert!(report.lost[1].starts_with("2 serial number(s) of CN=Fleet Device CA"), "{report:?}");
    assert_eq!(fleet.store.reload_crls().lost, Vec::<String>::new());
    assert_eq!(fleet.publish(fleet.ca.crl(15, &[])).lost, Vec::<String>::new());
}

/// Several lists count together, so an entry may move from one to another.
#[test]
fn a_revocation_that_moves_between_the_lists_of_a_ca_is_not_lost() {
    let mut fleet = Fleet::unloaded();
    fleet.trust.crl = vec![fleet.path("1.crl").into(), fleet.path("2.crl").into()];
    let publish =
        |number: u64, one: &[(u64, Option<RevocationReason>)], two: &[(u64, Option<RevocationReason>)]| {
            fleet.write("1.crl", fleet.ca.crl(number, one));
            fleet.write("2.crl", fleet.ca.crl(number, two));
            fleet.store.reload_crls().lost
        };
    publish(1, &[(1, None), (2, None)], &[(2, None), (3, None)]);
    fleet.load().expect("two lists");
    for (number, one, two, lost) in [
        (2, vec![(3, None)], vec![(1, None), (2, None)], 0),
        (3, vec![(1, None), (2, None), (3, None)], vec![(2, None)], 0),
        (4, vec![(1, None)], vec![(3, None)], 1),
        (5, vec![], vec![(9, None)], 2),
    ] {
        let lines = publish(number, &one, &two);
        let told = lines.first().and_then(|line| line.split(' ').next()?.parse::<usize>().ok());
        assert_eq!(told.unwrap_or_default(), lost, "{lines:?}");
    }
}

#[test]
fn faults_carry_their_evidence() {
    let fleet = Fleet::unloaded();
    let fault = |list: UnusualCrl| {
        fleet.write("ca.crl", list.signed_by(&fleet.ca));
        match fleet.load() {
            Err(LoadError::Trust(TrustError::Crl { fault, .. })) => fault,
            other => panic!("a fault was expected, and not {other:?}"),
        }
    };
    let base = CrlNumber::from_be_octets(&[5]).expect("short enough");
    let delta = extension(&[0x55, 0x1d, 0x1b], true, &element(0x02, &[5]));
    assert_eq!(fault(UnusualCrl { extensions: delta, ..revoking(1) }), CrlFault::Delta { base });
    let url = ONE.to_owned();
    assert_eq!(fault(partition(&at(ONE), 1)), CrlFault::UnnamedDistributionPoint { url });
    let oid = "1.2.3".to_owned();
    let unknown = extension(&[0x2a, 0x03], true, &[5, 0]);
    assert_eq!(fault(UnusualCrl { extensions: unknown, ..revoking(1) }), CrlFault::UnknownCritical { oid });
}
