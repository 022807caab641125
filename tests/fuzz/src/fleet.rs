//! The fleet of every run: the same keys, and so the same certificates.

use adversary::pki::{Certified, Fleet, broker_params, issuing_params, key_of};
use std::sync::LazyLock;

/// Its CAs, its broker and its device.
pub(crate) fn fleet() -> &'static Fleet {
    static FLEET: LazyLock<Fleet> = LazyLock::new(|| {
        let mut keys = 1..=u8::MAX;
        Fleet::with_keys(|| key_of(&[keys.next().expect("a few keys"); 32]))
    });
    &FLEET
}

/// Of the name of the broker's issuing CA, and known to nobody.
pub(crate) fn impostor() -> &'static Certified {
    static IMPOSTOR: LazyLock<Certified> = LazyLock::new(|| {
        let root = Certified::self_signed(fleet().broker_root.params.clone(), key_of(&[0x21; 32]));
        root.issue_to(issuing_params("broker issuing"), key_of(&[0x22; 32]))
    });
    &IMPOSTOR
}

/// A broker with the right certificate, but for who issued it.
pub(crate) fn impostors_broker() -> &'static Certified {
    static BROKER: LazyLock<Certified> =
        LazyLock::new(|| impostor().issue_to(broker_params(), key_of(&[0x23; 32])));
    &BROKER
}
