//! Numbers, times and names as the dashboard writes them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::protocol::{Cell, ColumnType};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// Returns a text that fits into so many columns. Characters that move the cursor are replaced; what does not fit ends
/// with an ellipsis.
pub(super) fn clip(text: &str, width: usize) -> String {
    let clean: String = text.chars().take(4 * width + 16).map(visible).collect();
    if clean.width() <= width {
        return clean;
    }
    let mut left = width.saturating_sub(1);
    let mut end = String::new();
    for character in clean.chars() {
        let own = character.width().unwrap_or_default();
        if own > left {
            break;
        }
        left -= own;
        end.push(character);
    }
    if width > 0 {
        end.push('\u{2026}');
    }
    end
}

/// Returns a character that a terminal only draws: a control character, or one that turns the direction, becomes `·`.
fn visible(character: char) -> char {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match character {
        '\t' => ' ',
        _ if character.is_control() || turns => '\u{b7}',
        _ => character,
    }
}

/// Returns a text of exactly so many columns, its words on the left.
pub(super) fn left(text: &str, width: usize) -> String {
    let clipped = clip(text, width);
    let missing = width.saturating_sub(clipped.width());
    clipped + &" ".repeat(missing)
}

/// Returns a text of exactly so many columns, its words on the right.
pub(super) fn right(text: &str, width: usize) -> String {
    let clipped = clip(text, width);
    " ".repeat(width.saturating_sub(clipped.width())) + &clipped
}

/// Returns a number in at most seven columns: `1,234`, `12.3k`, `4.56M`.
pub(super) fn count(value: f64) -> String {
    let size = value.abs();
    if size < 100_000.0 {
        return if value.fract() == 0.0 { grouped(value) } else { decimals(value) };
    }
    let (scaled, unit) = match size {
        _ if size < 1e6 => (value / 1e3, "k"),
        _ if size < 1e9 => (value / 1e6, "M"),
        _ if size < 1e12 => (value / 1e9, "G"),
        _ => (value / 1e12, "T"),
    };
    format!("{}{unit}", three_digits(scaled))
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let sign = if value < 0.0 { "-" } else { "" };
    match digits.len().checked_sub(3) {
        Some(place @ 1..) => format!("{sign}{},{}", &digits[..place], &digits[place..]),
        _ => format!("{sign}{digits}"),
    }
}

/// Returns a number with as many decimals as it deserves.
fn decimals(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => grouped(value.round()),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Returns what happens in a second: `0`, `3.5`, `1,234`.
pub(super) fn rate(value: f64) -> String {
    if value > 0.0 && value < 0.005 {
        "0.00".into()
    } else {
        count(if value < 100.0 { value } else { value.round() })
    }
}

/// Returns bytes: `512 B`, `1.50 MB`.
pub(super) fn bytes(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size < 1e3 => return format!("{value:.0} B"),
        size if size < 1e6 => (value / 1e3, "kB"),
        size if size < 1e9 => (value / 1e6, "MB"),
        _ => (value / 1e9, "GB"),
    };
    format!("{} {unit}", three_digits(scaled))
}

/// Returns milliseconds: `0 ms`, `1.50 ms`, `230 ms`, `12.3 s`.
pub(super) fn millis(value: f64) -> String {
    match value.abs() {
        size if size < 1000.0 && value.fract() == 0.0 => format!("{value:.0} ms"),
        size if size < 1000.0 => format!("{} ms", three_digits(value)),
        size if size < 60_000.0 => format!("{} s", three_digits(value / 1000.0)),
        _ => age(value),
    }
}

