//! What the agent takes of the flash of a Cortex-M4, against README.

use std::path::Path;
use std::process::Command;

use super::{LIBRARY, folder};

const TARGET: &str = "thumbv7em-none-eabihf";

/// As small as rustc makes it: what firmware is built with.
const PROFILE: &str =
    "[profile.release]\nopt-level = \"s\"\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\n";

/// Where an ELF file of 32 bits, little-endian, has the place, the size and the number of its program headers, and a
/// program header its type, its size in the file and its flags (System V ABI, chapters 4 and 5).
const PHOFF: usize = 0x1C;
const PHENTSIZE: usize = 0x2A;
const PHNUM: usize = 0x2C;
const P_TYPE: usize = 0;
const P_FILESZ: usize = 16;
const PT_LOAD: u32 = 1;

fn word(elf: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(elf[at..at + 4].try_into().unwrap())
}

fn half(elf: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(elf[at..at + 2].try_into().unwrap()))
}

/// The octets of all that is loaded: code, constants, initial values.
fn loaded(elf: &[u8]) -> u32 {
    assert_eq!(&elf[..6], b"\x7FELF\x01\x01", "an ELF file of 32 bits, little-endian");
    let (headers, size) = (word(elf, PHOFF) as usize, half(elf, PHENTSIZE));
    let headers = (0..half(elf, PHNUM)).map(|number| headers + number * size);
    headers
        .filter(|header| word(elf, header + P_TYPE) == PT_LOAD)
        .map(|header| word(elf, header + P_FILESZ))
        .sum()
}

/// A firmware of nothing but an agent, linked.
fn firmware(name: &str, features: &[&str]) -> Vec<u8> {
    let folder = folder(name);
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("[lib]\ncrate-type = [\"staticlib\"]\n", PROFILE);
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/main.rs"), format!("#![no_main]\n{LIBRARY}")).unwrap();
    std::fs::remove_file(folder.join("src/lib.rs")).unwrap();
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare-metal/target");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--offline", "--quiet", "--color", "never", "--target", TARGET])
        .args(features)
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &built)
        .env("RUSTFLAGS", "-C link-arg=--entry=device -C link-arg=--nmagic")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(built.join(TARGET).join("release").join(name)).unwrap()
}

/// The figure of README's line about flash that stands before `words`, in KiB.
fn stated(words: &str) -> u32 {
    let readme = include_str!("../../README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, _) = readme.split_once(words).unwrap_or_else(|| panic!("README says nothing of {words:?}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_flash_that_an_agent_takes_is_what_readme_says() {
    let mut wrong = Vec::new();
    for (name, features, words) in [
        ("flash", &[][..], " KiB of flash"),
        ("flash-p256-cm4", &["--features", "p256-cm4"], " KiB with the feature `p256-cm4`"),
        ("flash-renewal", &["--features", "renewal"], " KiB if it renews its certificate"),
    ] {
        let (taken, stated) = (loaded(&firmware(name, features)), stated(words));
        // Paths of source files are in it, which are longer in one place than in another.
        let difference = taken.abs_diff(stated * 1024);
        if difference > 1024 {
            wrong.push(format!("{name} takes {taken} octets; README says {stated} KiB"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
