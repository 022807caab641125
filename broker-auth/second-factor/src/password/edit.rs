//! Editing the text of a password file: every byte that is not the identity's line stays as it is.

use std::ops::Range;

use super::file::{PasswordFile, PasswordFileError, parse_line, written};
use super::hash::Argon2Hash;
use super::qualified_name::QualifiedName;

/// The text with `hash` as the password of `name`: in its line, or in a new last one.
///
/// # Errors
/// The text is no password file, or would be too large for one.
pub fn set(text: &str, name: &QualifiedName, hash: &Argon2Hash) -> Result<String, PasswordFileError> {
    let entry = written(name, hash);
    let edited = match find(text, name)? {
        Some(line) => splice(text, without_end(text, line), &entry),
        None => {
            let end = line_end(text);
            let missing_end = if text.is_empty() || text.ends_with('\n') { "" } else { end };
            format!("{text}{missing_end}{entry}{end}")
        }
    };
    if edited.len() > PasswordFile::MOST_BYTES {
        return Err(PasswordFileError::TooLarge { length: edited.len() });
    }
    Ok(edited)
}

/// The text without the line of `name`. `None`: it has none.
///
/// # Errors
/// The text is no password file.
pub fn remove(text: &str, name: &QualifiedName) -> Result<Option<String>, PasswordFileError> {
    Ok(find(text, name)?.map(|line| splice(text, line, "")))
}

/// Where the line of `name` stands, with its end.
fn find(text: &str, name: &QualifiedName) -> Result<Option<Range<usize>>, PasswordFileError> {
    // Nothing is edited in a file that nobody could read.
    PasswordFile::parse(text)?;
    let mut start = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let range = start..start + line.len();
        start = range.end;
        let content = text.get(without_end(text, range.clone())).unwrap_or_default();
        if parse_line(number, content)?.is_some_and(|(found, _)| found == *name) {
            return Ok(Some(range));
        }
    }
    Ok(None)
}

/// The line at `range`, without its LF or CRLF.
fn without_end(text: &str, range: Range<usize>) -> Range<usize> {
    let line = text.get(range.clone()).unwrap_or_default();
    let content = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    range.start..range.start + content.len()
}

/// How the lines of the text end: as the first does.
fn line_end(text: &str) -> &'static str {
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    if first.ends_with("\r\n") { "\r\n" } else { "\n" }
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    let (before, after) = (text.get(..range.start), text.get(range.end..));
    [before.unwrap_or_default(), with, after.unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg";
    const NEW: &str = "$argon2id$v=19$m=16,t=1,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg";

    fn hash(text: &str) -> Argon2Hash {
        Argon2Hash::parse(text).expect("a hash")
    }

    fn name(text: &str) -> QualifiedName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_line_is_replaced_where_it_stands_or_added_at_the_end() {
        for (before, after) in [
            ("", format!("a/b:{NEW}\n")),
            ("# none", format!("# none\na/b:{NEW}\n")),
            ("# none\n", format!("# none\na/b:{NEW}\n")),
            ("# none\r\n", format!("# none\r\na/b:{NEW}\r\n")),
            ("# 1\r\n# 2", format!("# 1\r\n# 2\r\na/b:{NEW}\r\n")),
            (&format!("a/b:{OLD}"), format!("a/b:{NEW}")),
            (&format!("a/b:{OLD}\r\n\r\n# x"), format!("a/b:{NEW}\r\n\r\n# x")),
            (&format!("a/bb:{OLD}\n#a/b:{OLD}\n"), format!("a/bb:{OLD}\n#a/b:{OLD}\na/b:{NEW}\n")),
        ] {
            assert_eq!(set(before, &name("a/b"), &hash(NEW)).as_ref(), Ok(&after), "{before:?}");
        }
    }

    #[test]
    fn a_line_is_removed_with_its_end() {
        for (before, after) in [
            (format!("a/b:{OLD}"), Some(String::new())),
            (format!("# x\r\na/b:{OLD}\r\n \n"), Some("# x\r\n \n".into())),
            (format!("a/bb:{OLD}\n"), None),
            (String::new(), None),
        ] {
            assert_eq!(remove(&before, &name("a/b")), Ok(after), "{before:?}");
        }
    }

    #[test]
    fn a_file_that_nobody_could_read_is_not_edited() {
        let broken = format!("a/b:{OLD}\nwhat?\n");
        let error = Err(PasswordFileError::NoEntry { line: 2 });
        assert_eq!(set(&broken, &name("a/b"), &hash(NEW)), error);
        assert_eq!(remove(&broken, &name("a/b")), Err(PasswordFileError::NoEntry { line: 2 }));
    }

    proptest! {
        /// Whatever lines there are and however they end.
        #[test]
        fn set_then_remove_leaves_every_other_line(
            lines in prop::collection::vec((0..4_usize, 0..2_usize), 0..12),
            ends_open in any::<bool>(),
        ) {
            let mut text = String::new();
            for (number, (kind, end)) in lines.iter().enumerate() {
                let line = match kind {
                    0 => format!("# note {number}"),
                    1 => " \t".to_owned(),
                    2 => String::new(),
                    _ => format!("ns/d{number}:{OLD}"),
                };
                text.push_str(&line);
                text.push_str(["\n", "\r\n"][*end]);
            }
            let open = text.trim_end_matches(['\r', '\n']).to_owned();
            let text = if ends_open { open } else { text };
            let added = set(&text, &name("ns/new"), &hash(NEW)).expect("a password file");
            prop_assert!(added.starts_with(&text));
            prop_assert_eq!(set(&added, &name("ns/new"), &hash(NEW)).expect("a password file"), added.clone());
            let count = |text: &str| PasswordFile::parse(text).expect("a password file").entries().count();
            prop_assert_eq!(count(&added), count(&text) + 1);
            let removed = remove(&added, &name("ns/new")).expect("a password file").expect("an entry");
            let missing_end = removed.strip_prefix(text.as_str()).expect("what was there");
            prop_assert!(["", "\n", "\r\n"].contains(&missing_end));
        }
    }
}