/// Returns the time that something has lived, from milliseconds: `42s`, `3m12s`, `5h03m`, `2d4h`.
pub(super) fn age(value: f64) -> String {
    let seconds = (value / 1000.0).max(0.0).floor();
    let part = |unit: f64| (seconds / unit).floor();
    match seconds {
        _ if seconds < MINUTE => format!("{seconds:.0}s"),
        _ if seconds < HOUR => format!("{:.0}m{:02.0}s", part(MINUTE), seconds % MINUTE),
        _ if seconds < DAY => {
            format!("{:.0}h{:02.0}m", part(HOUR), (seconds % HOUR / MINUTE).floor())
        }
        _ => format!("{:.0}d{:.0}h", part(DAY), (seconds % DAY / HOUR).floor()),
    }
}

/// Returns the time of day of wall milliseconds, `HH:MM:SS`, so many minutes ahead of UTC.
pub(super) fn time_of_day(wall: f64, offset_minutes: i32) -> String {
    let seconds = (wall / 1000.0 + f64::from(offset_minutes) * MINUTE).rem_euclid(DAY).floor();
    let (hours, minutes) = ((seconds / HOUR).floor(), (seconds % HOUR / MINUTE).floor());
    format!("{hours:02.0}:{minutes:02.0}:{:02.0}", seconds % MINUTE)
}

/// Returns the value of a cell by the type of its column. `now` is the service's wall time.
pub(super) fn cell(value: &Cell, of: ColumnType, now: f64, offset_minutes: i32) -> String {
    match value {
        Cell::Number(number) => match of {
            ColumnType::Ms => millis(*number),
            ColumnType::Bytes => bytes(*number),
            ColumnType::Flag => if *number == 0.0 { "no" } else { "yes" }.into(),
            ColumnType::Wall if *number <= 0.0 => "\u{2013}".into(),
            ColumnType::Wall => {
                format!("{} ({} ago)", time_of_day(*number, offset_minutes), age(now - number))
            }
            _ => count(*number),
        },
        Cell::Text(text) => text.clone(),
        Cell::Flag(flag) => if *flag { "yes" } else { "no" }.into(),
        Cell::Other(serde_json::Value::Null) => "\u{2013}".into(),
        Cell::Other(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_short() {
        let cases = [
            (0.0, "0"),
            (7.0, "7"),
            (1234.0, "1,234"),
            (99_999.0, "99,999"),
            (123_456.0, "123k"),
            (4_560_000.0, "4.56M"),
            (12_300_000_000.0, "12.3G"),
            (0.5, "0.50"),
            (12.34, "12.3"),
            (-1234.0, "-1,234"),
        ];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
        assert!((0..60).map(|power| count(1.7_f64.powi(power)).len()).all(|length| length <= 7));
    }

    #[test]
    fn units_follow_the_size() {
        assert_eq!((bytes(512.0), bytes(1_500_000.0)), ("512 B".into(), "1.50 MB".into()));
        assert_eq!(
            (millis(230.0), millis(1.5), millis(12_300.0)),
            ("230 ms".into(), "1.50 ms".into(), "12.3 s".into())
        );
        assert_eq!(age(42_000.0), "42s");
        assert_eq!(age(192_000.0), "3m12s");
        assert_eq!(age(18_180_000.0), "5h03m");
        assert_eq!(age(187_200_000.0), "2d4h");
        assert_eq!(age(-5.0), "0s");
    }

    #[test]
    fn times_of_day_are_local() {
        assert_eq!(time_of_day(1_700_000_000_000.0, 0), "22:13:20");
        assert_eq!(time_of_day(1_700_000_000_000.0, 120), "00:13:20");
        assert_eq!(time_of_day(1_700_000_000_000.0, -330), "16:43:20");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(clip("\u{5e97}\u{8217}\u{8ba2}\u{5355}", 5), "\u{5e97}\u{8217}\u{2026}");
        assert_eq!(left("\u{5e97}", 4), "\u{5e97}  ");
        assert_eq!(right("e\u{301}", 3), "  e\u{301}");
        assert_eq!((clip("abc", 0), clip("abc", 1)), (String::new(), "\u{2026}".into()));
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(clip("a\x1b[2Jb\r\nc\u{202e}d", 20), "a\u{b7}[2Jb\u{b7}\u{b7}c\u{b7}d");
    }
}
