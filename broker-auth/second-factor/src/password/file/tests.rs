use authenticator::for_test::client_of;
use authenticator::trust::Role;
use proptest::prelude::*;

use super::super::cost::CostFault;
use super::super::set;
use super::*;

/// A hash that is cheap to look at. Nobody knows its password.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$MDEyMzQ1Njc4OWFiY2RlZg";

fn identity(namespace: &str, name: &str) -> Identity {
    client_of(namespace, name, Role::Device).identity().clone()
}

fn error(text: &str) -> PasswordFileError {
    PasswordFile::parse(text).expect_err("a fault")
}

#[test]
fn an_entry_is_found_by_its_whole_identity() {
    let file =
        PasswordFile::parse(&format!("# passwords\r\n\r\nplant/pump:1:{HASH}\r\n\t\nother/pump-2:{HASH}"))
            .expect("a password file");
    let line = |namespace, name| file.entry(&identity(namespace, name)).map(Entry::line);
    assert_eq!(line("plant", "pump:1"), Some(3));
    assert_eq!(line("other", "pump-2"), Some(5));
    assert_eq!(line("plant", "pump-2"), None);
    assert_eq!(line("other", "pump:1"), None);
    assert_eq!(line("plant", "pump"), None);
}

#[test]
fn a_proof_rests_on_the_entry_whose_password_was_shown() {
    let hash = |password: &[u8]| Argon2Hash::make(password, b"0123456789abcdef").expect("a password");
    let text = |first: &[u8], second: &[u8]| format!("a/x:{}\na/y:{}\n", hash(first), hash(second));
    let file = PasswordFile::parse(&text(b"one", b"one")).expect("a password file");
    let entry = |name| file.entry(&identity("a", name)).expect("an entry");
    let proof = entry("x").verify(b"one").expect("its password");
    assert_eq!(entry("x").verify(b"two"), Err(WrongPassword));
    assert_eq!(proof.entry(), entry("x").digest());
    assert_ne!(proof.entry(), entry("y").digest(), "the same hash of another identity");

    let holds = |text: &str| {
        PasswordFile::parse(text).expect("a password file").digests().any(|digest| digest == proof.entry())
    };
    assert!(holds(&format!("# moved\r\n{}", text(b"one", b"two"))), "another line of the file changed");
    assert!(!holds(&text(b"two", b"one")), "another password");
    assert!(!holds(""), "removed");
}

#[test]
fn every_fault_names_its_line() {
    let cost = CostFault::TooHigh { memory_kib: 1 << 20, passes: 1, lanes: 1 };
    for (text, fault) in [
        ("\u{feff}# x".to_owned(), PasswordFileError::ByteOrderMark),
        ("#\nplant/pump-1".to_owned(), PasswordFileError::NoEntry { line: 2 }),
        ("#\nplant/pump-1:hunter2".to_owned(), PasswordFileError::NoEntry { line: 2 }),
        (" # a comment begins its line".to_owned(), PasswordFileError::NoEntry { line: 1 }),
        (
            format!("a/b:{HASH}\n\na/c:{HASH}\r\na/b:{HASH}"),
            PasswordFileError::Duplicate { line: 4, first: 1 },
        ),
        (
            format!("a/b:{}", HASH.replace("m=8", "m=1048576")),
            PasswordFileError::Hash { line: 1, error: HashFault::Cost(cost) },
        ),
        (
            format!("\n\npump-1:{HASH}"),
            PasswordFileError::Name { line: 3, error: QualifiedNameError::NoSlash },
        ),
    ] {
        assert_eq!(error(&text), fault, "{text:?}");
        assert!(fault.to_string().starts_with("line "), "{fault}");
    }
    for line in
        [format!(" a/b:{HASH}"), format!("a/b:{HASH} "), format!("a/b: {HASH}"), format!("a/b:{HASH}\r\r")]
    {
        assert!(error(&format!("#\n{line}\n")).to_string().starts_with("line 2: "), "{line:?}");
    }
}

#[test]
fn a_file_has_16_mib_at_most() {
    let comment = |length: usize| format!("#{}", "x".repeat(length - 1));
    assert!(PasswordFile::parse(&comment(16 << 20)).is_ok());
    let length = (16 << 20) + 1;
    assert_eq!(error(&comment(length)), PasswordFileError::TooLarge { length });
    let hash = Argon2Hash::parse(HASH).expect("a hash");
    let full = set(&comment(16 << 20), &"a/b".parse().expect("a name"), &hash);
    assert!(
        matches!(full, Err(PasswordFileError::TooLarge { .. })),
        "nothing is written that cannot be read"
    );
}

#[test]
fn weak_entries_say_so_and_are_taken() {
    let weaknesses = |hash: &str| -> Vec<_> {
        let file = PasswordFile::parse(&format!("a/b:{hash}")).expect("a password file");
        file.entry(&identity("a", "b")).expect("an entry").weaknesses().collect()
    };
    assert_eq!(weaknesses(HASH), [Weakness::Cost]);
    let short = HASH.replace("m=8,t=1", "m=19456,t=2").replace("c29tZXNhbHRzb21lc2FsdA", "c29tZXNhbHQ");
    assert_eq!(weaknesses(&short), [Weakness::ShortSalt { length: 8 }]);
    assert_eq!(weaknesses(&Argon2Hash::make(b"x", &[7; 16]).expect("a password").to_string()), []);
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s)([a-z/:#$=,0-9\r\n\u{feff}]|argon2id|v=19|.){0,80}") {
        let _ = PasswordFile::parse(&text);
    }

    /// Whatever byte of an entry is another, it is refused or is another entry.
    #[test]
    fn no_two_lines_share_a_digest(at in 0..100_usize, byte in b' '..b'~') {
        let line = format!("a/b:{HASH}");
        let mut changed = line.clone().into_bytes();
        let at = at % changed.len();
        changed[at] = byte;
        let changed = String::from_utf8(changed).expect("ASCII");
        let digests = |text: &str| PasswordFile::parse(text).map(|file| file.digests().collect::<Vec<_>>());
        prop_assert_eq!(digests(&changed) == digests(&line), changed == line);
    }
}
