use std::collections::BTreeMap;

use super::families::{FAMILIES, Family, Join, KindFamilies};
use super::text::FamilyType::{Counter, Gauge};
use super::text::MetricsText;
use crate::core::observe::columns::TableKind;
use crate::core::observe::value::CellValue;
use crate::core::observe::world::{ObservedWorld, ProcessSums, RowSource, WorldTotals};

/// The most names of a kind; the rest share one.
pub const MOST_SERIES: usize = 1000;

/// The name of those that have none of their own.
const OTHER: &str = "other";

/// Rows whose counters are remembered, a kind. Beyond it, a row that goes takes its counts along.
const MOST_ROWS: usize = 100_000;

/// The numbers of one name, a place for each column of each family.
type Numbers = Vec<f64>;

/// What is remembered of a kind from one text to the next.
#[derive(Debug, Default)]
struct KindBook {
    /// Names that have series of their own, with the counts of rows that are gone.
    names: BTreeMap<String, Numbers>,
    other: Option<Numbers>,
    rows: BTreeMap<String, RowBook>,
    round: u64,
}

/// The last look at a row.
#[derive(Debug)]
struct RowBook {
    name: String,
    counts: Numbers,
    round: u64,
}

/// Remembers what makes counters grow only.
#[derive(Debug, Default)]
pub struct MetricsBook {
    kinds: BTreeMap<TableKind, KindBook>,
    /// The greatest totals so far.
    totals: WorldTotals,
}

impl MetricsBook {
    /// Returns the text of everything.
    pub fn text(&mut self, world: &dyn ObservedWorld) -> String {
        let mut text = MetricsText::default();
        self.processes(world, &mut text);
        for families in FAMILIES {
            let book = self.kinds.entry(families.kind).or_default();
            let mut live = BTreeMap::new();
            world.table(families.kind, &mut |table| live = book.look(families, table));
            book.write(families, &live, &mut text);
        }
        text.finish()
    }

    /// Takes a last look at everything, without a text: rows are about to go.
    pub fn look(&mut self, world: &dyn ObservedWorld) {
        for families in FAMILIES {
            let book = self.kinds.entry(families.kind).or_default();
            world.table(families.kind, &mut |table| {
                book.look(families, table);
            });
        }
    }

    fn processes(&mut self, world: &dyn ObservedWorld, text: &mut MetricsText) {
        let ProcessSums { kinds, queued, longest } = world.processes();
        let totals = world.totals();
        let most = &mut self.totals;
        most.messages = most.messages.max(totals.messages);
        most.restarts = most.restarts.max(totals.restarts);
        most.crashes = most.crashes.max(totals.crashes);
        text.family("keelson_processes", Gauge, "Processes that live.");
        for (kind, count) in &kinds {
            text.sample(&[("kind", kind)], *count);
        }
        if kinds.is_empty() {
            text.sample(&[], 0.0);
        }
        let mut single = |name, of, help, value: f64| {
            text.family(name, of, help);
            text.sample(&[], value);
        };
        single("keelson_mailbox_messages", Gauge, "Messages that wait in mailboxes.", queued);
        single("keelson_mailbox_messages_max", Gauge, "Messages in the fullest mailbox.", longest);
        let messages = most.messages as f64;
        single("keelson_messages_total", Counter, "Messages that processes were handed.", messages);
        let restarts = most.restarts as f64;
        single("keelson_supervisor_restarts_total", Counter, "Restarts of children.", restarts);
        single(
            "keelson_process_crashes_total",
            Counter,
            "Crashes of processes.",
            most.crashes as f64,
        );
    }
}

