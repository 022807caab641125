//! The device core on bare metal: it builds for every target we name, and nothing in it wants an allocator.
//!
//! What it takes of the memory is asserted when it is compiled, for each of them.
//!
//! Each target gets a library that is linked on its own, with a panic handler and no `#[global_allocator]`: were the
//! `alloc` crate anywhere among its dependencies, rustc would refuse with "no global memory allocator found".

mod flash;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A whole device of the core, which names no other crate. Every generic of it has a type, so all of it is compiled and
/// is in the library.
const LIBRARY: &str = r#"
#![no_std]
use core::time::Duration;
use countersign_agent::command::Command;
use countersign_agent::credential::{Credential, Image, SoftwareKeys, SoftwareSigner};
use countersign_agent::device::{Agent, Application, Config, Control, Memory};
use countersign_agent::device::{RenewalConfig, RenewalMemory, RenewingAgent};
use countersign_agent::mqtt::QoS;
use countersign_agent::platform::{Clock, ConnectError, CryptoRngCore, Network, NorFlash, Platform, ReadNorFlash};
use countersign_agent::platform::embedded_io_async::{ErrorKind, ErrorType};
use countersign_agent::platform::embedded_storage_async::nor_flash;
use countersign_agent::platform::{Read, Write, rand_core};
use countersign_agent::telemetry::Queue;

struct Board;

impl ErrorType for Board { type Error = ErrorKind; }
impl Read for Board { async fn read(&mut self, _: &mut [u8]) -> Result<usize, ErrorKind> { core::future::pending().await } }
impl Write for Board {
    async fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> { Ok(from.len()) }
    async fn flush(&mut self) -> Result<(), ErrorKind> { Ok(()) }
}
impl Network for Board {
    type Connection<'n> = Board;
    async fn connect(&mut self, _: &str, _: u16) -> Result<Board, ConnectError> { Ok(Board) }
}
impl Clock for Board {
    fn now(&self) -> Duration { Duration::ZERO }
    fn unix_time(&self) -> Option<u64> { None }
    async fn sleep_until(&self, _: Duration) { core::future::pending().await }
}
impl nor_flash::ErrorType for Board { type Error = nor_flash::NorFlashErrorKind; }
impl ReadNorFlash for Board {
    const READ_SIZE: usize = 4;
    async fn read(&mut self, _: u32, bytes: &mut [u8]) -> Result<(), Self::Error> { bytes.fill(0xFF); Ok(()) }
    fn capacity(&self) -> usize { 8192 }
}
impl NorFlash for Board {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;
    async fn erase(&mut self, _: u32, _: u32) -> Result<(), Self::Error> { Ok(()) }
    async fn write(&mut self, _: u32, _: &[u8]) -> Result<(), Self::Error> { Ok(()) }
}
impl Application for Board {
    async fn produce(&mut self, queue: &mut Queue<'_>) -> Control {
        let _ = queue.publish("temperature", b"21", QoS::AtLeastOnce);
        Control::Continue
    }
    async fn handle_command(&mut self, command: Command<'_>, queue: &mut Queue<'_>) {
        let _ = queue.publish_result(command.id, b"done");
    }
}

#[cfg(feature = "renewal")]
async fn run<R: CryptoRngCore>(_: &[u8], rng: R, memory: &mut Memory) {
    let mut platform = Platform { network: Board, clock: Board, rng, flash: Board };
    let (config, renewal) = (Config::default(), RenewalConfig::behind_time_floor::<Board>());
    let mut room = RenewalMemory::new();
    let opened = RenewingAgent::open(&mut platform.flash, SoftwareKeys, config, renewal, memory, &mut room);
    let Ok(mut agent) = opened.await else { return };
    let _ = agent.run(&mut platform, &mut Board).await;
}

#[cfg(not(feature = "renewal"))]
async fn run<R: CryptoRngCore>(slot: &[u8], rng: R, memory: &mut Memory) {
    if Image::read(slot).is_err() { return }
    let Ok(credential): Result<Credential<'_, SoftwareSigner>, _> = Credential::read(slot) else { return };
    let mut platform = Platform { network: Board, clock: Board, rng, flash: Board };
    let _ = Agent::new(credential, Config::default(), memory).run(&mut platform, &mut Board).await;
}

