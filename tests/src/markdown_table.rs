//! [`MarkdownTable`]: a table that was written by hand, beside the test that holds the programs to it.

/// A table in Markdown.
#[derive(Clone, Debug)]
pub struct MarkdownTable<'a> {
    /// The cells of its header.
    pub header: Vec<&'a str>,
    /// The cells of its rows, each as many as the header has.
    pub rows: Vec<Vec<&'a str>>,
}

impl<'a> MarkdownTable<'a> {
    /// The tables in `text`, in order.
    #[track_caller]
    pub fn all(text: &'a str) -> Vec<Self> {
        let lines: Vec<_> = text.lines().collect();
        let tables = lines.split(|line| !line.starts_with('|')).filter(|lines| !lines.is_empty());
        tables.map(Self::of_lines).collect()
    }

    #[track_caller]
    fn of_lines(lines: &[&'a str]) -> Self {
        let mut rows = lines.iter().map(|line| cells(line));
        let header = rows.next().expect("a table has a header");
        // The second line rules off the header.
        let rows: Vec<_> = rows.skip(1).collect();
        for row in &rows {
            assert_eq!(row.len(), header.len(), "{row:?}");
        }
        Self { header, rows }
    }
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).expect("a row has two ends");
    line.split('|').map(str::trim).collect()
}
