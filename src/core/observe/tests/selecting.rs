use proptest::prelude::*;

use super::{FakeRow, FakeWorld};
use crate::core::observe::{
    CellValue, ObservedWorld, RowSelection, RowSource, TableKind, TableQuery, select,
};

fn selected(world: &FakeWorld, query: &TableQuery) -> RowSelection {
    let mut found = RowSelection::default();
    world.table(TableKind::Process, &mut |table| found = select(TableKind::Process, table, query));
    found
}

/// Sorts the whole table, and cuts the page out of it.
fn by_sorting(table: &dyn RowSource, query: &TableQuery) -> RowSelection {
    let texts: Vec<usize> = ["id", "name", "kind", "status", "parent", "system"]
        .iter()
        .filter_map(|name| TableKind::Process.column(name))
        .collect();
    let filter = query.filter.to_lowercase();
    let matches = |place: usize| {
        texts.iter().any(|&column| {
            matches!(table.cell(place, column), CellValue::Text(text) if text.to_lowercase().contains(&filter))
        })
    };
    let mut places: Vec<usize> = (0..table.places())
        .filter(|&place| table.order(place).is_some() && matches(place))
        .collect();
    places.sort_by(|&one, &two| {
        let creation = table.order(one).cmp(&table.order(two));
        let by = match query.by {
            Some(column) => table.cell(one, column).compare(&table.cell(two, column)),
            None => creation,
        };
        (if query.desc { by.reverse() } else { by }).then(creation)
    });
    let matching = places.len();
    let page = places.into_iter().skip(query.offset).take(query.limit);
    RowSelection { total: table.rows(), matching, places: page.collect() }
}

fn row() -> impl Strategy<Value = FakeRow> {
    let name = prop_oneof!["[a-cA-C]{0,3}", "[éÉßİ]{0,2}"];
    let mailbox = prop_oneof![
        (0..4_i32).prop_map(f64::from),
        Just(f64::NAN),
        Just(-0.0),
        Just(f64::INFINITY),
    ];
    (name, mailbox, "[xyX]{0,2}", any::<bool>()).prop_map(|(name, mailbox, parent, is_gap)| {
        FakeRow { name, mailbox, parent, order: 0, is_gap }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pitfall_2_top_k_equals_a_full_sort_under_every_key(
        mut rows in prop::collection::vec(row(), 0..40),
        shuffle in any::<u64>(),
        by in prop::option::of(0..TableKind::Process.columns().len()),
        desc in any::<bool>(),
        offset in 0..45_usize,
        limit in 0..45_usize,
        filter in prop_oneof![Just(String::new()), "[abcABxX]{1,2}", "[éßi]{1}"],
    ) {
        // Places are reused, so the order of creation is not that of places.
        for (index, row) in rows.iter_mut().enumerate() {
            row.order = index as u64 ^ (shuffle % 64);
        }
        let world = FakeWorld::new(rows);
        let query = TableQuery { by, desc, offset, limit, filter };
        let found = selected(&world, &query);
        let mut expected = RowSelection::default();
        world.table(TableKind::Process, &mut |table| expected = by_sorting(table, &query));
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_page_of_a_million_rows_makes_no_row_and_holds_no_more_places_than_it_shows() {
    let world = FakeWorld::of(0);
    world.more.set(1_000_000);
    world.bound.set(0);
    let by = TableKind::Process.column("mailbox");
    let query = TableQuery { by, desc: true, offset: 10, limit: 3, ..TableQuery::default() };
    let found = selected(&world, &query);
    assert_eq!((found.total, found.matching), (1_000_000, 1_000_000));
    assert_eq!(found.places, [999_989, 999_988, 999_987]);
}
