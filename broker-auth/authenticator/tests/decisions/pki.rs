//! A CA, its clients, and whoever it lets answer for it.

use std::time::{Duration, SystemTime};

use authenticator::for_test::{MemoryFiles, trust_config};
use authenticator::ocsp::OcspRequest;
use authenticator::trust::{
    ChainResult, FaultOrder, LoadedTrust, Role, StaleCrl, TrustConfig, TrustLoad, VerifiedChain, verify_chain,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3600;
pub(crate) const DAY: u64 = 24 * HOUR;

/// The serial number of the client that most tests ask about.
pub(crate) const SERIAL: u64 = 0x80_01;

/// Now, in Unix seconds: OpenSSL's responder knows no other time.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds.try_into().expect("in range")).expect("in range")
}

/// A certificate, and its key.
pub(crate) type Holder = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date(now() - 30 * DAY), date(now() + 30 * DAY));
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

pub(crate) fn ca(name: &str) -> Holder {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, key()).expect("a CA")
}

/// A proper delegate of `ca`, changed before it is signed.
pub(crate) fn delegate(ca: &Holder, change: impl FnOnce(&mut CertificateParams)) -> Holder {
    let mut params = params("Responder");
    params.serial_number = Some(SerialNumber::from(0x99_u64));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    params.use_authority_key_identifier_extension = true;
    change(&mut params);
    CertifiedIssuer::signed_by(params, key(), ca).expect("a delegate")
}

/// A client of `ca`, changed before it is signed.
pub(crate) fn client(
    ca: &Holder,
    serial: u64,
    change: impl FnOnce(&mut CertificateParams),
) -> CertificateDer<'static> {
    let mut params = params("dev-1");
    params.serial_number = Some(SerialNumber::from(serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params.signed_by(&key(), ca).expect("a client").der().clone()
}

/// A trust in `ca`, which looks at no revocation list unless that is changed.
pub(crate) fn trust(ca: &Holder, change: impl FnOnce(&mut TrustConfig, &mut MemoryFiles)) -> LoadedTrust {
    let mut files = MemoryFiles::default();
    let anchors = vec![files.write("ca.pem", ca.pem())];
    let mut config = TrustConfig {
        stale_crl: StaleCrl::Alarm,
        stale_grace: Duration::ZERO,
        ..trust_config("device-ca", Role::Device, anchors, Vec::new())
    };
    change(&mut config, &mut files);
    TrustLoad::read(&config, None, &files, at(now())).and_then(TrustLoad::complete).expect("a trust")
}

/// A revocation list of `ca`, due to be replaced at `next_update`.
pub(crate) fn crl(ca: &Holder, revoked: &[u64], next_update: u64) -> String {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date(now() - DAY),
        reason_code: None,
        invalidity_date: None,
    });
    let list = CertificateRevocationListParams {
        this_update: date(now() - 2 * DAY),
        next_update: date(next_update),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(ca).expect("a list").pem().expect("PEM")
}

/// The proven chain of what a client presents.
pub(crate) fn chain(trust: &LoadedTrust, presented: &[CertificateDer<'_>]) -> VerifiedChain {
    let trusts = std::slice::from_ref(trust);
    match verify_chain(trusts, presented, at(now()), FaultOrder::CheapestFirst) {
        ChainResult::Proven(chain) => chain,
        other => panic!("{other:?}"),
    }
}

/// The chain of a client of `ca`.
pub(crate) fn chain_of(ca: &Holder, serial: u64) -> VerifiedChain {
    chain(&trust(ca, |_, _| ()), &[client(ca, serial, |_| ())])
}

/// A question about `chain`; `nonce` fills the nonce.
pub(crate) fn question(chain: &VerifiedChain, nonce: u8) -> OcspRequest {
    OcspRequest::new(chain, [nonce; OcspRequest::NONCE_LEN]).expect("a request")
}
