//! Small line charts, one below the other over the same time.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const PANEL: f64 = 90.0;
const LEFT: f64 = 70.0;
const COLOURS: [&str; 4] = ["#1f6feb", "#cf222e", "#1a7f37", "#8250df"];

/// A named series.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    pub values: Vec<f64>,
}

/// A panel for each quantity, its lines in it; all of them from 0 to `seconds`.
pub fn picture(title: &str, seconds: f64, panels: &[(&str, f64, Vec<Line>)]) -> String {
    let height = 40.0 + panels.len() as f64 * (PANEL + 18.0) + 20.0;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"8\" y=\"18\" font-size=\"13\">{title}</text>\n"
    );
    let legend = panels.first().map_or(&[][..], |(_, _, lines)| lines);
    for (i, line) in legend.iter().enumerate() {
        let x = 300.0 + 85.0 * i as f64;
        let _ =
            writeln!(svg, "<text x=\"{x}\" y=\"18\" fill=\"{}\">{}</text>", colour(i), line.name);
    }
    for (i, (name, top, lines)) in panels.iter().enumerate() {
        let base = 40.0 + (i + 1) as f64 * (PANEL + 18.0) - 18.0;
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{}\">{name}</text><text x=\"8\" y=\"{}\" fill=\"#888\">{top}</text><path d=\"M{LEFT} {base}H{WIDTH}\" stroke=\"#ccc\"/>",
            base - PANEL / 2.0,
            base - PANEL + 10.0,
        );
        for (at, line) in lines.iter().enumerate() {
            let _ = writeln!(
                svg,
                "<path d=\"{}\" fill=\"none\" stroke=\"{}\"/>",
                path(&line.values, *top, base),
                colour(at)
            );
        }
    }
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\">0 s</text><text x=\"{}\" y=\"{0}\">{seconds} s</text>\n</svg>\n",
        height - 6.0,
        WIDTH - 40.0
    );
    svg
}

fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// A polyline, broken where there is no value.
fn path(values: &[f64], top: f64, base: f64) -> String {
    let step = (WIDTH - LEFT) / values.len().max(1) as f64;
    let mut path = String::new();
    let mut pen = 'M';
    for (i, value) in values.iter().enumerate() {
        if !value.is_finite() {
            pen = 'M';
            continue;
        }
        let y = base - (value / top).clamp(0.0, 1.0) * PANEL;
        let _ = write!(path, "{pen}{:.0} {y:.0}", LEFT + step * i as f64);
        pen = 'L';
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Line, picture};

    #[test]
    fn a_gap_in_the_values_is_a_gap_in_the_line() {
        let line = Line { name: "a".into(), values: vec![0.0, 1.0, f64::NAN, 1.0] };
        let svg = picture("t", 4.0, &[("R", 1.0, vec![line])]);
        assert!(svg.contains("M70 130L212 40M498 40"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }
}
