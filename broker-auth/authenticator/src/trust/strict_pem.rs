//! [`only_section`]: PEM in the strict form of RFC 7468 §3, which is what most programs write.
//!
//! The reader of rustls-pki-types takes every form, and looks at each character by itself: the 66 MB of a list of a million serial
//! numbers take it half a second, and that long a stolen device is let in.

use data_encoding::BASE64;

/// The characters of a full line, and the octets that they stand for.
const LINE: usize = 64;
const LINE_OCTETS: usize = LINE / 4 * 3;

/// What is in `text`, if it is one section with this label in the strict form, and nothing else. `None` says only that it is
/// not that: it may be PEM all the same.
pub(super) fn only_section(text: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix(format!("-----BEGIN {label}-----").as_bytes())?;
    let end_of_line: &[u8] = if text.starts_with(b"\r") { b"\r\n" } else { b"\n" };
    let text = text.strip_prefix(end_of_line)?.strip_suffix(end_of_line)?;
    let text = text.strip_suffix(format!("-----END {label}-----").as_bytes())?;
    let mut lines = text.chunks(LINE + end_of_line.len()).peekable();
    let mut octets = vec![0; lines.len().checked_mul(LINE_OCTETS)?];
    let mut filled = 0;
    while let Some(line) = lines.next() {
        let line = line.strip_suffix(end_of_line)?;
        let place = octets.get_mut(filled..)?.get_mut(..BASE64.decode_len(line.len()).ok()?)?;
        let decoded = BASE64.decode_mut(line, place).ok()?;
        // Only the last line is shorter, or has padding.
        if decoded != LINE_OCTETS && lines.peek().is_some() {
            return None;
        }
        filled += decoded;
    }
    octets.truncate(filled);
    Some(octets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls_pki_types::CertificateRevocationListDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    const LABEL: &str = "X509 CRL";

    fn pem(octets: &[u8], end_of_line: &str) -> String {
        let encoded = BASE64.encode(octets);
        let lines = encoded.as_bytes().chunks(LINE).map(|line| std::str::from_utf8(line).unwrap());
        let body: String = lines.map(|line| format!("{line}{end_of_line}")).collect();
        format!("-----BEGIN {LABEL}-----{end_of_line}{body}-----END {LABEL}-----{end_of_line}")
    }

    /// What the reader of rustls-pki-types finds.
    fn by_another(text: &[u8]) -> Option<Vec<Vec<u8>>> {
        CertificateRevocationListDer::pem_slice_iter(text)
            .map(|list| list.map(|list| list.to_vec()))
            .collect::<Result<_, _>>()
            .ok()
    }

    #[test]
    fn the_strict_form_is_read_whatever_its_length() {
        for length in 0..200_u8 {
            let octets: Vec<u8> = (0..length).collect();
            for end_of_line in ["\n", "\r\n"] {
                let text = pem(&octets, end_of_line);
                assert_eq!(only_section(text.as_bytes(), LABEL).as_deref(), Some(&octets[..]), "{length}");
            }
        }
    }

    #[test]
    fn only_the_last_line_has_padding_or_is_shorter() {
        let (begin, end) = (format!("-----BEGIN {LABEL}-----\n"), format!("-----END {LABEL}-----\n"));
        let [padded, short] = [46, 45].map(|octets| BASE64.encode(&vec![7; octets]));
        assert_eq!((padded.len(), padded.ends_with("=="), short.len()), (LINE, true, 60));
        let full = BASE64.encode(&[7; LINE_OCTETS]);
        for last in [&padded, &short] {
            assert!(only_section(format!("{begin}{full}\n{last}\n{end}").as_bytes(), LABEL).is_some());
            let text = format!("{begin}{last}\n{full}\n{end}");
            assert_eq!(only_section(text.as_bytes(), LABEL), None, "{text}");
        }
        // Padding in the middle is no PEM at all; a short line is, and is left to the other reader.
        assert_eq!(by_another(format!("{begin}{padded}\n{full}\n{end}").as_bytes()), None);
        assert!(by_another(format!("{begin}{short}\n{full}\n{end}").as_bytes()).is_some());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_another_reader_finds(
            octets in prop::collection::vec(any::<u8>(), 0..200),
            end_of_line in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            edits in prop::collection::vec((any::<prop::sample::Index>(), "[A-Za-z0-9+/=\r\n -]{0,3}"), 0..3),
            twice in prop::bool::weighted(0.1),
        ) {
            let mut text = pem(&octets, end_of_line);
            for (place, insertion) in &edits {
                let place = place.index(text.len());
                text.replace_range(place..place + 1, insertion);
            }
            if twice {
                text = text.repeat(2);
            }
            if let Some(read) = only_section(text.as_bytes(), LABEL) {
                prop_assert_eq!(Some(vec![read]), by_another(text.as_bytes()));
            }
        }
    }
}
