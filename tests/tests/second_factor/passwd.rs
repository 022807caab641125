//! `passwd`: what it makes of a file, and what it leaves alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use integration_tests::program::{Finished, Programs, finish_with_input};
use tempfile::TempDir;

use crate::PROGRAMS;

/// A directory with a password file in it, or none yet.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory can be made"))
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, file: &str, args: &[&str]) -> Command {
        let mut command = Programs::broker(PROGRAMS);
        command.arg("passwd").args(args).arg("--file").arg(self.file(file));
        command
    }

    fn passwd(&self, file: &str, args: &[&str], password: &str) -> Finished {
        finish_with_input(&mut self.command(file, args), password.as_bytes())
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.file(file)).expect("a file")
    }
}

const LINE: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg";

#[test]
fn a_new_file_is_for_its_owner_alone() {
    let desk = Desk::new();
    desk.passwd("passwords", &["device-ca/dev-1"], "sesame\n").stdout_of_success();
    let metadata = fs::metadata(desk.file("passwords")).expect("a file");
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    assert!(desk.text("passwords").starts_with("device-ca/dev-1:$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!desk.text("passwords").contains("sesame"));
    // The same password is another line: its salt is its own.
    let before = desk.text("passwords");
    fs::write(desk.file("secret"), "sesame").expect("a file");
    let from_file = ["device-ca/dev-1", "--password-file", desk.file("secret").to_str().expect("UTF-8")]
        .map(str::to_owned);
    desk.passwd("passwords", &from_file.each_ref().map(String::as_str), "").stdout_of_success();
    let after = desk.text("passwords");
    assert!(after != before && after.lines().count() == 1, "{after}");
    assert_eq!(fs::read_dir(desk.0.path()).expect("a directory").count(), 2, "nothing is left behind");
}

#[test]
fn owner_group_mode_comments_and_order_stay() {
    let desk = Desk::new();
    let text = format!("# ours\r\n\r\na/x:{LINE}\r\na/y:{LINE}\r\n# last");
    fs::write(desk.file("passwords"), &text).expect("a file");
    fs::set_permissions(desk.file("passwords"), Permissions::from_mode(0o640)).expect("a mode");
    // Only root gives files away; whoever else runs this keeps its own.
    let _ = chown(desk.file("passwords"), Some(12_345), Some(54_321));
    let before = fs::metadata(desk.file("passwords")).expect("a file");
    desk.passwd("passwords", &["a/x"], "sesame").stdout_of_success();
    let replaced = fs::metadata(desk.file("passwords")).expect("a file").ino();
    assert_ne!(replaced, before.ino(), "it was not written over");
    desk.passwd("passwords", &["a/z"], "sesame").stdout_of_success();
    let after = fs::metadata(desk.file("passwords")).expect("a file");
    assert_eq!((after.uid(), after.gid(), after.mode()), (before.uid(), before.gid(), before.mode()));
    let changed = desk.text("passwords");
    let lines: Vec<_> = changed.split("\r\n").collect();
    assert_eq!(lines.len(), 7, "{changed:?}");
    assert_eq!(
        [lines[0], lines[1], lines[3], lines[4], lines[6]],
        ["# ours", "", &format!("a/y:{LINE}"), "# last", ""]
    );
    assert!(
        lines[2].starts_with("a/x:$argon2id$") && !lines[2].ends_with(LINE) && lines[5].starts_with("a/z:$")
    );
    for name in ["a/x", "a/z"] {
        desk.passwd("passwords", &[name, "--remove"], "").stdout_of_success();
    }
    assert_eq!(desk.text("passwords"), format!("# ours\r\n\r\na/y:{LINE}\r\n# last\r\n"));
}

#[test]
fn a_link_is_followed_and_what_is_no_file_is_left_alone() {
    let desk = Desk::new();
    fs::create_dir(desk.file("elsewhere")).expect("a directory");
    fs::write(desk.file("elsewhere/real"), "# real\n").expect("a file");
    symlink("elsewhere/real", desk.file("link")).expect("a link");
    desk.passwd("link", &["a/x"], "sesame").stdout_of_success();
    assert!(fs::symlink_metadata(desk.file("link")).expect("a link").is_symlink());
    assert!(desk.text("elsewhere/real").starts_with("# real\na/x:$"));

    symlink("nowhere", desk.file("dangling")).expect("a link");
    let pipe = Command::new("mkfifo").arg(desk.file("pipe")).status().expect("mkfifo is installed");
    assert!(pipe.success());
    for (name, words) in [
        ("dangling", "a link to what is not there"),
        ("pipe", "no regular file"),
        ("elsewhere", "no regular file"),
    ] {
        let refused = desk.passwd(name, &["a/x"], "sesame");
        assert!(refused.code == 1 && refused.stderr.contains(words), "{name}: {}", refused.stderr);
    }
    assert!(!desk.file("nowhere").exists());
}

#[test]
fn eight_at_once_lose_nothing() {
    let desk = Desk::new();
    thread::scope(|scope| {
        for number in 0..8 {
            let desk = &desk;
            scope.spawn(move || {
                for round in 0..3 {
                    desk.passwd("passwords", &[&format!("a/x{number}")], &format!("secret {round}"))
                        .stdout_of_success();
                }
            });
        }
    });
    let mut names: Vec<_> = desk
        .text("passwords")
        .lines()
        .map(|line| line.split(':').next().expect("a name").to_owned())
        .collect();
    names.sort();
    assert_eq!(names, (0..8).map(|number| format!("a/x{number}")).collect::<Vec<_>>());
}

#[test]
fn one_that_is_killed_leaves_the_file_whole() {
    let desk = Desk::new();
    let notes: String = (0..2_000).map(|number| format!("# note {number}\n")).collect();
    fs::write(desk.file("passwords"), &notes).expect("a file");
    // Killed later and later, until it is too late for a few times.
    let (mut killed, mut finished, mut delay) = (0, 0, 0);
    while finished < 5 {
        delay += 2;
        assert!(delay < 10_000, "it never ends by itself");
        let mut command = desk.command("passwords", &["a/x", "--password-file", "/dev/stdin"]);
        fs::write(desk.file("secret"), format!("secret {delay}")).expect("a file");
        let stdin = fs::File::open(desk.file("secret")).expect("a file");
        let command = command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the command starts");
        thread::sleep(Duration::from_millis(delay));
        // It may have ended already.
        let _ = child.kill();
        let end = child.wait().expect("an end");
        *if end.success() { &mut finished } else { &mut killed } += 1;
        let text = desk.text("passwords");
        let rest = text.strip_prefix(&notes).expect("what was there before");
        let is_line =
            |line: &str| line.starts_with("a/x:$argon2id$") && line.ends_with('\n') && line.len() > 90;
        assert!(rest.is_empty() || is_line(rest), "{rest:?}");
    }
    assert!(killed > 0, "none was killed in time");
    // What a dead one has left is in nobody's way.
    fs::write(desk.file("passwords.new"), "half of it").expect("a file");
    desk.passwd("passwords", &["a/y"], "sesame").stdout_of_success();
    assert!(!desk.file("passwords.new").exists());
}

#[test]
fn what_is_refused_changes_nothing() {
    let desk = Desk::new();
    let good = format!("a/x:{LINE}\n");
    let damaged = format!("{good}a/y:{LINE}\nwhat?\n");
    let costly = format!("{good}a/y:{}\n", LINE.replace("m=64", "m=65537"));
    let latin1 = [good.as_bytes(), b"# caf\xe9\n"].concat();
    let long = "x".repeat(1025);
    for (content, args, password, code, words) in [
        (good.as_bytes(), &["a/nobody", "--remove"][..], "", 4, "has no a/nobody"),
        (good.as_bytes(), &["a/x"], "", 3, "empty"),
        (good.as_bytes(), &["a/x"], "\n", 3, "empty"),
        (good.as_bytes(), &["a/x"], &long, 3, "1024"),
        (good.as_bytes(), &["a/x", "--password-file", "/nonexistent"], "", 3, "/nonexistent"),
        (good.as_bytes(), &["x"], "sesame", 2, "no slash"),
        (good.as_bytes(), &["a/x", "--remove", "--password-file", "b"], "", 2, "cannot be used with"),
        (damaged.as_bytes(), &["a/x"], "sesame", 3, "line 3"),
        (damaged.as_bytes(), &["a/x", "--remove"], "", 3, "line 3"),
        (costly.as_bytes(), &["a/x"], "sesame", 3, "line 2"),
        (&latin1, &["a/x"], "sesame", 3, "UTF-8"),
    ] {
        fs::write(desk.file("passwords"), content).expect("a file");
        let before = fs::metadata(desk.file("passwords")).expect("a file").ino();
        let refused = desk.passwd("passwords", args, password);
        assert_eq!(refused.code, code, "{args:?} {password:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(words), "{args:?} {password:?}: {}", refused.stderr);
        assert!(code == 2 || refused.stderr.contains("\nhelp: "), "{}", refused.stderr);
        assert_eq!(fs::read(desk.file("passwords")).expect("a file"), content);
        assert_eq!(fs::metadata(desk.file("passwords")).expect("a file").ino(), before);
    }
    fs::write(desk.file("passwords"), &good).expect("a file");
    desk.passwd("passwords", &["a/z"], &"x".repeat(1024)).stdout_of_success();
}
