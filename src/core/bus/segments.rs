//! Numbers for the texts of plain segments, each kept once and forgotten after its last use.

use std::collections::BTreeMap;

/// The bytes of a text that one search step compares. They and the part before them are one integer, so that a search
/// compares no texts. Most segments are one such part.
const PART: usize = 11;
/// Stands for the length of a part that is not the last.
const GOES_ON: u8 = u8::MAX;
/// Before the first part.
const BEGIN: u32 = 0;

/// A part of a text, after what comes before it.
#[derive(Debug, Clone, Copy)]
struct SegmentPart {
    key: u128,
    before: u32,
    /// By users, or by the parts that come after it.
    uses: u32,
}

#[derive(Debug)]
pub(super) struct Segments {
    by_key: BTreeMap<u128, u32>,
    used: Vec<SegmentPart>,
    free: Vec<u32>,
}

impl Default for Segments {
    fn default() -> Self {
        let begin = SegmentPart { key: 0, before: BEGIN, uses: 0 };
        Self { by_key: BTreeMap::new(), used: vec![begin], free: Vec::new() }
    }
}

/// Returns the bytes and the length of each part, without the part before it.
fn parts(text: &str) -> impl Iterator<Item = u128> {
    let bytes = text.as_bytes();
    let count = bytes.len().div_ceil(PART).max(1);
    (0..count).map(move |index| {
        let part = &bytes[index * PART..bytes.len().min((index + 1) * PART)];
        let mut packed = [0; 16];
        packed[4..4 + part.len()].copy_from_slice(part);
        packed[15] = if index + 1 < count { GOES_ON } else { part.len().to_le_bytes()[0] };
        u128::from_be_bytes(packed)
    })
}

const fn key(before: u32, part: u128) -> u128 {
    ((before as u128) << 96) | part
}

impl Segments {
    /// Returns the number of a text that is in use.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        parts(text).try_fold(BEGIN, |before, part| self.by_key.get(&key(before, part)).copied())
    }

    /// Returns the number of a text, and counts one more use.
    pub(super) fn take(&mut self, text: &str) -> u32 {
        let word = parts(text).fold(BEGIN, |before, part| self.after(before, key(before, part)));
        self.used[word as usize].uses += 1;
        word
    }

    /// Counts one use less of a text.
    pub(super) fn release(&mut self, word: u32) {
        let mut at = word;
        while at != BEGIN {
            let SegmentPart { key, before, uses } = self.used[at as usize];
            self.used[at as usize].uses = uses - 1;
            if uses > 1 {
                return;
            }
            self.by_key.remove(&key);
            self.free.push(at);
            at = before;
        }
    }

    /// Returns the number of a part. Adds it if it is new.
    fn after(&mut self, before: u32, key: u128) -> u32 {
        if let Some(&known) = self.by_key.get(&key) {
            return known;
        }
        let word = SegmentPart { key, before, uses: 0 };
        let number = if let Some(number) = self.free.pop() {
            self.used[number as usize] = word;
            number
        } else {
            self.used.push(word);
            u32::try_from(self.used.len() - 1).expect("fewer than 2^32 parts")
        };
        self.by_key.insert(key, number);
        self.used[before as usize].uses += 1;
        number
    }

    /// Parts in use.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_whatever_their_lengths_and_zeros() {
        let mut words = Segments::default();
        let long = "x".repeat(3 * PART);
        let mut texts = vec![String::new(), "\0".into(), "\0\0".into(), "é".into()];
        texts.extend((0..=long.len()).map(|length| long[..length].to_owned()).skip(1));
        texts.push(format!("{}\0", &long[..PART]));
        texts.push(format!("{}\u{7f}", &long[..PART - 1]));
        let numbers: Vec<_> = texts.iter().map(|text| words.take(text)).collect();
        for (index, text) in texts.iter().enumerate() {
            assert_eq!(words.find(text), Some(numbers[index]));
            assert!(!numbers[..index].contains(&numbers[index]), "{text:?}");
        }
        assert_eq!(words.find(&format!("{long}y")), None);
        for number in numbers {
            words.release(number);
        }
        assert_eq!(words.len(), 0);
        assert_eq!(words.find("x"), None);
    }

    #[test]
    fn a_text_is_there_until_its_last_use_has_ended() {
        let mut words = Segments::default();
        let (one, other) = ("a long text of words", "a long text of other words");
        let first = words.take(one);
        assert_eq!(words.take(one), first);
        let second = words.take(other);
        words.release(first);
        assert_eq!(words.find(one), Some(first));
        words.release(first);
        assert_eq!(words.find(one), None);
        assert_eq!(words.find(other), Some(second));
        words.release(second);
        assert_eq!(words.len(), 0);
    }
}
