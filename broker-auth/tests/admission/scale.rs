//! A million revoked devices. The times are printed, never asserted: they belong to the machine.

use std::time::Instant;

use authenticator::reason::Reason;

use crate::pki::{Fleet, client_params};
use crate::unusual_crl::UnusualCrl;

#[test]
fn a_million_serial_numbers_are_loaded_and_found() {
    const COUNT: u32 = 1_000_000;
    // Spread over sixteen octets as random serial numbers are, but reproducible.
    let serial = |index: u32| {
        let mixed = u128::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> 1;
        let mut octets = mixed.to_be_bytes();
        octets[0] = octets[0] & 0x7f | 0x40;
        octets.to_vec()
    };
    let fleet = Fleet::new();
    let list = UnusualCrl {
        entries: (0..COUNT).map(|index| (serial(index), Vec::new())).collect(),
        ..UnusualCrl::default()
    };
    fleet.write("ca.crl", list.signed_by(&fleet.ca));

    let begin = Instant::now();
    let report = fleet.store.reload_crls();
    println!("loaded {COUNT} serial numbers in {:?}", begin.elapsed());
    assert_eq!(report.trust.trusts[0].crls[0].entries, COUNT as usize);

    let client = |octets: Vec<u8>| {
        let mut params = client_params("pump-1", 1);
        params.serial_number = Some(octets.into());
        fleet.ca.client_with(params)
    };
    for index in [0, 1, COUNT / 2, COUNT - 1] {
        assert_eq!(fleet.reason(&client(serial(index))), Some(Reason::Revoked), "{index}");
    }
    let innocent = client(serial(COUNT));
    assert_eq!(fleet.reason(&innocent), None);

    let device = fleet.admit(&innocent);
    let begin = Instant::now();
    for _ in 0..100_000 {
        fleet.recheck(&device).expect("not revoked");
    }
    println!("a live session is judged again in {:?}", begin.elapsed() / 100_000);
}
