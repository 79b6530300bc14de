use std::borrow::Cow;
use std::cell::RefCell;

use crate::core::observe::{
    CellValue, FamilyType, MOST_SERIES, MemoryReading, MetricsBook, MetricsText, ObservedLoop,
    ObservedWorld, RowSource, TableKind, WorldTotals,
};

/// Made-up routes: key, name, succeeded, R.
#[derive(Default)]
struct Routes(RefCell<Vec<(u32, String, f64, f64)>>);

impl Routes {
    fn set(&self, routes: &[(u32, &str, f64, f64)]) {
        let owned = |&(key, name, succeeded, r): &(u32, &str, f64, f64)| {
            (key, name.to_owned(), succeeded, r)
        };
        *self.0.borrow_mut() = routes.iter().map(owned).collect();
    }
}

struct RouteTable<'a>(Vec<&'a (u32, String, f64, f64)>);

impl RowSource for RouteTable<'_> {
    fn places(&self) -> usize {
        self.0.len()
    }

    fn rows(&self) -> usize {
        self.0.len()
    }

    fn order(&self, place: usize) -> Option<u64> {
        Some(u64::from(self.0[place].0))
    }

    fn cell(&self, place: usize, column: usize) -> CellValue<'_> {
        match TableKind::Route.columns()[column].name {
            "name" => CellValue::text(&self.0[place].1),
            "succeeded" => CellValue::Number(self.0[place].2),
            "R" => CellValue::Number(self.0[place].3),
            "baselineMs" => CellValue::Unknown,
            _ => CellValue::Number(0.0),
        }
    }

    fn key(&self, place: usize) -> Cow<'_, str> {
        self.0[place].0.to_string().into()
    }
}

impl ObservedWorld for Routes {
    fn table(&self, kind: TableKind, read: &mut dyn FnMut(&dyn RowSource)) {
        let routes = self.0.borrow();
        let shown = if kind == TableKind::Route { routes.iter().collect() } else { Vec::new() };
        read(&RouteTable(shown));
    }

    fn loops(&self) -> Vec<ObservedLoop> {
        Vec::new()
    }

    fn memory(&self) -> MemoryReading {
        MemoryReading::default()
    }

    fn totals(&self) -> WorldTotals {
        WorldTotals { messages: 7, ..WorldTotals::default() }
    }

    fn metrics(&self) -> String {
        String::new()
    }
}

fn sample(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map(|value| value.trim().parse().expect("a number"))
}

fn succeeded(text: &str, route: &str) -> Option<f64> {
    let labels = format!(r#"{{route="{route}",outcome="succeeded"}}"#);
    sample(text, &format!("keelson_admission_requests_total{labels}"))
}

#[test]
fn pitfall_18_counters_of_a_terminated_worker_stay_in_the_sum_monotonic() {
    let (routes, mut book) = (Routes::default(), MetricsBook::default());
    routes.set(&[(1, "a", 10.0, 12.0), (2, "a", 5.0, 20.0), (3, "b", 1.0, 10.0)]);
    let text = book.text(&routes);
    assert_eq!(succeeded(&text, "a"), Some(15.0));
    assert_eq!(sample(&text, r#"keelson_resistance_ohms{route="a"}"#), Some(20.0));
    assert_eq!(sample(&text, "keelson_messages_total"), Some(7.0));
    assert!(!text.contains("baseline"), "what is not known has no sample");
    // The rows of a worker are looked at a last time, and then they are gone.
    routes.set(&[(1, "a", 11.0, 12.0), (2, "a", 8.0, 20.0), (3, "b", 1.0, 10.0)]);
    book.look(&routes);
    routes.set(&[(1, "a", 12.0, 12.0)]);
    let text = book.text(&routes);
    assert_eq!((succeeded(&text, "a"), succeeded(&text, "b")), (Some(20.0), Some(1.0)));
    assert_eq!(sample(&text, r#"keelson_resistance_ohms{route="b"}"#), None);
    // Counts that were reset go on from where they were.
    routes.set(&[(1, "a", 2.0, 12.0)]);
    assert_eq!(succeeded(&book.text(&routes), "a"), Some(22.0));
}

#[test]
fn pitfall_19_label_values_from_users_are_escaped_and_capped() {
    let (routes, mut book) = (Routes::default(), MetricsBook::default());
    let names: Vec<String> = (0..MOST_SERIES + 5).map(|number| format!("r{number}")).collect();
    let all: Vec<_> =
        (0..).zip(&names).map(|(key, name)| (key, name.as_str(), 1.0, 10.0)).collect();
    routes.set(&all);
    let text = book.text(&routes);
    let series = |text: &str| text.matches(r#",outcome="succeeded"}"#).count();
    assert_eq!((series(&text), succeeded(&text, "other")), (MOST_SERIES + 1, Some(5.0)));
    // The place of a name that is gone is not given to another, whose counts would jump.
    routes.set(&all[3..]);
    let text = book.text(&routes);
    assert_eq!((series(&text), succeeded(&text, "other")), (MOST_SERIES + 1, Some(5.0)));
    assert_eq!(succeeded(&text, "r0"), Some(1.0));
    // A route that is called so is one of the others.
    let mut book = MetricsBook::default();
    routes.set(&[(1, "other", 2.0, 10.0)]);
    assert_eq!(succeeded(&book.text(&routes), "other"), Some(2.0));

    let mut text = MetricsText::default();
    text.family("f", FamilyType::Gauge, "Help.");
    text.sample(&[("l", "a\"b\\c\nd\re\u{2028}")], f64::INFINITY);
    text.sample(&[("l", &"é".repeat(1000)), ("m", "")], 0.5);
    let text = text.finish();
    let mut lines = text.lines().skip(2);
    assert_eq!(lines.next(), Some("f{l=\"a\\\"b\\\\c\\nd\u{fffd}e\u{fffd}\"} +Inf"));
    assert_eq!(lines.next().map(|line| line.chars().count()), Some(128 + 16));
}
