//! Arithmetic to make questions with, all of it p256's.

use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{ProjectivePoint, Scalar, U256};
use sha2::{Digest as _, Sha256};

/// The order of the curve, n, big endian.
pub(crate) const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The prime of the field, p, big endian.
pub(crate) const PRIME: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

/// `bytes` + `n`, big endian; what does not fit is lost.
pub(crate) fn plus(mut bytes: [u8; 32], n: u8) -> [u8; 32] {
    let mut carry = n;
    for byte in bytes.iter_mut().rev() {
        let (sum, over) = byte.overflowing_add(carry);
        (*byte, carry) = (sum, u8::from(over));
    }
    bytes
}

/// `bytes`, big endian, modulo n.
pub(crate) fn scalar(bytes: &[u8; 32]) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&(*bytes).into())
}

/// SHA-256 of `message` modulo n.
pub(crate) fn digest(message: &[u8]) -> Scalar {
    scalar(&Sha256::digest(message).into())
}

/// Big endian.
pub(crate) fn bytes(scalar: &Scalar) -> [u8; 32] {
    scalar.to_repr().into()
}

/// The point, uncompressed. Must not be the point at infinity.
pub(crate) fn encode(point: &ProjectivePoint) -> [u8; 65] {
    let mut bytes = [0; 65];
    bytes.copy_from_slice(point.to_affine().to_encoded_point(false).as_bytes());
    bytes
}

/// The public key of a private one.
pub(crate) fn public_key(key: &Scalar) -> [u8; 65] {
    encode(&(ProjectivePoint::GENERATOR * key))
}

/// The x coordinate of a point, big endian.
pub(crate) fn x(point: &ProjectivePoint) -> [u8; 32] {
    let mut x = [0; 32];
    x.copy_from_slice(&encode(point)[1..33]);
    x
}
