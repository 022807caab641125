//! An image that others can read is named, and used all the same.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Stdio;

use tempfile::TempDir;

use crate::agent::Agent;
use crate::mosquitto::free_port;
use crate::pki::{Fleet, ImageSpec};

/// The warning about an image of this mode, or of this mode and another owner.
fn warning(mode: u32, owner: Option<u32>) -> Option<String> {
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&Fleet::new(), "pump-1", free_port()).write(&image);
    fs::set_permissions(&image, Permissions::from_mode(mode)).unwrap();
    if let Some(owner) = owner {
        chown(&image, Some(owner), None).unwrap();
    }
    let mut agent = Agent::start_with_stdin(&image, &[], Stdio::null());
    // It goes on to its session whatever it says of the image.
    agent.state("connecting");
    agent.signal("-TERM");
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(0), "{log}");
    log.lines().find(|line| line.contains("image_exposed")).map(str::to_owned)
}

#[test]
fn an_image_that_others_can_read_is_named_with_its_mode_and_owner() {
    let dir = TempDir::new().unwrap();
    let me = fs::metadata(dir.path()).unwrap().uid();
    let cases =
        [(0o644, "read"), (0o640, "read"), (0o604, "read"), (0o666, "read and replace"), (0o602, "replace")];
    for (mode, verb) in cases {
        let warning = warning(mode, None).unwrap();
        for words in [
            &format!("others can {verb} the image"),
            &format!("mode {mode:04o}"),
            &format!("owner {me}"),
            "pump-1.bin",
        ] {
            assert!(warning.contains(words), "{mode:o}: {warning}");
        }
    }
    for mode in [0o600, 0o400, 0o700] {
        assert_eq!(warning(mode, None), None, "{mode:o}");
    }
}

#[test]
fn the_group_by_which_the_agent_reads_another_users_image_is_no_fault() {
    let dir = TempDir::new().unwrap();
    if fs::metadata(dir.path()).unwrap().uid() != 0 {
        // Only root can give a file away.
        return;
    }
    assert_eq!(warning(0o640, Some(12345)), None);
    assert!(warning(0o644, Some(12345)).unwrap().contains("owner 12345"));
    assert!(warning(0o660, Some(12345)).unwrap().contains("mode 0660"));
}
