//! A certificate as text, for `explain` and for origins.

use std::fmt::Write;

use data_encoding::BASE64;

/// A certificate in PEM (RFC 7468), with lines of 64 characters.
pub fn pem(der: &[u8]) -> String {
    let base64 = BASE64.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (place, character) in base64.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem + "\n-----END CERTIFICATE-----\n"
}

/// The same, percent-encoded but for the unreserved characters (RFC 3986 §2.3), as proxies hand it on in a header.
pub fn escaped_pem(der: &[u8]) -> String {
    let mut escaped = String::new();
    for octet in pem(der).bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            // Writing to a String does not fail.
            let _ = write!(escaped, "%{octet:02X}");
        }
    }
    escaped
}
