//! [`PublicKey`]: a point that a certificate names.

/// An uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
pub const POINT_LEN: usize = 65;

/// An uncompressed point, borrowed from a certificate. Whether it is on the curve is checked when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey<'a> {
    point: &'a [u8; POINT_LEN],
}

/// The signature is not this key's over this message; or the key is no point on the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

impl<'a> PublicKey<'a> {
    /// `None` for anything but 65 bytes that start with 0x04: compressed and hybrid points are refused.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let point: &[u8; POINT_LEN] = bytes.try_into().ok()?;
        (point.first() == Some(&0x04)).then_some(Self { point })
    }

    /// The point: 0x04, x, y.
    pub const fn as_bytes(&self) -> &'a [u8; POINT_LEN] {
        self.point
    }
}
