//! [`Table`]: mosquitto with the plugin, and without, beside each other.

use crate::broker::Kind;

/// What is hoped for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    None,
    /// At most so many times what it is without the plugin.
    Ratio(f64),
    /// Less than this.
    Below(f64),
}

/// Rows in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    goal: Goal,
    /// One for each round; `None` where it did not happen.
    plugin: Vec<Option<f64>>,
    alone: Vec<Option<f64>>,
}

impl Table {
    /// Enters what came out in one round; `None` if it did not happen.
    pub(crate) fn enter(&mut self, what: &str, unit: &str, goal: Goal, kind: Kind, value: Option<f64>) {
        let what = format!("{what}, {unit}");
        let place = self.0.iter().position(|row| row.what == what).unwrap_or_else(|| {
            self.0.push(Row { what, goal, plugin: Vec::new(), alone: Vec::new() });
            self.0.len() - 1
        });
        let row = &mut self.0[place];
        match kind {
            Kind::Plugin => row.plugin.push(value),
            Kind::Alone => row.alone.push(value),
        }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = "| median of the rounds | plugin | alone | ratio (of single rounds) | goal |\n\
                        |---|---:|---:|---:|---|\n"
            .to_owned();
        for row in &self.0 {
            let [plugin, alone] = [&row.plugin, &row.alone].map(|values| shown(median(values)));
            text += &format!("| {} | {plugin} | {alone} | {} | {} |\n", row.what, row.ratio(), row.goal());
        }
        text
    }
}

impl Row {
    fn ratio(&self) -> String {
        let (Some(plugin), Some(alone)) = (median(&self.plugin), median(&self.alone)) else {
            return String::new();
        };
        let of_rounds = self.plugin.iter().zip(&self.alone);
        let mut ratios: Vec<_> =
            of_rounds.filter_map(|(plugin, alone)| Some((*plugin)? / (*alone)?)).collect();
        ratios.sort_by(f64::total_cmp);
        match (ratios.first(), ratios.last()) {
            (Some(least), Some(most)) if ratios.len() > 1 => {
                format!("{:.2} ({least:.2} – {most:.2})", plugin / alone)
            }
            _ => format!("{:.2}", plugin / alone),
        }
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::None => String::new(),
            Goal::Ratio(most) => format!("≤ {most} ×"),
            Goal::Below(most) => format!("< {most}"),
        }
    }
}

/// The middle one; of an even number the lesser of the two. `None` if it did not happen each time.
fn median(values: &[Option<f64>]) -> Option<f64> {
    let mut values: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => "never".to_owned(),
        Some(number) if number >= 100.0 => format!("{number:.0}"),
        Some(number) => format!("{number:.2}"),
    }
}