/// The future of an async function that is never called.
const fn future_of<A: 'static, F>(
    _: fn(&'static mut A, &'static mut Platform<Board, Board, Numbers, Board>, &'static mut Board) -> F,
) -> usize {
    size_of::<F>()
}
type Held = Agent<'static, SoftwareSigner>;
type Renewing = RenewingAgent<'static, SoftwareKeys>;
const _: () = assert!(size_of::<Memory>() <= 9_900, "Memory");
const _: () = assert!(size_of::<Held>() <= 1_300, "Agent");
const _: () = assert!(future_of(|agent: &'static mut Held, board, own| agent.run(board, own)) <= 4_900, "the future of run");
const _: () = assert!(size_of::<RenewalMemory>() <= 5_200, "RenewalMemory");
const _: () = assert!(size_of::<Renewing>() <= 1_300, "RenewingAgent");
const _: () = assert!(future_of(|agent: &'static mut Renewing, board, own| agent.run(board, own)) <= 10_000, "the future of a renewing run");

struct Numbers;
impl rand_core::RngCore for Numbers {
    fn next_u32(&mut self) -> u32 { 4 }
    fn next_u64(&mut self) -> u64 { 4 }
    fn fill_bytes(&mut self, into: &mut [u8]) { into.fill(4) }
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), rand_core::Error> { into.fill(4); Ok(()) }
}
impl rand_core::CryptoRng for Numbers {}

/// Runs the agent until it waits.
#[unsafe(no_mangle)]
extern "C" fn device(slot: &[u8; 4096]) {
    let mut memory = Memory::new();
    let future = core::pin::pin!(run(slot, Numbers, &mut memory));
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    let _ = future.poll(&mut context);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
"#;

#[test]
fn no_target_needs_an_allocator() {
    let folder = folder("bare-metal");
    for target in ["thumbv7em-none-eabihf", "thumbv8m.main-none-eabihf", "riscv32imc-unknown-none-elf"] {
        let library = build(&folder, target, &["--features", "renewal"])
            .unwrap_or_else(|stderr| panic!("{target}:\n{stderr}"));
        allocates_nowhere(target, &library);
    }
}

#[test]
fn the_assembler_needs_no_allocator_either() {
    let fetched = Command::new(env!("CARGO"))
        .args(["fetch", "--locked", "--quiet", "--target", "thumbv7em-none-eabihf"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(fetched.success(), "the assembler is fetched: a build for the host does not need it");
    let folder = folder("bare-metal-p256-cm4");
    let library = build(&folder, "thumbv7em-none-eabihf", &["--features", "p256-cm4"])
        .unwrap_or_else(|stderr| panic!("{stderr}"));
    allocates_nowhere("the assembler", &library);
}

#[test]
fn a_target_that_cannot_have_the_assembler_is_told_so_and_nothing_else() {
    let folder = folder("bare-metal-riscv");
    let stderr = build(&folder, "riscv32imc-unknown-none-elf", &["--features", "p256-cm4"]).unwrap_err();
    assert!(stderr.contains("error: the feature `p256-cm4` is assembler for Cortex-M4 and M7"), "{stderr}");
    // The second is that the crate does not compile.
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error")).count(), 2, "{stderr}");
}

/// A package with the library, in a folder of its own.
fn folder(name: &str) -> PathBuf {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = {name:?}\nedition = \"2024\"\n[workspace]\n[lib]\ncrate-type = [\"staticlib\"]\n\
         [features]\np256-cm4 = [\"countersign-agent/p256-cm4\"]\nrenewal = []\n\
         [dependencies]\ncountersign-agent = {{ path = {agent:?} }}\n\
         [profile.dev]\npanic = \"abort\"\ndebug = false\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/lib.rs"), LIBRARY).unwrap();
    // The versions of the workspace: nothing is looked up.
    std::fs::copy(agent.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

/// Sees that the whole agent is in a library, and that nothing in it asks for memory.
#[track_caller]
fn allocates_nowhere(what: &str, library: &[u8]) {
    let names = |name: &str| library.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    assert!(names("countersign_agent6device"), "{what}: the agent is not in the library");
    assert!(!names("__rust_alloc") && !names("__rg_alloc"), "{what}: somebody allocates");
}

/// Builds it: the library; or what cargo says.
fn build(folder: &Path, target: &str, features: &[&str]) -> Result<Vec<u8>, String> {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare-metal/target");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet", "--color", "never", "--target", target])
        .args(features)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &built)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(stderr);
    }
    let name = folder.file_name().unwrap().to_str().unwrap().replace('-', "_");
    Ok(std::fs::read(built.join(target).join(format!("debug/lib{name}.a"))).unwrap())
}
