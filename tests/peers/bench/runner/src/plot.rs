//! The plots: time of an order by its names, a line for each client.

use std::path::Path;

use plotters::prelude::*;

use crate::cell::Conditions;
use crate::client::CLIENTS;
use crate::result::{Results, Run};
use crate::table::median_wall;

const NAMES: [u32; 4] = [1, 10, 100, 1000];
const SIZE: (u32, u32) = (900, 520);

/// Writes the plot of all clients under these conditions, if there are results.
pub fn write(results: &Results, at: Conditions, title: &str, file: &Path) -> Result<(), String> {
    let lines: Vec<(&str, Vec<(f64, f64)>)> = CLIENTS
        .iter()
        .map(|client| {
            let wall = |names| {
                let runs: Vec<&Run> = results.at(client, names, at).collect();
                median_wall(&runs).map(|seconds| (f64::from(names), seconds))
            };
            (client.name, NAMES.into_iter().filter_map(wall).collect())
        })
        .filter(|(_, points): &(_, Vec<_>)| !points.is_empty())
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    draw(&lines, title, file).map_err(|error| format!("{}: {error}", file.display()))
}

fn draw(
    lines: &[(&str, Vec<(f64, f64)>)],
    title: &str,
    file: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let least = all().map(|point| point.1).fold(f64::MAX, f64::min) * 0.8;
    let most = all().map(|point| point.1).fold(0.0, f64::max) * 1.3;
    let widest = all().map(|point| point.0).fold(10.0, f64::max);
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (chart_area, legend) = area.split_horizontally(660);
    let mut chart = ChartBuilder::on(&chart_area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((0.9..widest * 1.1).log_scale(), (least..most).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("names of the order")
        .y_desc("seconds")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y}"))
        .light_line_style(BLACK.mix(0.05))
        .draw()?;
    for (index, (name, points)) in lines.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let own = name.starts_with("acme-tokio") || name.starts_with("acme-blocking");
        let style = color.stroke_width(if own { 4 } else { 2 });
        chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, color.filled())))?;
        let y = 44 + 24 * i32::try_from(index)?;
        legend.draw(&PathElement::new(vec![(0, y), (24, y)], style))?;
        legend.draw(&Text::new(*name, (32, y - 8), ("sans-serif", 15)))?;
    }
    area.present()?;
    Ok(())
}
