//! Kinds of rows: their order in the dashboard, their titles, and how each is ordered and filtered.

use std::collections::BTreeMap;

use crate::protocol::Hello;

/// The kinds that the dashboard knows, with their titles and the column that orders them at first.
const KNOWN: &[(&str, &str, Option<&str>)] = &[
    ("process", "Processes", Some("mailbox")),
    ("supervisor", "Supervisors", Some("restarts")),
    ("route", "Routes", Some("R")),
    ("policy", "Policies", None),
    ("limiter", "Limiters", None),
    ("journal", "Journals", None),
    ("cache", "Caches", None),
    ("bus", "Buses", None),
    ("atom", "Atoms", None),
    ("timer", "Timers", None),
    ("effect", "Effects", None),
];

/// Kinds that other widgets show.
const ELSEWHERE: &[&str] = &["loop"];

/// Returns the title of a kind; the kind itself when it is unknown.
pub fn title_of(kind: &str) -> &str {
    KNOWN.iter().find(|(own, ..)| *own == kind).map_or(kind, |(_, title, _)| title)
}

/// Returns the kinds of a service: known ones first, then the others by name.
pub(super) fn ordered(hello: &Hello) -> Vec<&str> {
    let known = KNOWN.iter().map(|(kind, ..)| *kind).filter(|kind| hello.kinds.contains_key(*kind));
    let is_other =
        |kind: &&str| !KNOWN.iter().any(|(own, ..)| own == kind) && !ELSEWHERE.contains(kind);
    let others = hello.kinds.keys().map(String::as_str).filter(is_other);
    known.chain(others).collect()
}

/// How the rows of a kind are ordered and filtered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column; `None` for the order of creation.
    pub by: Option<String>,
    /// Whether the largest value comes first.
    pub is_descending: bool,
    /// Text that a row must have.
    pub filter: String,
}

/// The order of each kind.
#[derive(Debug, Default)]
pub struct KindOrder(BTreeMap<String, Order>);

impl KindOrder {
    /// Returns the order of a kind.
    pub fn of(&self, kind: &str) -> Order {
        let first = || {
            let by = KNOWN
                .iter()
                .find(|(own, ..)| *own == kind)
                .and_then(|(.., by)| *by)
                .map(str::to_owned);
            Order { is_descending: by.is_some(), by, filter: String::new() }
        };
        self.0.get(kind).cloned().unwrap_or_else(first)
    }

    /// Changes the order of a kind.
    pub fn change(&mut self, kind: &str, change: impl FnOnce(&mut Order)) {
        let mut order = self.of(kind);
        change(&mut order);
        self.0.insert(kind.into(), order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ServerFrame;

    #[test]
    fn known_kinds_come_first_and_loops_are_shown_elsewhere() {
        let frame = r#"{"type":"hello","v":1,"kinds":{"zebra":[],"journal":[],"loop":[],"process":[],"apple":[]}}"#;
        let ServerFrame::Hello(hello) = serde_json::from_str(frame).unwrap() else { panic!() };
        assert_eq!(ordered(&hello), ["process", "journal", "apple", "zebra"]);
        assert_eq!((title_of("bus"), title_of("zebra")), ("Buses", "zebra"));
    }

    #[test]
    fn each_kind_keeps_its_own_order() {
        let mut orders = KindOrder::default();
        assert_eq!(orders.of("process").by.as_deref(), Some("mailbox"));
        orders.change("process", |order| order.filter = "cart".into());
        assert_eq!(orders.of("process").filter, "cart");
        assert_eq!(orders.of("route").filter, "");
        assert_eq!(
            orders.of("later"),
            Order { by: None, is_descending: false, filter: String::new() }
        );
    }
}
