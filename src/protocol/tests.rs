//! One declaration moves both sides, and what is declared wrongly is refused.

use std::cell::Cell;

use super::record::{numbers, records};
use super::{Code, Flag, Known, Part, Record, lane_constants, lane_enum, lane_record, typescript};

lane_record! {
    /// A reading.
    struct Reading => READING {
        /// The first.
        first: f64,
        last: f64,
    }
}

/// The same with a field in the middle, as another version declares it.
mod later {
    use super::{Known, Part, lane_record};

    lane_record! {
        /// A reading.
        pub(super) struct Reading => READING {
            /// The first.
            first: f64,
            middle: Known,
            last: f64,
        }
    }

    pub(super) const PART: Part = READING;
}

lane_record! {
    /// A message.
    struct Message at 3, read => MESSAGE {
        at: f64,
        known_ms: Known,
        is_last: Flag,
    }
}

lane_record! {
    /// One with words.
    struct Words => WORDS {
        pid: f64,
        operation: u32,
        place: u32,
        usage: u32,
        time: f64,
    }
}

lane_enum! {
    /// The kind of the end.
    enum Ending, prefix "END_", texts ENDINGS => ENDING {
        /// Well.
        Normal "normal",
        TimedOut as END_LATE "timed-out",
    }
}

lane_enum! {
    /// Not from zero.
    enum Field => FIELD {
        Limit = 1,
        Window = 2,
    }
}

lane_constants! { RESULTS {
    /// It waits.
    const QUEUED: f64 = -100.0;
    const MOST: usize = 64;
} }

fn text(part: &Part) -> String {
    typescript::file("About.", std::iter::once(part))
}

fn cells<const N: usize>() -> [Cell<f64>; N] {
    std::array::from_fn(|_| Cell::new(0.0))
}

/// The number that a constant has in the text.
fn constant(text: &str, name: &str) -> usize {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("export const {name} = ")));
    line.expect("declared").parse().expect("an index")
}

#[test]
fn a_field_in_the_middle_moves_both_sides() {
    let before = cells::<3>();
    Reading::within(&before).set(Reading { first: 1.0, last: 2.0 });
    let after = cells::<3>();
    later::Reading::within(&after).set(later::Reading {
        first: 1.0,
        middle: Some(3.0).into(),
        last: 2.0,
    });
    let (old, new) = (text(&READING), text(&later::PART));
    assert_eq!(constant(&old, "READING_LAST"), 1);
    assert_eq!(constant(&new, "READING_LAST"), 2);
    for (memory, text) in [(&before, &old), (&after, &new)] {
        assert_eq!(memory[constant(text, "READING_FIRST")].get(), 1.0);
        assert_eq!(memory[constant(text, "READING_LAST")].get(), 2.0);
    }
    assert_eq!((constant(&old, "READING_CELLS"), constant(&new, "READING_CELLS")), (2, 3));
}

#[test]
fn a_record_is_written_and_read_at_its_place() {
    let memory = cells::<6>();
    Message::within(&memory).set(Message { at: 7.0, known_ms: None.into(), is_last: true.into() });
    assert_eq!(memory.each_ref().map(Cell::get)[..4], [0.0, 0.0, 0.0, 7.0]);
    assert!(memory[4].get().is_nan());
    assert_eq!(memory[5].get(), 1.0);
    assert!(Message::within(&memory).get().is_last.is_set());
}

#[test]
fn integers_share_the_place_of_a_number() {
    let memory = cells::<9>();
    let all: &[Cell<Words>] = records(&memory);
    assert_eq!(all.len(), 2, "what is left over is no record");
    all[1].set(Words { pid: 5.0, operation: 6, place: 7, usage: 8, time: 9.0 });
    let words: Vec<_> = memory.iter().map(|cell| cell.get().to_ne_bytes()).collect();
    let words: Vec<_> = words
        .iter()
        .flat_map(|bytes| bytes.chunks_exact(4))
        .map(|word| u32::from_ne_bytes(word.try_into().expect("four bytes")))
        .collect();
    let declared = text(&WORDS);
    let base = constant(&declared, "WORDS_WORDS");
    assert_eq!(words[base + constant(&declared, "WORDS_OPERATION")], 6);
    assert_eq!(words[base + constant(&declared, "WORDS_PLACE")], 7);
    assert_eq!(words[base + constant(&declared, "WORDS_USAGE")], 8);
    assert_eq!(memory[base / 2 + constant(&declared, "WORDS_TIME")].get(), 9.0);
}

#[test]
fn records_become_numbers_one_after_the_other() {
    let all = [Reading { first: 1.0, last: 2.0 }, Reading { first: 3.0, last: 4.0 }];
    assert_eq!(numbers(all.into_iter()), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_number_that_is_no_members_is_none() {
    assert_eq!(Ending::from_code(1), Some(Ending::TimedOut));
    assert_eq!(Ending::from_f64(Ending::TimedOut.to_f64()), Some(Ending::TimedOut));
    for number in [2.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
        assert_eq!(Ending::from_f64(number), None, "{number}");
    }
    assert_eq!((Field::from_code(0), Field::from_code(2)), (None, Some(Field::Window)));
}

#[test]
fn declares_constants_types_and_texts() {
    let expected = "/** About. */

/** The kind of the end. */
export type Ending =
  | typeof END_NORMAL
  | typeof END_LATE
/** Well. */
export const END_NORMAL = 0
export const END_LATE = 1
/** The words of the public interface; the index is the number. */
export const ENDINGS = ['normal', 'timed-out'] as const
";
    assert_eq!(text(&ENDING), expected);
    let numbers = typescript::file("About.", RESULTS.iter());
    assert!(
        numbers
            .ends_with("/** It waits. */\nexport const QUEUED = -100\n\nexport const MOST = 64\n")
    );
    assert!(text(&FIELD).contains("export const LIMIT = 1\n"));
}

#[test]
fn a_reader_knows_what_is_not_known() {
    let text = text(&MESSAGE);
    assert!(text.contains("  readonly knownMs: number | undefined\n  readonly isLast: boolean\n"));
    assert!(text.contains("  const knownMs = cells[4] as number\n"));
    assert!(text.contains("    at: cells[3] as number,\n"));
    assert!(text.contains("    knownMs: Number.isNaN(knownMs) ? undefined : knownMs,\n"));
    assert!(text.contains("    isLast: cells[5] === 1,\n"));
}

#[test]
#[should_panic(expected = "which no reader sees")]
fn a_reader_of_words_is_refused() {
    let Part::Record { name, doc, base, bytes, fields, .. } = WORDS else { unreachable!() };
    text(&Part::Record { name, doc, base, bytes, fields, reader: true });
}
