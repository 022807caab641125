//! [`Row`]: a row of a table in `coming-from.md`, as it is written.

use std::sync::LazyLock;

const DOCUMENT: &str = include_str!("../../../broker-auth/coming-from.md");

/// What a command begins with. Other code in the last column is none.
const PROGRAMS: [&str; 4] = ["countersign-broker", "countersign-provision", "curl", "openssl"];

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The heading above its table, without "From".
    pub(crate) system: String,
    /// Their setting.
    pub(crate) setting: String,
    /// The code in our setting.
    pub(crate) ours: Vec<String>,
    /// What is run to see it.
    pub(crate) command: String,
}

impl Row {
    /// The row about this setting of a system.
    #[track_caller]
    pub(crate) fn find(system: &str, setting: &str) -> &'static Self {
        rows()
            .iter()
            .find(|row| row.system == system && row.setting == setting)
            .unwrap_or_else(|| panic!("the table of {system} has no row {setting:?}"))
    }

    /// Which code in our setting stands in none of `texts`. `…` in it is for anything on the same
    /// line, and letters are of any case, as in HTTP.
    pub(crate) fn not_found_in(&self, texts: &[&str]) -> Vec<&str> {
        let is_in = |code: &str, text: &str| {
            text.lines().any(|line| fits(&code.to_ascii_lowercase(), &line.to_ascii_lowercase()))
        };
        let missing = self.ours.iter().filter(|code| !texts.iter().any(|text| is_in(code, text)));
        missing.map(String::as_str).collect()
    }
}

/// Whether the parts of `code` between `…` stand in `line`, in order.
fn fits(code: &str, line: &str) -> bool {
    let mut rest = Some(line);
    for part in code.split('…') {
        rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, after)| after);
    }
    rest.is_some()
}

/// All rows of all tables.
pub(crate) fn rows() -> &'static [Row] {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| parse(DOCUMENT));
    &ROWS
}

fn parse(document: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for section in document.split("\n## ").skip(1) {
        let (heading, table) = section.split_once('\n').expect("a section has lines");
        let system = heading.strip_prefix("From ").unwrap_or_else(|| panic!("no system: {heading:?}"));
        let lines: Vec<&str> = table.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines[..2], ["| their setting | ours | what shows it |", "|---|---|---|"], "{system}");
        for line in &lines[2..] {
            let cells = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
            let cells: Vec<&str> = cells.unwrap_or_else(|| panic!("no row: {line:?}")).split(" | ").collect();
            let [setting, ours, shown] = cells[..] else { panic!("three cells: {line:?}") };
            let is_command =
                |code: &String| PROGRAMS.iter().any(|name| code.starts_with(&format!("{name} ")));
            let commands: Vec<String> = code_in(shown).into_iter().filter(is_command).collect();
            let [command] = &commands[..] else { panic!("one command: {line:?}") };
            assert!(!command.contains('…'), "nobody can run {command}");
            rows.push(Row {
                system: system.to_owned(),
                setting: setting.to_owned(),
                ours: code_in(ours),
                command: command.clone(),
            });
        }
    }
    rows
}

/// What stands between backticks.
fn code_in(cell: &str) -> Vec<String> {
    let parts: Vec<&str> = cell.split('`').collect();
    assert_eq!(parts.len() % 2, 1, "a backtick is left open: {cell:?}");
    parts.into_iter().skip(1).step_by(2).map(str::to_owned).collect()
}
