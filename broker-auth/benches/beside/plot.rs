//! What an arrival costs as the fleet grows: a curve says more than three numbers.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::report::Report;
use crate::scenario::arrival::{FLEETS, PREFIX};

const SIZE: (u32, u32) = (720, 400);
const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const THEIRS: RGBColor = RGBColor(0xd9, 0x6b, 0x1a);

pub(crate) fn arrival(report: &Report, file: &Path) -> Result<(), Box<dyn Error>> {
    let numbers = report.numbers(PREFIX);
    if numbers.is_empty() {
        return Err("nothing to draw: arrival was not among what ran".into());
    }
    let fleets = FLEETS.map(|fleet| fleet as f64 / 1000.0);
    let ours: Vec<_> = fleets.into_iter().zip(numbers.iter().map(|(ours, _)| *ours)).collect();
    let theirs: Vec<_> = fleets
        .into_iter()
        .zip(&numbers)
        .filter_map(|(fleet, (_, theirs))| Some((fleet, (*theirs)?)))
        .collect();
    let top = ours.iter().chain(&theirs).map(|(_, cost)| *cost).fold(0.0, f64::max) * 1.2;

    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .caption("server CPU per arriving device", ("sans-serif", 18))
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..fleets[fleets.len() - 1] * 1.05, 0.0..top)?;
    chart.configure_mesh().x_desc("thousand devices connected already").y_desc("ms").draw()?;
    for (name, points, colour) in [("countersign-broker", ours, OURS), ("mosquitto", theirs, THEIRS)] {
        if points.is_empty() {
            continue;
        }
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK.mix(0.3)).draw()?;
    area.present()?;
    Ok(())
}
