use std::fmt::Write as _;

use crate::core::observe::value::shortened_to;

/// The longest value of a label, in characters.
const LABEL: usize = 128;

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FamilyType {
    /// It only grows.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// Builds the text, family by family.
#[derive(Debug, Default)]
pub struct MetricsText {
    text: String,
    name: &'static str,
}

impl MetricsText {
    /// Begins a family.
    pub fn family(&mut self, name: &'static str, of: FamilyType, help: &str) {
        let of = match of {
            FamilyType::Counter => "counter",
            FamilyType::Gauge => "gauge",
        };
        self.name = name;
        for part in ["# HELP ", name, " ", help, "\n# TYPE ", name, " ", of, "\n"] {
            self.text.push_str(part);
        }
    }

    /// Adds a sample of the family.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(self.name);
        for (index, (name, value)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escaped(value);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.text.push(' ');
        self.number(value);
        self.text.push('\n');
    }

    fn escaped(&mut self, value: &str) {
        for character in shortened_to(value, LABEL).chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                // Parsers differ on what else ends a line.
                other if other.is_control() || matches!(other, '\u{2028}' | '\u{2029}') => {
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
                other => self.text.push(other),
            }
        }
    }

    fn number(&mut self, value: f64) {
        if value.is_nan() {
            self.text.push_str("NaN");
        } else if value.is_infinite() {
            self.text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        } else {
            // The shortest text that reads back as the number.
            let _ = write!(self.text, "{value}");
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}
