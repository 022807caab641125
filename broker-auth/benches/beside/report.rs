//! [`Report`]: what came out, for people: as text, and as Markdown.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use load::machine::Disturbance;

use crate::scenario::Scenario;
use crate::server::Kind;
use crate::table::{Figure, Table};

/// The report stands between these in a Markdown file.
const START: &str = "<!-- beside: start -->\n";
const END: &str = "<!-- beside: end -->\n";

/// Tables, and what they were measured on.
pub(crate) struct Report {
    machine: String,
    tables: Vec<Table>,
    /// Of the scenario that was disturbed most.
    most: Option<(&'static str, Disturbance)>,
}

impl Report {
    /// Nothing yet, of this machine.
    pub(crate) fn new(machine: String) -> Self {
        Self { machine, tables: Vec::new(), most: None }
    }

    pub(crate) fn enter(&mut self, scenario: &Scenario, kind: Kind, figure: Figure) {
        let place = self.tables.iter().position(|table| table.title == scenario.table);
        let place = place.unwrap_or_else(|| {
            self.tables.push(Table::new(scenario.table, scenario.rival));
            self.tables.len() - 1
        });
        self.tables[place].enter(kind, figure);
    }

    /// While it ran, others did that.
    pub(crate) fn disturbed(&mut self, scenario: &'static str, by: Disturbance) {
        let sum = |by: &Disturbance| by.others + by.stolen;
        if self.most.as_ref().is_none_or(|(_, most)| sum(&by) > sum(most)) {
            self.most = Some((scenario, by));
        }
    }

    /// The numbers of the rows that begin with `prefix`, as far as both have one: ours, and theirs.
    pub(crate) fn numbers(&self, prefix: &str) -> Vec<(f64, Option<f64>)> {
        self.tables.iter().flat_map(|table| table.numbers(prefix)).collect()
    }

    /// Where it comes from.
    fn origin(&self) -> String {
        let disturbance = self.most.as_ref().map_or_else(String::new, |(scenario, by)| {
            format!(" `{scenario}` was disturbed most: meanwhile {by}.")
        });
        format!("Measured on {}.{disturbance}", self.machine)
    }

    /// Puts it in the place of the one in a Markdown file.
    pub(crate) fn replace_in(&self, file: &Path) -> io::Result<()> {
        let text = fs::read_to_string(file)?;
        let parts = text.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let Some((before, after)) = parts else {
            return Err(io::Error::other(format!("{} has no place for the tables: {START}", file.display())));
        };
        let tables: String = self.tables.iter().map(|table| table.markdown() + "\n").collect();
        fs::write(file, format!("{before}{START}\n{tables}{}\n\n{END}{after}", self.origin()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        writeln!(f, "{}", self.origin())
    }
}
