//! Hashes made by `argon2`, the command of the reference implementation.

use std::io::Write as _;
use std::process::{Command, Stdio};

use authenticator::for_test::client_of;
use authenticator::trust::Role;
use second_factor::password::{Argon2Hash, PasswordFile, WrongPassword};

/// What the command makes of `password`, as a PHC string.
fn made_by_argon2(password: &[u8], salt: &str, options: &[&str]) -> String {
    let mut child = Command::new("argon2")
        .arg(salt)
        .arg("-e")
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("argon2 can be run: tests/run installs it");
    child.stdin.take().expect("a pipe").write_all(password).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

#[test]
fn its_hashes_are_verified_here() {
    let identity = client_of("plant", "pump-1", Role::Device).identity().clone();
    let binary: Vec<u8> = (1..=127).map(|n| n ^ 0xa5).collect();
    for (password, salt, options) in [
        (&b"secret"[..], "somesalt", &["-id", "-k", "19456", "-t", "2", "-p", "1"][..]),
        (b"secret", "0123456789abcdef", &["-id", "-k", "65536", "-t", "3", "-p", "4"]),
        (
            b"secret",
            "a salt of thirty-two characters!",
            &["-id", "-k", "65536", "-t", "1", "-p", "1", "-l", "64"],
        ),
        (b"x", "0123456789abcdef", &["-id", "-k", "4096", "-t", "4", "-p", "2", "-l", "16"]),
        ("Zoë 🦀".as_bytes(), "0123456789abcdef", &["-id", "-k", "8", "-t", "1", "-p", "1"]),
        (&binary, "0123456789abcdef", &["-id", "-k", "1024", "-t", "3", "-p", "3"]),
    ] {
        let phc = made_by_argon2(password, salt, options);
        let file = PasswordFile::parse(&format!("plant/pump-1:{phc}\n"))
            .unwrap_or_else(|error| panic!("{phc}: {error}"));
        let entry = file.entry(&identity).expect("an entry");
        assert_eq!(entry.verify(password).map(|proof| proof.entry()), Ok(entry.digest()), "{phc}");
        for wrong in [&password[1..], &[password, b"\n"].concat(), b"Secret"] {
            assert_eq!(entry.verify(wrong), Err(WrongPassword), "{phc}");
        }
        assert_eq!(entry.hash().to_string(), phc);
    }
}

#[test]
fn hashes_made_here_are_the_ones_that_it_makes() {
    let long = vec![b'x'; 127];
    for password in [&b"secret"[..], b"x", "Zoë 🦀".as_bytes(), &long] {
        let hash = Argon2Hash::make(password, b"0123456789abcdef").expect("a password");
        let options = ["-id", "-k", "19456", "-t", "2", "-p", "1", "-l", "32"];
        assert_eq!(hash.to_string(), made_by_argon2(password, "0123456789abcdef", &options));
    }
}

#[test]
fn its_other_variants_and_versions_are_refused() {
    for options in [&["-i"][..], &["-d"], &["-id", "-v", "10"]] {
        let phc = made_by_argon2(b"secret", "0123456789abcdef", options);
        assert!(PasswordFile::parse(&format!("a/b:{phc}")).is_err(), "{phc}");
    }
    for options in [["-id", "-k", "65544"], ["-id", "-t", "5"], ["-id", "-p", "5"]] {
        let phc = made_by_argon2(b"secret", "0123456789abcdef", &options);
        let error = PasswordFile::parse(&format!("a/b:{phc}")).expect_err("too much");
        assert!(error.to_string().contains("costs too much: at most m=65536,t=4,p=4"), "{phc}: {error}");
    }
}
