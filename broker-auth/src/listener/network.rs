//! Whom an address stands for, as far as places and turns are concerned.

use std::net::{IpAddr, Ipv6Addr};

/// What one host has: an IPv4 address, or an IPv6 /64. A host chooses the rest of its IPv6 address as it likes
/// (RFC 8981), so counting whole ones would count nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Host(IpAddr);

/// What one site has: an IPv4 /24, the least that is routed by itself, or an IPv6 /48, the most that a site is given
/// (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Host {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(first(address, 32, 64))
    }
}

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(first(address, 24, 48))
    }
}

/// The address with only its first bits. A listener on `[::]` sees IPv4 clients as `::ffff:a.b.c.d`; they are taken for
/// what they are, or they would all be one host.
fn first(address: IpAddr, bits_v4: u32, bits_v6: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & (u32::MAX << (32 - bits_v4))).into()),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - bits_v6)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_its_host_and_its_network_in_whatever_form_it_comes() {
        for (one, other, same_host, same_network) in [
            ("192.0.2.1", "192.0.2.1", true, true),
            ("192.0.2.1", "192.0.2.254", false, true),
            ("192.0.2.1", "192.0.3.1", false, false),
            ("::ffff:192.0.2.1", "192.0.2.1", true, true),
            ("::ffff:192.0.2.1", "::ffff:198.51.100.1", false, false),
            ("2001:db8:1:2::3", "2001:db8:1:2:ffff::", true, true),
            ("2001:db8:1:2::3", "2001:db8:1:3::3", false, true),
            ("2001:db8:1:2::3", "2001:db8:2:2::3", false, false),
        ] {
            let [a, b]: [IpAddr; 2] = [one, other].map(|text| text.parse().unwrap());
            assert_eq!(Host::of(a) == Host::of(b), same_host, "{one} {other}");
            assert_eq!(Network::of(a) == Network::of(b), same_network, "{one} {other}");
        }
    }
}