fn text_of(cell: CellValue<'_>) -> String {
    match cell {
        CellValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

fn number_of(cell: &CellValue<'_>) -> f64 {
    match cell {
        CellValue::Number(number) => *number,
        CellValue::Flag(flag) => f64::from(u8::from(*flag)),
        _ => f64::NAN,
    }
}

/// Returns the families of a kind with the place of their first number.
fn placed(families: &KindFamilies) -> impl Iterator<Item = (usize, &Family)> {
    families.families.iter().scan(0, |next, family| {
        let place = *next;
        *next += family.columns.len();
        Some((place, family))
    })
}

fn width(families: &KindFamilies) -> usize {
    families.families.iter().map(|family| family.columns.len()).sum()
}

fn join(join: Join, one: f64, other: f64) -> f64 {
    match (one.is_nan(), other.is_nan(), join) {
        (true, ..) => other,
        (_, true, _) => one,
        (_, _, Join::Sum) => one + other,
        (_, _, Join::Greatest) => one.max(other),
    }
}

impl KindBook {
    /// Reads a table. Returns the numbers of living rows by name, `other` under the empty name.
    fn look(
        &mut self,
        families: &KindFamilies,
        table: &dyn RowSource,
    ) -> BTreeMap<String, Numbers> {
        self.round += 1;
        let kind = families.kind;
        let name_column = kind.column(families.name).expect("a column");
        let columns: Vec<usize> = families
            .families
            .iter()
            .flat_map(|family| family.columns)
            .map(|each| kind.column(each.column).expect("a column"))
            .collect();
        let mut places: Vec<(u64, usize)> =
            (0..table.places()).filter_map(|place| Some((table.order(place)?, place))).collect();
        // The oldest get names of their own.
        places.sort_unstable();
        let mut live: BTreeMap<String, Numbers> = BTreeMap::new();
        for (_, place) in places {
            let name = self.series(text_of(table.cell(place, name_column)), columns.len());
            let numbers: Numbers =
                columns.iter().map(|&column| number_of(&table.cell(place, column))).collect();
            self.remember(families, table.key(place).into_owned(), &name, &numbers);
            match live.get_mut(&name) {
                None => {
                    live.insert(name, numbers);
                }
                Some(sum) => {
                    for (start, family) in placed(families) {
                        for at in start..start + family.columns.len() {
                            sum[at] = join(family.join, sum[at], numbers[at]);
                        }
                    }
                }
            }
        }
        self.retire_gone(families);
        live
    }

    /// Returns the name of the series of a row: its own, or none for `other`.
    fn series(&mut self, name: String, width: usize) -> String {
        if name != OTHER && (self.names.contains_key(&name) || self.names.len() < MOST_SERIES) {
            self.names.entry(name.clone()).or_insert_with(|| vec![0.0; width]);
            return name;
        }
        self.other.get_or_insert_with(|| vec![0.0; width]);
        String::new()
    }

    fn base(&mut self, name: &str) -> Option<&mut Numbers> {
        if name.is_empty() && self.other.is_some() {
            self.other.as_mut()
        } else {
            self.names.get_mut(name)
        }
    }

    fn remember(&mut self, families: &KindFamilies, key: String, name: &str, counts: &Numbers) {
        let round = self.round;
        if let Some(row) = self.rows.get_mut(&key) {
            row.round = round;
            let before = std::mem::replace(&mut row.counts, counts.clone());
            // Counts that fell were begun anew.
            for (start, family) in placed(families) {
                for at in start..start + family.columns.len() {
                    let fell = family.of == Counter && counts[at] < before[at];
                    if fell && let Some(base) = self.base(name) {
                        base[at] += before[at];
                    }
                }
            }
        } else if self.rows.len() < MOST_ROWS {
            self.rows.insert(key, RowBook { name: name.to_owned(), counts: counts.clone(), round });
        }
    }

    /// Adds the counts of rows that are gone to those of their names.
    fn retire_gone(&mut self, families: &KindFamilies) {
        let round = self.round;
        let gone: Vec<String> = self
            .rows
            .iter()
            .filter(|(_, row)| row.round != round)
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            let Some(row) = self.rows.remove(&key) else { continue };
            let Some(base) = self.base(&row.name) else { continue };
            for (start, family) in placed(families) {
                let places = start..start + family.columns.len();
                for (sum, count) in base[places.clone()].iter_mut().zip(&row.counts[places]) {
                    if family.of == Counter && !count.is_nan() {
                        *sum += count;
                    }
                }
            }
        }
    }

    fn write(
        &self,
        families: &KindFamilies,
        live: &BTreeMap<String, Numbers>,
        text: &mut MetricsText,
    ) {
        let zeros = vec![0.0; width(families)];
        let nothing = vec![f64::NAN; width(families)];
        let named = self.names.iter().map(|(name, base)| (name.as_str(), name.as_str(), base));
        let other = self.other.iter().map(|base| (OTHER, "", base));
        let series: Vec<_> = named.chain(other).collect();
        for (start, family) in placed(families) {
            let mut has_begun = false;
            for (label, key, base) in &series {
                let is_counter = family.of == Counter;
                let numbers = live.get(*key).unwrap_or(if is_counter { &zeros } else { &nothing });
                for (index, column) in family.columns.iter().enumerate() {
                    let number = numbers[start + index];
                    // What is not known has no sample: neither a gauge of what is gone, nor an unlearned value.
                    if number.is_nan() {
                        continue;
                    }
                    if !has_begun {
                        has_begun = true;
                        text.family(family.name, family.of, family.help);
                    }
                    let sum = if is_counter { number + base[start + index] } else { number };
                    let own = (families.label, *label);
                    match column.label {
                        None => text.sample(&[own], sum * family.scale),
                        Some(extra) => text.sample(&[own, extra], sum * family.scale),
                    }
                }
            }
        }
    }
}
