//! By what a key file is encrypted, and what key is in it, in words.

use pkcs8::ObjectIdentifier;

use crate::der::{OID, SEQUENCE, elements, tagged};

/// What is read: PBES2 with scrypt or PBKDF2, AES-CBC, HMAC with SHA-2.
const READ: [&str; 10] = [
    "1.2.840.113549.1.5.13",
    "1.2.840.113549.1.5.12",
    "1.3.6.1.4.1.11591.4.11",
    "2.16.840.1.101.3.4.1.2",
    "2.16.840.1.101.3.4.1.22",
    "2.16.840.1.101.3.4.1.42",
    "1.2.840.113549.2.8",
    "1.2.840.113549.2.9",
    "1.2.840.113549.2.10",
    "1.2.840.113549.2.11",
];

/// What other tools write, by OID.
const NAMES: [(&str, &str); 30] = [
    ("1.2.840.113549.1.5.1", "PBES1 with MD2 and DES"),
    ("1.2.840.113549.1.5.3", "PBES1 with MD5 and DES"),
    ("1.2.840.113549.1.5.4", "PBES1 with MD2 and RC2"),
    ("1.2.840.113549.1.5.6", "PBES1 with MD5 and RC2"),
    ("1.2.840.113549.1.5.10", "PBES1 with SHA-1 and DES"),
    ("1.2.840.113549.1.5.11", "PBES1 with SHA-1 and RC2"),
    ("1.2.840.113549.1.12.1.1", "the PKCS#12 scheme with RC4-128"),
    ("1.2.840.113549.1.12.1.2", "the PKCS#12 scheme with RC4-40"),
    ("1.2.840.113549.1.12.1.3", "the PKCS#12 scheme with 3DES"),
    ("1.2.840.113549.1.12.1.4", "the PKCS#12 scheme with two-key 3DES"),
    ("1.2.840.113549.1.12.1.5", "the PKCS#12 scheme with RC2-128"),
    ("1.2.840.113549.1.12.1.6", "the PKCS#12 scheme with RC2-40"),
    ("1.3.14.3.2.7", "DES-CBC"),
    ("1.2.840.113549.3.2", "RC2-CBC"),
    ("1.2.840.113549.3.7", "3DES (des-ede3-cbc)"),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128-CBC"),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192-CBC"),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256-CBC"),
    ("1.2.410.200046.1.1.2", "ARIA-128-CBC"),
    ("1.2.410.200046.1.1.12", "ARIA-256-CBC"),
    ("1.2.156.10197.1.104.2", "SM4-CBC"),
    ("1.2.840.113549.2.7", "HMAC with SHA-1"),
    ("1.2.840.113549.2.12", "HMAC with SHA-512/224"),
    ("1.2.840.113549.2.13", "HMAC with SHA-512/256"),
    ("2.16.840.1.101.3.4.2.14", "HMAC with SHA3-256"),
    ("2.16.840.1.101.3.4.2.16", "HMAC with SHA3-512"),
    ("1.2.643.7.1.1.4.2", "HMAC with Streebog"),
    ("1.2.156.10197.1.401.2", "HMAC with SM3"),
];

/// The kinds of keys, by the OID of the algorithm or of the curve.
const KEYS: [(&str, &str); 12] = [
    ("1.2.840.113549.1.1.1", "an RSA key"),
    ("1.2.840.113549.1.1.10", "an RSA-PSS key"),
    ("1.2.840.10040.4.1", "a DSA key"),
    ("1.3.101.110", "an X25519 key"),
    ("1.3.101.112", "an Ed25519 key"),
    ("1.3.101.113", "an Ed448 key"),
    ("1.3.132.0.34", "a P-384 key"),
    ("1.3.132.0.35", "a P-521 key"),
    ("1.3.132.0.10", "a secp256k1 key"),
    ("1.3.36.3.3.2.8.1.1.7", "a brainpoolP256r1 key"),
    ("1.2.156.10197.1.301", "an SM2 key"),
    ("1.2.840.10045.2.1", "an elliptic-curve key"),
];

/// A key's kind in words.
pub(super) fn key_name(oid: ObjectIdentifier) -> String {
    named(&KEYS, oid).map_or_else(|| format!("a key of algorithm {oid}"), str::to_owned)
}

/// An encryption algorithm in words.
pub(super) fn algorithm_name(oid: ObjectIdentifier) -> String {
    named(&NAMES, oid).map_or_else(|| format!("algorithm {oid}"), str::to_owned)
}

fn named(names: &[(&str, &'static str)], oid: ObjectIdentifier) -> Option<&'static str> {
    let oid = oid.to_string();
    names.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// The first algorithm of an encrypted key that is not read: scheme, derivation, cipher or hash.
pub(super) fn unread_algorithm(encrypted: &[u8]) -> Option<ObjectIdentifier> {
    let (encrypted, _) = tagged(encrypted, SEQUENCE)?;
    let (algorithm, _) = tagged(encrypted.content, SEQUENCE)?;
    first_unread(algorithm.content, 6)
}

fn first_unread(content: &[u8], depth: u8) -> Option<ObjectIdentifier> {
    let depth = depth.checked_sub(1)?;
    elements(content)?.into_iter().find_map(|element| match element.tag {
        OID => ObjectIdentifier::from_bytes(element.content).ok().filter(|oid| !is_read(*oid)),
        SEQUENCE => first_unread(element.content, depth),
        _ => None,
    })
}

fn is_read(oid: ObjectIdentifier) -> bool {
    let oid = oid.to_string();
    READ.iter().any(|read| *read == oid)
}
