//! [`FileKind`]: what a file is that was given for an order and is no CSV in UTF-8 with commas.

use std::fmt;

use super::column::Column;

/// What a file is that was given for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A workbook of Excel, `.xlsx` or `.xls`.
    Excel,
    /// A spreadsheet of LibreOffice, `.ods`.
    OpenDocument,
    /// A zip archive of something else.
    Zip,
    /// A compressed file.
    Compressed(&'static str),
    /// Text in UTF-16 or UTF-32, which Excel calls "Unicode text".
    WideText,
    /// A web page or XML, which some programs call `.xls`.
    Markup,
    /// JSON.
    Json,
    /// A PDF document.
    Pdf,
    /// Bytes that are no text.
    Binary,
    /// Text whose columns are separated by something else than commas.
    Separated(Separator),
}

/// What separates columns, other than the comma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    Semicolon,
    Tab,
    Bar,
}

/// How far into a file it is looked for what tells its kind.
const HEAD_LEN: usize = 4096;

impl FileKind {
    /// The kind of a file with this content; `None` if it may be CSV in UTF-8 with commas.
    pub(super) fn of(content: &[u8]) -> Option<Self> {
        let head = content.get(..HEAD_LEN).unwrap_or(content);
        let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
        let signatures: [(&[u8], Self); 10] = [
            (b"\xd0\xcf\x11\xe0", Self::Excel),
            (b"\x1f\x8b", Self::Compressed("gzip")),
            (b"BZh", Self::Compressed("bzip2")),
            (b"\xfd7zXZ", Self::Compressed("xz")),
            (b"\x28\xb5\x2f\xfd", Self::Compressed("zstd")),
            (b"7z\xbc\xaf", Self::Compressed("7z")),
            (b"\xff\xfe", Self::WideText),
            (b"\xfe\xff", Self::WideText),
            (b"\0\0\xfe\xff", Self::WideText),
            (b"%PDF", Self::Pdf),
        ];
        if head.starts_with(b"PK\x03\x04") {
            return Some(match () {
                () if has(b"opendocument.spreadsheet") => Self::OpenDocument,
                () if has(b"[Content_Types].xml") || has(b"xl/") => Self::Excel,
                () => Self::Zip,
            });
        }
        if let Some((_, kind)) = signatures.into_iter().find(|(signature, _)| head.starts_with(signature)) {
            return Some(kind);
        }
        if has(b"\0") {
            // Letters of ASCII in UTF-16 are every other byte.
            let pairs = || head.chunks_exact(2);
            let wide = pairs().filter(|pair| matches!(pair, [0, 1..=127] | [1..=127, 0])).count();
            return Some(if wide * 10 >= pairs().count() * 8 { Self::WideText } else { Self::Binary });
        }
        match head.trim_ascii_start().first() {
            Some(b'<') => Some(Self::Markup),
            Some(b'{' | b'[') => Some(Self::Json),
            _ => None,
        }
    }

    /// The kind of a text whose header, read with commas, names no device id: one with other separators, if the header
    /// names it then, or if its first line is the `sep=;` of Excel.
    pub(super) fn of_header(first_line: &str) -> Option<Self> {
        let all = [(';', Separator::Semicolon), ('\t', Separator::Tab), ('|', Separator::Bar)];
        all.into_iter().find_map(|(character, separator)| {
            let names = || first_line.split(character).map(|name| name.trim_matches(['"', '\'']));
            let named = first_line.contains(character)
                && names().any(|name| matches!(Column::meant_by(name), Column::DeviceId));
            let said = first_line.trim().strip_prefix("sep=").is_some_and(|rest| rest.starts_with(character));
            (named || said).then_some(Self::Separated(separator))
        })
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excel => f.write_str("an Excel workbook"),
            Self::OpenDocument => f.write_str("an OpenDocument spreadsheet"),
            Self::Zip => f.write_str("a zip archive"),
            Self::Compressed(by) => write!(f, "compressed ({by})"),
            Self::WideText => f.write_str("text in UTF-16 (\"Unicode text\")"),
            Self::Markup => f.write_str("a web page or XML"),
            Self::Json => f.write_str("JSON"),
            Self::Pdf => f.write_str("a PDF document"),
            Self::Binary => f.write_str("no text"),
            Self::Separated(separator) => {
                let separator = match separator {
                    Separator::Semicolon => "semicolons",
                    Separator::Tab => "tabs",
                    Separator::Bar => "the character |",
                };
                write!(f, "text with columns separated by {separator}")
            }
        }
    }
}
