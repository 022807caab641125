//! The device core on bare metal: it builds for every target we name, and nothing in it wants an allocator.
//!
//! Each target gets a library that is linked on its own, with a panic handler and no `#[global_allocator]`: were the
//! `alloc` crate anywhere among its dependencies, rustc would refuse with "no global memory allocator found".

use std::path::Path;
use std::process::Command;

/// Uses the whole core, so that all of it is in the library.
const LIBRARY: &str = r#"
#![no_std]
use countersign_agent::credential::{Credential, SoftwareSigner};
use countersign_agent::tls::{Buffers, CryptoRngCore, TlsError, connect};
use countersign_agent::x509::Time;
use embedded_io_async::{Read, Write};

pub struct Board;

pub async fn greet<T: Read + Write, R: CryptoRngCore>(
    transport: T, slot: &[u8], rng: &mut R, buffers: &mut Buffers,
) -> Result<(), TlsError> {
    let Ok(mut credential): Result<Credential<'_, SoftwareSigner>, _> = Credential::read(slot) else { return Ok(()) };
    let mut stream = connect(transport, &mut credential, Time::Floor(0), rng, buffers).await?;
    stream.write_all(b"hello").await?;
    stream.flush().await
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
"#;

#[test]
fn no_target_needs_an_allocator() {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare-metal");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"bare-metal\"\nedition = \"2024\"\n[workspace]\n[lib]\ncrate-type = [\"staticlib\"]\n\
         [dependencies]\ncountersign-agent = {{ path = {agent:?} }}\nembedded-io-async = \"0.7\"\n\
         [profile.dev]\npanic = \"abort\"\ndebug = false\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/lib.rs"), LIBRARY).unwrap();
    // The versions of the workspace: nothing is looked up.
    std::fs::copy(agent.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();

    for target in ["thumbv7em-none-eabihf", "thumbv8m.main-none-eabihf", "riscv32imc-unknown-none-elf"] {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--offline", "--quiet", "--target", target])
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        assert!(output.status.success(), "{target}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
}
