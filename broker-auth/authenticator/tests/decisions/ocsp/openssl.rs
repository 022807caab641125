//! OpenSSL as the responder: every status, and what it says of our questions.

use std::path::Path;
use std::process::{Command, Output};

use authenticator::certificate::RevocationReason;
use authenticator::ocsp::{OcspAnswer, OcspFault, OcspStatus, judge};
use rcgen::{BasicConstraints, DnType, IsCa, KeyUsagePurpose, SerialNumber};
use x509_cert::der::{Decode, Encode};

use crate::pki::{
    DAY, HOUR, Holder, MINUTE, SERIAL, at, ca, chain, chain_of, client, date, delegate, now, question, trust,
};

/// OpenSSL's responder for a CA, in a folder of its own.
pub(crate) struct Responder {
    folder: tempfile::TempDir,
}

impl Responder {
    /// Answers for `ca` by what `index` says: lines of OpenSSL's database.
    pub(crate) fn new(ca: &Holder, index: &str) -> Self {
        let this = Self { folder: tempfile::tempdir().expect("a folder") };
        this.write("ca.pem", ca.pem());
        this.write("index.txt", index);
        // Without it, OpenSSL takes subjects for unique.
        this.write("index.txt.attr", "unique_subject = no\n");
        this
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), contents).expect("writable");
    }

    /// Runs `openssl ocsp` in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        ocsp(self.folder.path(), arguments)
    }

    /// What it answers to `request`, signed by `signer`.
    pub(crate) fn answer(&self, request: &[u8], signer: &Holder, options: &[&str]) -> Vec<u8> {
        self.write("signer.pem", signer.pem());
        self.write("signer.key", signer.key().serialize_pem());
        self.write("request.der", request);
        let files = ["-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key"];
        let exchange = ["-reqin", "request.der", "-respout", "response.der"];
        let response = self.folder.path().join("response.der");
        let _ = std::fs::remove_file(&response);
        let output = self.run(&[&files[..], &exchange, options].concat());
        std::fs::read(response).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Whether OpenSSL as a client believes `response`.
    pub(crate) fn is_believed(&self, response: &[u8], serial: u64) -> bool {
        self.write("judged.der", response);
        let serial = format!("0x{serial:x}");
        let question = ["-issuer", "ca.pem", "-serial", &serial, "-no_nonce"];
        let output = self.run(&[&["-CAfile", "ca.pem", "-respin", "judged.der"], &question[..]].concat());
        output.status.success() && String::from_utf8_lossy(&output.stderr).contains("Response verify OK")
    }
}

fn ocsp(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.arg("ocsp").args(arguments).current_dir(folder).output().expect("openssl")
}

/// A line of OpenSSL's database for a certificate that is valid, or revoked for a reason at this time.
pub(crate) fn line(serial: u64, revoked: Option<(&str, u64)>) -> String {
    line_of(&format!("{serial:04X}"), revoked)
}

/// The same, by the serial number in upper-case hex, of whole octets.
fn line_of(serial: &str, revoked: Option<(&str, u64)>) -> String {
    let utc = |seconds: u64| {
        let time = date(seconds);
        let (year, month) = (time.year() - 2000, u8::from(time.month()));
        let (day, hour, minute, second) = (time.day(), time.hour(), time.minute(), time.second());
        format!("{year:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
    };
    let (state, since) = match revoked {
        Some((reason, since)) => ("R", format!("{},{reason}", utc(since)).trim_end_matches(',').to_owned()),
        None => ("V", String::new()),
    };
    format!("{state}\t{}\t{since}\t{serial}\tunknown\t/CN=dev-1\n", utc(now() + 30 * DAY))
}

/// The same question without a nonce.
fn without_nonce(request: &[u8]) -> Vec<u8> {
    let mut request = x509_ocsp::OcspRequest::from_der(request).expect("a request");
    request.tbs_request.request_extensions = None;
    request.to_der().expect("DER")
}

fn status_of(index: &str, serial: u64) -> Result<OcspStatus, OcspFault> {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, serial), 1);
    let response = Responder::new(&ca, index).answer(request.der(), &ca, &["-ndays", "1"]);
    judge(&response, &request, at(now())).map(|answer| answer.status())
}

