"""Prints a key set made by PyJWT, and tokens with the verdict that each deserves, as one JSON document.

The argument is the time, in seconds since 1970, at which the tokens are judged.
"""

import base64
import hashlib
import hmac
import json
import sys

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

now = int(sys.argv[1])
claims = {"iss": "https://id.example", "aud": "fleet", "sub": "pump-1", "exp": now + 60, "nbf": now, "iat": now}

keys = {
    "p256": (ECAlgorithm, ec.generate_private_key(ec.SECP256R1()), ["ES256"]),
    "p384": (ECAlgorithm, ec.generate_private_key(ec.SECP384R1()), ["ES384"]),
    "ed25519": (OKPAlgorithm, ed25519.Ed25519PrivateKey.generate(), ["EdDSA"]),
    "rsa": (RSAAlgorithm, rsa.generate_private_key(65537, 2048), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
    "rsa-3072": (RSAAlgorithm, rsa.generate_private_key(65537, 3072), ["RS256", "PS512"]),
    "rsa-e3": (RSAAlgorithm, rsa.generate_private_key(3, 2048), ["RS256", "PS256"]),
    # Bound to one algorithm by its alg.
    "rsa-rs256": (RSAAlgorithm, rsa.generate_private_key(65537, 2048), ["RS256"]),
    # These are skipped.
    "p521": (ECAlgorithm, ec.generate_private_key(ec.SECP521R1()), []),
    "k256": (ECAlgorithm, ec.generate_private_key(ec.SECP256K1()), []),
    "ed448": (OKPAlgorithm, ed448.Ed448PrivateKey.generate(), []),
    "rsa-1024": (RSAAlgorithm, rsa.generate_private_key(65537, 1024), []),
}


def jwk(key_id):
    kind, private, _ = keys[key_id]
    members = kind.to_jwk(private.public_key(), as_dict=True)
    members["kid"] = key_id
    if key_id == "rsa-rs256":
        members["alg"] = "RS256"
    return members


def private(key_id):
    return keys[key_id][1]


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


tokens = []


def token(verdict, about, text):
    tokens.append({"verdict": verdict, "about": about, "token": text})


def signed(key_id, algorithm, header=None, with_key=None):
    headers = {"kid": key_id, **(header or {})}
    return jwt.encode(claims, with_key or private(key_id), algorithm=algorithm, headers=headers)


def message(key_id, algorithm):
    header = {"alg": algorithm, "kid": key_id, "typ": "JWT"}
    return base64url(json.dumps(header).encode()) + "." + base64url(json.dumps(claims).encode())


def with_signature(text, signature):
    return text.rsplit(".", 1)[0] + "." + base64url(signature)


# ---- what is good --------------------------------------------------------------------------------------------------
for key_id, (_, _, algorithms) in keys.items():
    for algorithm in algorithms:
        token("good", f"{algorithm} {key_id}", signed(key_id, algorithm))

# ---- every algorithm that the key is not for -----------------------------------------------------------------------
every = ["ES256", "ES384", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
for key_id in ["p256", "p384", "ed25519", "rsa", "rsa-rs256"]:
    for algorithm in every:
        if algorithm in keys[key_id][2]:
            continue
        # Signed by a key that fits the algorithm, under the id of one that does not.
        signer = next(other for other, (_, _, algorithms) in keys.items() if algorithm in algorithms)
        token("KeyMismatch", f"{algorithm} under {key_id}", signed(key_id, algorithm, with_key=private(signer)))
token("KeyMismatch", "PS256 by a key that says RS256", signed("rsa-rs256", "PS256"))

# ---- one RSA algorithm's signature under another's name ------------------------------------------------------------
for said in ["RS384", "RS512", "PS256", "PS384", "PS512"]:
    text = message("rsa", said)
    signature = jwt.get_algorithm_by_name("RS256").sign(text.encode(), private("rsa"))
    token("BadSignature", f"RS256 called {said}", f"{text}.{base64url(signature)}")

# ---- keys of no use ------------------------------------------------------------------------------------------------
token("UnknownKey", "EdDSA with Ed448", signed("ed448", "EdDSA"))
token("UnknownKey", "RS256 with 1024 bits", signed("rsa-1024", "RS256"))
token("Algorithm", "ES512", signed("p521", "ES512"))
token("Algorithm", "ES256K", signed("k256", "ES256K"))
token("UnknownKey", "another id", signed("P256", "ES256", with_key=private("p256")))
token("UnknownKey", "no id", jwt.encode(claims, private("p256"), algorithm="ES256"))
token("BadSignature", "another key of the kind", signed("p256", "ES256", with_key=ec.generate_private_key(ec.SECP256R1())))
token("BadSignature", "RSA under another id", signed("rsa", "RS256", with_key=private("rsa-3072")))

# ---- no signature, and a symmetric one -----------------------------------------------------------------------------
token("Algorithm", "none", jwt.encode(claims, None, algorithm="none", headers={"kid": "p256"}))
for key_id in ["p256", "rsa", "ed25519"]:
    for form in ["PEM", "DER"]:
        encoding = getattr(serialization.Encoding, form)
        public = private(key_id).public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        text = message(key_id, "HS256")
        mac = hmac.digest(public, text.encode(), hashlib.sha256)
        token("Algorithm", f"HS256 with the public key {key_id} as {form}", f"{text}.{base64url(mac)}")
        # The same under the name of the algorithm that the key is for.
        algorithm = keys[key_id][2][0]
        text = message(key_id, algorithm)
        mac = hmac.digest(public, text.encode(), hashlib.sha256)
        token("BadSignature", f"HMAC called {algorithm}", f"{text}.{base64url(mac)}")

# ---- signatures in other forms -------------------------------------------------------------------------------------
for key_id, algorithm, digest in [("p256", "ES256", hashes.SHA256()), ("p384", "ES384", hashes.SHA384())]:
    text = message(key_id, algorithm)
    der = private(key_id).sign(text.encode(), ec.ECDSA(digest))
    token("BadSignature", f"{algorithm} in DER", f"{text}.{base64url(der)}")
    good = signed(key_id, algorithm)
    raw = decoded(good.rsplit(".", 1)[1])
    half = len(raw) // 2
    token("BadSignature", f"{algorithm} of zeros", with_signature(good, bytes(len(raw))))
    token("BadSignature", f"{algorithm}, r and s exchanged", with_signature(good, raw[half:] + raw[:half]))
    token("BadSignature", f"{algorithm} with padded halves", with_signature(good, b"\0" + raw[:half] + b"\0" + raw[half:]))
    other_hash = ECAlgorithm(ECAlgorithm.SHA512).sign(text.encode(), private(key_id))
    token("BadSignature", f"{algorithm} with another hash", f"{text}.{base64url(other_hash)}")
for key_id, algorithm in [("rsa", "RS256"), ("rsa", "PS256"), ("ed25519", "EdDSA"), ("p256", "ES256")]:
    good = signed(key_id, algorithm)
    raw = decoded(good.rsplit(".", 1)[1])
    token("BadSignature", f"{algorithm} with a byte in front", with_signature(good, b"\0" + raw))
    token("BadSignature", f"{algorithm} with a byte behind", with_signature(good, raw + b"\0"))
    token("BadSignature", f"{algorithm} without its last byte", with_signature(good, raw[:-1]))
    token("BadSignature", f"{algorithm} without a signature", good.rsplit(".", 1)[0] + ".")

# ---- keys that a token brings along --------------------------------------------------------------------------------
stranger = ec.generate_private_key(ec.SECP256R1())
brought = ECAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
for header in [{"jwk": brought}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/x"}, {"x5c": ["AAAA"]}]:
    name = next(iter(header))
    token("BadSignature", f"a stranger's {name}", signed("p256", "ES256", header, stranger))
    token("good", f"{name} beside the right key", signed("p256", "ES256", header))

json.dump({"keys": [jwk(key_id) for key_id in keys], "tokens": tokens}, sys.stdout)
