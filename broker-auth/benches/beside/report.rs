//! [`Report`]: what came out, for people: as text, and as Markdown.

use std::fmt;
use std::io;
use std::path::Path;

use load::machine::Disturbance;
use load::marked;

use crate::scenario::{SCENARIOS, Scenario};
use crate::server::Kind;
use crate::table::{Figure, Table};

/// The report stands between marks of this name in a Markdown file.
const MARK: &str = "beside";

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

    /// Puts its tables in the place of those of the same title in a Markdown file; what was not measured stays.
    pub(crate) fn replace_in(&self, file: &Path) -> io::Result<()> {
        let new = |title| {
            let table = self.tables.iter().find(|table| table.title == title)?;
            Some(format!("\n{}\n{}\n", table.markdown(), self.origin()))
        };
        let mut titles: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.table).collect();
        titles.dedup();
        marked::replace(file, MARK, |present| {
            let table = |title| new(title).or_else(|| block(present, title));
            let tables: String = titles.into_iter().filter_map(table).collect();
            format!("{tables}\n")
        })
    }
}

/// The table with this title, and what stands below it, up to the next.
fn block(present: &str, title: &str) -> Option<String> {
    let heading = format!("\n**{title}**\n");
    let rest = &present[present.find(&heading)? + heading.len()..];
    let body = rest.split_once("\n**").map_or(rest, |(body, _)| body);
    Some(format!("{heading}{}\n", body.trim_end_matches('\n')))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        writeln!(f, "{}", self.origin())
    }
}