#[test]
fn a_question_is_one_that_openssl_reads() {
    let ca = ca("Device CA");
    let responder = Responder::new(&ca, "");
    responder.write("request.der", question(&chain_of(&ca, SERIAL), 0xab).der());
    let output = responder.run(&["-reqin", "request.der", "-req_text", "-noverify"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for part in ["Hash Algorithm: sha1", "Serial Number: 8001", "OCSP Nonce", &"AB".repeat(30)] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // The hashes are those that OpenSSL would ask by.
    responder.run(&["-issuer", "ca.pem", "-serial", "0x8001", "-no_nonce", "-reqout", "theirs.der"]);
    let theirs = std::fs::read(responder.folder.path().join("theirs.der")).expect("a request");
    assert_eq!(without_nonce(question(&chain_of(&ca, SERIAL), 1).der()), theirs);
}

#[test]
fn every_status_is_read() {
    let since = now() - 3 * DAY;
    let revoked = |reason| Ok(OcspStatus::Revoked { at: at(since), reason });
    for (index, status) in [
        (line(SERIAL, None), Ok(OcspStatus::Good)),
        (line(SERIAL - 1, None), Ok(OcspStatus::Unknown)),
        (String::new(), Ok(OcspStatus::Unknown)),
        (line(SERIAL, Some(("", since))), revoked(RevocationReason::Unspecified)),
        (line(SERIAL, Some(("unspecified", since))), revoked(RevocationReason::Unspecified)),
        (line(SERIAL, Some(("keyCompromise", since))), revoked(RevocationReason::KeyCompromise)),
        (line(SERIAL, Some(("CACompromise", since))), revoked(RevocationReason::CaCompromise)),
        (line(SERIAL, Some(("affiliationChanged", since))), revoked(RevocationReason::AffiliationChanged)),
        (line(SERIAL, Some(("superseded", since))), revoked(RevocationReason::Superseded)),
        (
            line(SERIAL, Some(("cessationOfOperation", since))),
            revoked(RevocationReason::CessationOfOperation),
        ),
        (line(SERIAL, Some(("certificateHold", since))), revoked(RevocationReason::CertificateHold)),
        (line(SERIAL, Some(("removeFromCRL", since))), revoked(RevocationReason::RemoveFromCrl)),
    ] {
        assert_eq!(status_of(&index, SERIAL), status, "{index}");
    }
}

#[test]
fn serial_numbers_of_every_length_meet() {
    for serial in [1, 0x7f, 0x80, 0xff, 0x8000, u64::MAX] {
        assert_eq!(status_of(&line(serial, None), serial), Ok(OcspStatus::Good), "{serial:x}");
    }
}

/// The longest that a CA may use, and one octet with its sign.
#[test]
fn a_serial_number_of_twenty_octets_meets() {
    let ca = ca("Device CA");
    let leaf = client(&ca, 1, |params| params.serial_number = Some(SerialNumber::from_slice(&[0xff; 20])));
    let request = question(&chain(&trust(&ca, |_, _| ()), &[leaf]), 1);
    let responder = Responder::new(&ca, &line_of(&"FF".repeat(20), None));
    let response = responder.answer(request.der(), &ca, &["-ndays", "1"]);
    assert_eq!(judge(&response, &request, at(now())).map(|answer| answer.status()), Ok(OcspStatus::Good));
}

/// The CA that is asked is the one that issued the certificate, not the anchor that it leads to.
#[test]
fn a_client_of_a_ca_that_it_sends_along_is_asked_about_at_that_ca() {
    let root = ca("Root CA");
    let below = delegate(&root, |params| {
        params.distinguished_name.push(DnType::CommonName, "Issuing CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages.clear();
    });
    let leaf = client(&below, SERIAL, |_| ());
    let request = question(&chain(&trust(&root, |_, _| ()), &[leaf, below.der().clone()]), 1);
    let judged = |authority: &Holder, signer: &Holder| {
        let responder = Responder::new(authority, &line(SERIAL, None));
        let response = responder.answer(request.der(), signer, &["-ndays", "1"]);
        judge(&response, &request, at(now())).map(|answer| answer.status())
    };
    assert_eq!(judged(&below, &below), Ok(OcspStatus::Good));
    assert_eq!(judged(&below, &delegate(&below, |_| ())), Ok(OcspStatus::Good));
    // The root does not answer for it.
    assert!(matches!(judged(&below, &root), Err(OcspFault::UnfitSigner(_))));
    assert!(matches!(judged(&below, &delegate(&root, |_| ())), Err(OcspFault::UnfitSigner(_))));
}

/// What OpenSSL says is good, and nothing else that matters; judged at `time`.
fn good(
    ask: impl FnOnce(&[u8]) -> Vec<u8>,
    options: &[&str],
    time: impl FnOnce(u64) -> u64,
) -> Result<OcspAnswer, OcspFault> {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    let responder = Responder::new(&ca, &line(SERIAL, None));
    let response = responder.answer(&ask(request.der()), &ca, options);
    judge(&response, &request, at(time(now())))
}

#[test]
fn a_nonce_is_ours_or_there_is_none() {
    let whole = <[u8]>::to_vec;
    assert!(good(whole, &["-ndays", "1"], |now| now).is_ok());
    assert!(good(without_nonce, &["-ndays", "1"], |now| now).is_ok());
    let other = |_: &[u8]| {
        let ca = ca("Another CA");
        question(&chain_of(&ca, SERIAL), 2).der().to_vec()
    };
    // Its CertID is another one, too; the nonce is looked at first.
    assert_eq!(good(other, &["-ndays", "1"], |now| now), Err(OcspFault::OtherNonce));
}

#[test]
fn an_answer_to_another_question_is_none() {
    let (own, namesake) = (ca("Device CA"), ca("Device CA"));
    let responder = Responder::new(&own, &(line(SERIAL, None) + &line(7, None)));
    let request = question(&chain_of(&own, SERIAL), 1);
    let judged = |asked: &[u8], signer: &Holder, request| {
        judge(&responder.answer(asked, signer, &["-ndays", "1"]), request, at(now())).map(|_| ())
    };
    // About the same certificate, with another nonce: what somebody on the way has kept.
    let earlier = question(&chain_of(&own, SERIAL), 2);
    assert_eq!(judged(earlier.der(), &own, &request), Err(OcspFault::OtherNonce));
    // About another certificate of the same CA.
    let other = question(&chain_of(&own, 7), 1);
    assert_eq!(judged(other.der(), &own, &request), Err(OcspFault::OtherCertificate));
    // About the certificate with the same number of a CA of the same name.
    let other = question(&chain_of(&namesake, SERIAL), 1);
    assert_eq!(judged(other.der(), &own, &request), Err(OcspFault::OtherCertificate));
    assert!(matches!(judged(other.der(), &namesake, &request), Err(OcspFault::BadSignature { .. })));
}

#[test]
fn an_answer_counts_for_as_long_as_it_says() {
    let whole = <[u8]>::to_vec;
    let day = good(whole, &["-ndays", "1"], |now| now).expect("an answer");
    let left = day.valid_until().as_secs() - now();
    assert!((DAY - MINUTE..=DAY).contains(&left), "{left}");
    assert!(matches!(good(whole, &["-ndays", "1"], |now| now + DAY + 1), Err(OcspFault::Over { .. })));
    // It does not say: an hour.
    let hour = good(whole, &[], |now| now).expect("an answer");
    assert_eq!(hour.valid_until().as_secs(), hour.this_update().as_secs() + HOUR);
    assert!(good(whole, &[], |now| now + HOUR - MINUTE).is_ok());
    assert!(matches!(good(whole, &[], |now| now + HOUR + 1), Err(OcspFault::Over { .. })));
    // It says more than a week.
    let week = good(whole, &["-ndays", "3650"], |now| now).expect("an answer");
    assert_eq!(week.valid_until().as_secs(), week.this_update().as_secs() + 7 * DAY);
    assert!(good(whole, &["-ndays", "3650"], |now| now + 7 * DAY - MINUTE).is_ok());
    assert!(matches!(good(whole, &["-ndays", "3650"], |now| now + 7 * DAY + 1), Err(OcspFault::Over { .. })));
    // It is from the future, by less and by more than clocks differ.
    assert!(good(whole, &["-ndays", "1"], |now| now - 4 * MINUTE).is_ok());
    let early = good(whole, &["-ndays", "1"], |now| now - 6 * MINUTE);
    assert!(matches!(early, Err(OcspFault::NotYet { field: "producedAt", .. })), "{early:?}");
}

#[test]
fn what_is_signed_with_sha_1_is_refused() {
    for (digest, accepted) in [("sha1", false), ("sha224", false), ("sha256", true), ("sha384", true)] {
        let judged = good(<[u8]>::to_vec, &["-ndays", "1", "-rmd", digest], |now| now);
        match judged {
            Ok(_) => assert!(accepted, "{digest}"),
            Err(fault) => {
                assert_eq!(fault, OcspFault::UnsupportedSignature, "{digest}");
                assert!(!accepted, "{digest}");
            }
        }
    }
}

#[test]
fn a_certificate_id_by_another_hash_is_not_the_one_that_was_asked_by() {
    let judged = good(<[u8]>::to_vec, &["-ndays", "1", "-rcid", "sha256"], |now| now);
    assert_eq!(judged, Err(OcspFault::OtherCertificate));
}

#[test]
fn a_signature_that_openssl_has_broken_is_none() {
    let judged = good(<[u8]>::to_vec, &["-ndays", "1", "-badsig"], |now| now);
    assert_eq!(judged, Err(OcspFault::BadSignature { signer: "CN=Device CA".to_owned() }));
}

#[test]
fn a_question_that_openssl_does_not_answer_is_named() {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    // It asks about nothing.
    let response = Responder::new(&ca, "").answer(&[0x30, 4, 0x30, 2, 0x30, 0], &ca, &[]);
    let fault = judge(&response, &request, at(now())).expect_err("no answer").to_string();
    assert!(fault.contains("malformedRequest"), "{fault}");
}

#[test]
fn openssl_believes_the_same_answers() {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    let responder = Responder::new(&ca, &line(SERIAL, None));
    let proper = delegate(&ca, |_| ());
    for signer in [&ca, &proper] {
        for options in [&["-ndays", "1"][..], &["-ndays", "1", "-resp_key_id"]] {
            let response = responder.answer(request.der(), signer, options);
            assert!(responder.is_believed(&response, SERIAL));
            assert!(judge(&response, &request, at(now())).is_ok());
        }
    }
}
