//! An ECDSA-Sig-Value (RFC 3279 §2.2.3) of any two numbers, legal or not.

/// Room for two integers of 33 bytes.
pub(crate) struct Der {
    bytes: [u8; 72],
    len: usize,
}

impl Der {
    /// SEQUENCE { INTEGER r, INTEGER s }, each in the fewest bytes.
    pub(crate) fn new(r: &[u8; 32], s: &[u8; 32]) -> Self {
        let mut der = Self { bytes: [0; 72], len: 2 };
        der.integer(r);
        der.integer(s);
        der.bytes[0] = 0x30;
        der.bytes[1] = (der.len - 2) as u8;
        der
    }

    /// The same of r and s in a row.
    pub(crate) fn of(signature: &[u8; 64]) -> Self {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&signature[..32]);
        s.copy_from_slice(&signature[32..]);
        Self::new(&r, &s)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn integer(&mut self, value: &[u8; 32]) {
        let zeros = value.iter().take(31).take_while(|byte| **byte == 0).count();
        let digits = &value[zeros..];
        let sign = usize::from(digits[0] >= 0x80);
        self.push(&[0x02, (sign + digits.len()) as u8]);
        self.push(&[0][..sign]);
        self.push(digits);
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}
