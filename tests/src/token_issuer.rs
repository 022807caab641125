//! An issuer of tokens: PyJWT, which nobody here wrote, with keys of its own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::peer::Peer;
use crate::pki::now;
use crate::program::finish;

/// What the tokens say of who has made them.
pub const ISSUER: &str = "https://id.example";
/// What the tokens say of whom they are for.
pub const AUDIENCE: &str = "fleet";

/// Makes keys that are not there yet, prints their set, and signs what stands on standard input.
const SCRIPT: &str = r#"
import json, os, sys
import jwt
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec

def key(name):
    file = os.path.join(sys.argv[1], name + ".pem")
    if not os.path.exists(file):
        made = ec.generate_private_key(ec.SECP256R1())
        pem = made.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        open(file, "wb").write(pem)
    return s.load_pem_private_key(open(file, "rb").read(), None)

def jwk(name):
    members = jwt.algorithms.ECAlgorithm.to_jwk(key(name).public_key(), as_dict=True)
    return {**members, "kid": name, "use": "sig"}

asked = json.load(sys.stdin)
print(json.dumps({
    "set": {"keys": [jwk(name) for name in asked["set"]]},
    "tokens": [jwt.encode(claims, key(asked["key"]), algorithm="ES256", headers={"kid": asked["key"]})
               for claims in asked["claims"]],
}))
"#;

/// An issuer whose keys are kept beside a fleet.
#[derive(Debug)]
pub struct TokenIssuer {
    python: Peer,
    keys: PathBuf,
}

impl TokenIssuer {
    /// A new one. `None`: there is no PyJWT.
    pub fn beside(fleet: &Fleet) -> Option<Self> {
        let keys = fleet.beside("issuer");
        fs::create_dir_all(&keys).expect("a directory can be made");
        Some(Self { python: Peer::python_with_jwt()?, keys })
    }

    /// The key set (RFC 7517 §5) of the keys of these names.
    #[track_caller]
    pub fn key_set(&self, names: &[&str]) -> String {
        self.ask(&json!({"set": names, "key": "", "claims": []}))["set"].to_string()
    }

    /// Tokens with these claims, signed by the key of this name.
    #[track_caller]
    pub fn tokens(&self, key: &str, claims: &[Value]) -> Vec<String> {
        let answer = self.ask(&json!({"set": [], "key": key, "claims": claims}));
        let tokens = answer["tokens"].as_array().expect("tokens");
        tokens.iter().map(|token| token.as_str().expect("a text").to_owned()).collect()
    }

    /// A token for `name` that ends in `seconds`.
    #[track_caller]
    pub fn token(&self, key: &str, name: &str, seconds: i64) -> String {
        self.tokens(key, &[claims(name, seconds)]).remove(0)
    }

    #[track_caller]
    fn ask(&self, asked: &Value) -> Value {
        let mut command = self.python.command();
        command.args(["-c", SCRIPT]).arg(&self.keys);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("python can be run");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(asked.to_string().as_bytes()).expect("python reads");
        drop(stdin);
        finish(child).json()
    }
}

/// The claims of a good token for `name` that ends in `seconds`.
pub fn claims(name: &str, seconds: i64) -> Value {
    let now = now().unix_timestamp();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": name, "iat": now - 60, "exp": now + seconds})
}
