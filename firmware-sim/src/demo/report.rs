//! The table at the end of the demo: what was tried, what was expected, what happened.

use std::time::Duration;

use super::screen::{Screen, Style};

/// The outcome of one check.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Whether the outcome is the expected one.
    pub(super) as_expected: bool,
    /// What happened, in words.
    pub(super) happened: String,
    /// The reason, as logged by the broker or agent that decided it; empty if there is none.
    pub(super) reason: String,
    /// The time the check took.
    pub(super) took: Duration,
}

/// The table at the end.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    tried: &'static str,
    expected: &'static str,
    outcome: Outcome,
}

const HEADINGS: [&str; 5] = ["what was tried", "expected", "what happened", "reason", "ms"];

impl Report {
    pub(super) fn add(&mut self, tried: &'static str, expected: &'static str, outcome: Outcome) {
        self.rows.push(Row { tried, expected, outcome });
    }

    /// Whether every outcome is the expected one.
    pub(super) fn all_as_expected(&self) -> bool {
        self.rows.iter().all(|row| row.outcome.as_expected)
    }

    pub(super) fn print(&self, screen: Screen) {
        let cells: Vec<[String; 5]> = self.rows.iter().map(Row::cells).collect();
        let mut widths = HEADINGS.map(str::len);
        for row in &cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        screen.say("");
        screen.say(screen.styled(Style::Strong, &line(&HEADINGS.map(str::to_owned), &widths)));
        screen.say(widths.map(|width| "-".repeat(width)).join("  "));
        for (row, cells) in self.rows.iter().zip(&cells) {
            let text = line(cells, &widths);
            let style = if row.outcome.as_expected { Style::Good } else { Style::Bad };
            screen.say(screen.styled(style, &text));
        }
        screen.say("");
        let wrong = self.rows.iter().filter(|row| !row.outcome.as_expected).count();
        if wrong == 0 {
            screen.say(screen.styled(Style::Good, "Everything happened as it should."));
        } else {
            screen.say(screen.styled(Style::Bad, &format!("{wrong} of {} did not.", self.rows.len())));
        }
    }
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let Outcome { as_expected, happened, reason, took } = &self.outcome;
        let happened = if *as_expected { happened.clone() } else { format!("WRONG: {happened}") };
        let ms = took.as_millis().to_string();
        [self.tried.to_owned(), self.expected.to_owned(), happened, reason.clone(), ms]
    }
}

fn line(cells: &[String; 5], widths: &[usize; 5]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    padded.join("  ").trim_end().to_owned()
}
