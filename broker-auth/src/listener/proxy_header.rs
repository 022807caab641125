//! The PROXY protocol (HAProxy, versions 1 and 2): a balancer in front says where a client really is.
//!
//! It is read from listed balancers alone, and must be there: whoever else said where it is could be anybody. What a
//! balancer says of TLS is not looked at: nobody's certificate is proven by that.

use std::net::SocketAddr;

use ppp::{v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest header of version 1 (§2.1), bytes.
const MAX_V1: usize = 107;

/// The first bytes of a header of version 2 and its length (§2.2), bytes.
const FIXED_V2: usize = 16;

/// The longest header of version 2 that is read, bytes: addresses, and what balancers add to them.
const MAX_V2: usize = 4_096;

/// Why a connection of a balancer is given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyHeaderError {
    /// It ended, or failed.
    #[error("no header came: {0}")]
    Io(#[from] std::io::Error),
    /// It begins with something else.
    #[error("it does not begin with a PROXY header, which a listed balancer must send")]
    NotAHeader,
    /// The header is too long.
    #[error("its PROXY header is longer than {0} bytes")]
    TooLong(usize),
    /// The header cannot be read.
    #[error("its PROXY header cannot be read: {0}")]
    Malformed(String),
}

/// Reads the header, and nothing after it. `None`: the balancer speaks for itself, as in its checks.
pub(super) async fn read_proxy_header(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut header = vec![stream.read_u8().await?];
    match header.first() {
        Some(b'\r') => {
            header.resize(FIXED_V2, 0);
            stream.read_exact(header.get_mut(1..).unwrap_or_default()).await?;
            let length = header.last_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
            if length > MAX_V2 {
                return Err(ProxyHeaderError::TooLong(MAX_V2));
            }
            header.resize(FIXED_V2 + length, 0);
            stream.read_exact(header.get_mut(FIXED_V2..).unwrap_or_default()).await?;
            let header = v2::Header::try_from(&*header)
                .map_err(|error| ProxyHeaderError::Malformed(error.to_string()))?;
            Ok(match (header.command, header.addresses) {
                (v2::Command::Proxy, v2::Addresses::IPv4(of)) => {
                    Some((of.source_address, of.source_port).into())
                }
                (v2::Command::Proxy, v2::Addresses::IPv6(of)) => {
                    Some((of.source_address, of.source_port).into())
                }
                _ => None,
            })
        }
        Some(b'P') => {
            while !header.ends_with(b"\r\n") {
                if header.len() == MAX_V1 {
                    return Err(ProxyHeaderError::TooLong(MAX_V1));
                }
                header.push(stream.read_u8().await?);
            }
            let header = v1::Header::try_from(&*header)
                .map_err(|error| ProxyHeaderError::Malformed(error.to_string()))?;
            Ok(match header.addresses {
                v1::Addresses::Tcp4(of) => Some((of.source_address, of.source_port).into()),
                v1::Addresses::Tcp6(of) => Some((of.source_address, of.source_port).into()),
                v1::Addresses::Unknown => None,
            })
        }
        _ => Err(ProxyHeaderError::NotAHeader),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read of `bytes`, and how many bytes are left.
    fn read(bytes: &[u8]) -> (Result<Option<SocketAddr>, ProxyHeaderError>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut rest = bytes;
        let address = runtime.block_on(read_proxy_header(&mut rest));
        (address, rest.len())
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        header.extend([0x20 | command, family]);
        header.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        header.extend(rest);
        header
    }

    /// The examples of the specification, and what comes after them is not touched.
    #[test]
    fn headers_are_read_to_their_last_byte() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x22, 0xb3];
        let mut v6 = [0; 36];
        v6[..2].copy_from_slice(&[0x20, 0x01]);
        v6[32..34].copy_from_slice(&[0x12, 0x34]);
        let with_tlv = [&v4[..], &[0x20, 0, 3, 1, 0, 0]].concat();
        for (header, address) in [
            (b"PROXY TCP4 192.0.2.1 198.51.100.2 4660 8883\r\n".to_vec(), Some("192.0.2.1:4660")),
            (b"PROXY TCP6 2001:: ::1 4660 8883\r\n".to_vec(), Some("[2001::]:4660")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN anything at all\r\n".to_vec(), None),
            (v2(1, 0x11, &v4), Some("192.0.2.1:4660")),
            (v2(1, 0x11, &with_tlv), Some("192.0.2.1:4660")),
            (v2(1, 0x21, &v6), Some("[2001::]:4660")),
            (v2(0, 0x00, &[]), None),
            (v2(0, 0x11, &v4), None),
            (v2(1, 0x00, &[]), None),
        ] {
            let (found, left) = read(&[&header[..], b"\x16\x03\x01hello"].concat());
            assert_eq!(found.unwrap(), address.map(|address| address.parse().unwrap()), "{header:?}");
            assert_eq!(left, 8, "{header:?}");
            for cut in 0..header.len() {
                assert!(read(&header[..cut]).0.is_err(), "{header:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            &b"\x16\x03\x01\x02\x00"[..],
            b"GET / HTTP/1.1\r\n",
            b"PROXY TCP4 192.0.2.1\r\n",
            b"PROXY TCP4 192.0.2.300 198.51.100.2 1 2\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXX TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
            &[b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat(),
            &v2(1, 0x11, &[1, 2, 3]),
            &v2(7, 0x11, &[0; 12]),
            &v2(1, 0x11, &[0; 5_000]),
        ] {
            assert!(read(wrong).0.is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..3) {
            let begin: &[u8] = match kind { 0 => b"", 1 => b"PROXY TCP4 ", _ => b"\r\n\r\n\0\r\nQUIT\n" };
            let (found, left) = read(&[begin, &bytes].concat());
            prop_assert!(found.is_err() || left <= begin.len() + bytes.len());
        }
    }
}
