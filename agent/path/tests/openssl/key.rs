//! Keys of every kind that CAs are met with.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey,
};

/// A key pair of rcgen's, or one that it refuses to sign with.
pub(crate) enum Key {
    Ring(Box<KeyPair>),
    /// RSA of 1024 bits.
    ShortRsa {
        file: PathBuf,
        public: Vec<u8>,
    },
}

/// Keys 0 to [`Keys::SHORT_RSA`].
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// The one that is too short.
    pub(crate) const SHORT_RSA: usize = 6;

    pub(crate) fn new(directory: &Path) -> Self {
        let of = |algorithm| Key::Ring(Box::new(KeyPair::generate_for(algorithm).unwrap()));
        let mut keys: Vec<Key> = (0..4).map(|_| of(&PKCS_ECDSA_P256_SHA256)).collect();
        keys.push(of(&PKCS_ECDSA_P384_SHA384));
        keys.push(of(&PKCS_ED25519));
        keys.push(Key::short_rsa(directory));
        Self(keys)
    }

    pub(crate) fn get(&self, number: usize) -> &Key {
        &self.0[number]
    }
}

impl Key {
    fn short_rsa(directory: &Path) -> Self {
        let file = directory.join("short.key");
        let path = file.to_str().unwrap();
        openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", path]);
        let public = openssl(&["rsa", "-in", path, "-RSAPublicKey_out", "-outform", "DER"]);
        Self::ShortRsa { file, public }
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Self::Ring(pair) => pair.der_bytes(),
            Self::ShortRsa { public, .. } => public,
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self {
            Self::Ring(pair) => pair.algorithm(),
            Self::ShortRsa { .. } => &PKCS_RSA_SHA256,
        }
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Self::Ring(pair) => pair.sign(message),
            Self::ShortRsa { file, .. } => {
                let signed = file.with_extension("tbs");
                std::fs::write(&signed, message).unwrap();
                let (key, signed) = (file.to_str().unwrap(), signed.to_str().unwrap());
                Ok(openssl(&["dgst", "-sha256", "-sign", key, signed]))
            }
        }
    }
}

/// What it prints.
fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
