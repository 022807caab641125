//! [`replace`]: the part of a Markdown file between two marks, which is measured and not written by hand.

use std::fs;
use std::io;
use std::path::Path;

/// Puts in the place of what stands in `file` between the lines `<!-- NAME: start -->` and `<!-- NAME: end -->` what `new` makes
/// of it.
///
/// # Errors
/// The file cannot be read or written, or lacks one of the marks.
pub fn replace(file: &Path, name: &str, new: impl FnOnce(&str) -> String) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let replaced = replaced(&text, name, new);
    let replaced = replaced.ok_or_else(|| {
        io::Error::other(format!(
            "{} has no place for what is measured: <!-- {name}: start -->",
            file.display()
        ))
    })?;
    fs::write(file, replaced)
}

fn replaced(text: &str, name: &str, new: impl FnOnce(&str) -> String) -> Option<String> {
    let [start, end] = ["start", "end"].map(|mark| format!("<!-- {name}: {mark} -->\n"));
    let (before, rest) = text.split_once(&start)?;
    let (present, after) = rest.split_once(&end)?;
    Some(format!("{before}{start}{}{end}{after}", new(present)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_the_marks_stays() {
        let text = "a\n<!-- x: start -->\nold\n<!-- x: end -->\nb\n";
        let new = |old: &str| old.replace("old", "new\nand more");
        let expected = "a\n<!-- x: start -->\nnew\nand more\n<!-- x: end -->\nb\n";
        assert_eq!(replaced(text, "x", new).as_deref(), Some(expected));
        assert_eq!(replaced(text, "y", new), None);
        assert_eq!(replaced("<!-- x: end -->\n<!-- x: start -->\n", "x", new), None);
    }
}
