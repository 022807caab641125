//! A microcontroller: QEMU's mps2-an386, a Cortex-M4 at 25 MHz, and firmware for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::program::{Finished, run_within};

/// Older ones stop at an instruction of the assembler arithmetic that real cores run.
const OLDEST_QEMU: (u32, u32) = (8, 2);

/// Far longer than a cold build; `tests/run` has made the firmware by then.
const BUILD_DEADLINE: Duration = Duration::from_secs(240);

/// Ten times what the longest firmware takes on an idle machine.
const RUN_DEADLINE: Duration = Duration::from_secs(300);

/// A board to run firmware on.
#[derive(Clone, Copy, Debug)]
pub struct Board(());

impl Board {
    /// The board, if QEMU is there and new enough. If it is not, the test fails.
    #[track_caller]
    pub fn mps2_an386() -> Self {
        let version = Command::new("qemu-system-arm").arg("--version").stdin(Stdio::null()).output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let found = version.as_deref().ok().and_then(version_of);
        let (major, minor) = OLDEST_QEMU;
        assert!(
            found >= Some(OLDEST_QEMU),
            "these tests need qemu-system-arm {major}.{minor} or newer, and found {}: tests/install-qemu installs it",
            found.map_or_else(|| "none".to_owned(), |(major, minor)| format!("{major}.{minor}"))
        );
        Self(())
    }

    /// Runs `firmware` to its end. What it prints is standard output, how it ends is the exit code.
    ///
    /// Every instruction takes a nanosecond of the board's time, so that the same firmware counts the same every time.
    #[track_caller]
    pub fn run(self, firmware: &Path) -> Finished {
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-M", "mps2-an386", "-icount", "shift=0", "-nic", "none"])
            .args(["-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=console"])
            .args(["-semihosting-config", "enable=on,target=native,chardev=console", "-kernel"])
            .arg(firmware);
        run_within(RUN_DEADLINE, &mut qemu)
    }
}

/// The firmware of this name, built if it is not up to date.
#[track_caller]
pub fn firmware(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--locked", "--quiet", "--message-format", "json", "--profile", "firmware"])
        .args(["-p", "firmware-cortex-m", "--features", "mps2-an386", "--target", "thumbv7em-none-eabihf"])
        .args(["--bin", name])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let built = run_within(BUILD_DEADLINE, &mut cargo);
    assert_eq!(built.code, 0, "{name} does not build:\n{}{}", built.stdout, built.stderr);
    let executable = built.stdout.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == name;
        if is_it { message["executable"].as_str().map(PathBuf::from) } else { None }
    });
    executable.unwrap_or_else(|| panic!("cargo names no executable {name}"))
}

/// Major and minor, from a line like `QEMU emulator version 10.0.2 (Debian ...)`.
fn version_of(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line.strip_prefix("QEMU emulator version ")?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
