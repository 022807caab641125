//! Files of every kind, with any of their bytes changed or cut off.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::inspect;
use crate::image::{FileContent, Format, OutputOptions, Placement, Slot};

const SLOT: &[u8] = include_bytes!("../../tests/fixtures/version-1/images/pump-1.bin");
const CHAIN: &[u8] = include_bytes!("../../tests/fixtures/version-1/images/pump-1.cert.pem");
const KEY: &[u8] = include_bytes!("../../tests/fixtures/version-1/images/pump-1.key.pem");
const CA_KEY: &[u8] = include_bytes!("../../tests/fixtures/version-1/device-ca/issuing.key");
const CRL: &[u8] = include_bytes!("../../tests/fixtures/version-1/crl/device-ca.crl");

fn slot() -> Slot {
    Slot::from_existing(Zeroizing::new(SLOT.to_vec())).unwrap()
}

fn image_file(format: Format) -> Vec<u8> {
    let (address, family) = ("0x1007f000".parse().unwrap(), "RP2040".parse().ok());
    let placement = Placement::new(&Format::ALL, address, family).unwrap();
    let options = OutputOptions { directory: PathBuf::new(), formats: Vec::new(), placement };
    options.image(format, &slot()).to_vec()
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(image_file(Format::Bin)),
        Just(image_file(Format::Hex)),
        Just(image_file(Format::Uf2)),
        Just(CHAIN.to_vec()),
        Just(KEY.to_vec()),
        Just(CA_KEY.to_vec()),
        Just(CRL.to_vec()),
        Just([CHAIN, KEY].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_changed_byte_of_an_image_file_is_noticed_or_changes_nothing(
        format in prop_oneof![Just(Format::Bin), Just(Format::Hex), Just(Format::Uf2)],
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut file = image_file(format);
        let at = at.index(file.len());
        file[at] = to;
        if let Ok(FileContent::Image { slot: read, address, family, .. }) = FileContent::read_as(format, &file) {
            prop_assert!(read.as_bytes() == slot().as_bytes(), "byte {at}");
            prop_assert_eq!(address, (format != Format::Bin).then_some(0x1007_f000));
            prop_assert_eq!(family, (format == Format::Uf2).then_some(0xe48b_ff56));
        }
    }

    #[test]
    fn a_cut_image_file_is_noticed(
        format in prop_oneof![Just(Format::Bin), Just(Format::Hex), Just(Format::Uf2)],
        at in any::<prop::sample::Index>(),
    ) {
        let file = image_file(format);
        // Without its last line feed a hex file is whole.
        let at = at.index(file.len() - 1);
        prop_assert!(FileContent::read_as(format, &file[..at]).is_err(), "cut at {at}");
    }

    #[test]
    fn whatever_is_in_a_file_it_is_inspected_or_refused(
        mut file in any_file(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        name in prop::sample::select(&["a.bin", "a.hex", "a.uf2", "a.pem", "a"][..]),
    ) {
        for (at, to) in changes {
            let at = at.index(file.len());
            file[at] = to;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, &file).unwrap();
        let _ = inspect(&path).map(|content| content.to_string()).map_err(|error| error.to_string());
    }
}
