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
        let mut text = "| median of the rounds | plugin | alone | ratio (95 %) | goal |\n\
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
    /// The median of the rounds' ratios, and between what it is in 95 of 100 cases: what a machine does to both in a round says
    /// nothing about either.
    fn ratio(&self) -> String {
        let of_rounds = self.plugin.iter().zip(&self.alone);
        let ratios: Vec<_> = of_rounds.map(|(plugin, alone)| Some((*plugin)? / (*alone)?)).collect();
        let Some(ratio) = median(&ratios) else { return String::new() };
        let mut ratios: Vec<_> = ratios.into_iter().flatten().collect();
        ratios.sort_by(f64::total_cmp);
        match between(ratios.len()) {
            Some((least, most)) => format!("{ratio:.2} ({:.2} – {:.2})", ratios[least], ratios[most]),
            None => format!("{ratio:.2}"),
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

/// Which of so many values, in order, the true median lies between in 95 of 100 cases, whatever their distribution: each is
/// above or below it as a coin falls. `None`: there are too few to say.
fn between(count: usize) -> Option<(usize, usize)> {
    let deviation = 0.98 * (count as f64).sqrt();
    let least = (count as f64 / 2.0 - deviation).floor();
    (least >= 0.0 && count > 4).then(|| (least as usize, count - 1 - least as usize))
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
