//! A Markdown page that is built up, its pictures, and what was to be reached.

use crate::lab::Spread;

/// Something that was to be reached.
#[derive(Debug, Clone)]
pub struct Bar {
    pub what: String,
    pub found: String,
    pub met: bool,
}

#[derive(Debug, Default)]
pub struct Page {
    pub text: String,
    /// File name and content.
    pub pictures: Vec<(String, String)>,
    pub bars: Vec<Bar>,
}

impl Page {
    pub fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub fn heading(&mut self, text: &str) {
        self.line(&format!("\n## {text}\n"));
    }

    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let row = |cells: &mut dyn Iterator<Item = &str>| {
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        };
        self.line("");
        self.line(&row(&mut head.iter().copied()));
        self.line(&row(&mut head.iter().map(|_| "---")));
        for cells in rows {
            self.line(&row(&mut cells.iter().map(String::as_str)));
        }
        self.line("");
    }

    /// Puts a picture into the page, and keeps it as a file.
    pub fn picture(&mut self, name: &str, title: &str, svg: String) {
        self.line(&format!("![{title}](wind-tunnel/{name}.svg)\n"));
        self.pictures.push((format!("{name}.svg"), svg));
    }

    pub fn bar(&mut self, what: &str, found: String, met: bool) {
        self.bars.push(Bar { what: what.to_owned(), found, met });
    }
}

/// A number for a reader: no more digits than mean something.
pub fn figure(x: f64) -> String {
    if x.is_nan() {
        "–".to_owned()
    } else if x.is_infinite() {
        "never".to_owned()
    } else if x.abs() >= 99.95 && x.fract().abs() < 0.05 || x.abs() >= 1000.0 {
        format!("{x:.0}")
    } else {
        format!("{x:.1}")
    }
}

impl Spread {
    /// Median and worst seed, where more is better.
    pub fn least(&self) -> String {
        format!("{} / {}", figure(self.median), figure(self.low))
    }

    /// Median and worst seed, where less is better.
    pub fn most(&self) -> String {
        format!("{} / {}", figure(self.median), figure(self.high))
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, figure};

    #[test]
    fn numbers_read_well() {
        let read: Vec<String> = [0.04, 12.34, 100.0, f64::INFINITY, f64::NAN].map(figure).to_vec();
        assert_eq!(read, ["0.0", "12.3", "100", "never", "–"]);
    }

    #[test]
    fn a_table_has_a_rule_below_its_head() {
        let mut page = Page::default();
        page.table(&["a", "b"], &[vec!["1".into(), "2".into()]]);
        assert_eq!(page.text, "\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n");
    }
}
