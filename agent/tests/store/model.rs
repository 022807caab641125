//! What the device could ever be given: keys and certificates in the order in which they are made, made once.

use std::sync::LazyLock;

use adversary::pki::{Certified, HOST, device_params, key_of};
use device_identity::DeviceId;
use device_identity::image::{Certificates, Image, PrivateKey, SLOT_LEN};

/// The device.
pub(crate) const ID: &str = "pump-0042";

/// A key and the certificate for it.
pub(crate) struct Generation {
    pub(crate) scalar: [u8; 32],
    pub(crate) certificate: Vec<u8>,
}

/// The first is the factory's, those after it are renewals, each a year later.
pub(crate) static GENERATIONS: LazyLock<Vec<Generation>> = LazyLock::new(|| {
    let ca = Certified::root("device CA");
    let generation = |number: u8| {
        let scalar = [number + 1; 32];
        let mut params = device_params(ID);
        params.not_before = rcgen::date_time_ymd(2024 + i32::from(number), 1, 1);
        Generation { scalar, certificate: ca.issue_to(params, key_of(&scalar)).der }
    };
    (0..12).map(generation).collect()
});

static ANCHOR: LazyLock<Certified> = LazyLock::new(|| Certified::root("broker root"));

/// The image of a generation.
pub(crate) fn image(generation: usize) -> Image<'static> {
    let Generation { scalar, certificate } = &GENERATIONS[generation];
    Image {
        device_id: DeviceId::new(ID).unwrap(),
        key: PrivateKey::P256(scalar),
        certificate,
        broker_anchors: Certificates::from_slice(&[ANCHOR.der.as_slice()]).unwrap(),
        device_anchors: Certificates::new(),
        broker_host: HOST,
        broker_port: 8883,
        server_name: HOST,
        time_floor: 1_767_225_600,
    }
}

/// What the factory writes.
pub(crate) fn slot(generation: usize) -> [u8; SLOT_LEN] {
    let mut slot = [0; SLOT_LEN];
    image(generation).write(&mut slot).unwrap();
    slot
}

/// Which generation an image is, down to its last field. An image that was never made fails the test.
pub(crate) fn generation_of(found: &Image<'_>) -> usize {
    (0..GENERATIONS.len())
        .find(|&generation| image(generation) == *found)
        .unwrap_or_else(|| panic!("an image that nobody has made: {found:?}"))
}
