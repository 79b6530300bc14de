//! Labels as numbers.

use std::collections::BTreeMap;

use super::digest::Digest;

/// The number of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelId(pub u32);

/// The labels of a simulation: each text has one number, given at its first use.
#[derive(Debug, Default)]
pub struct Labels {
    texts: Vec<String>,
    digests: Vec<u64>,
    by_text: BTreeMap<String, LabelId>,
}

impl Labels {
    /// Returns the number of a text.
    pub fn intern(&mut self, text: &str) -> LabelId {
        if let Some(&known) = self.by_text.get(text) {
            return known;
        }
        let id = LabelId(u32::try_from(self.texts.len()).expect("fewer than 2^32 labels"));
        self.texts.push(text.to_owned());
        self.digests.push(Digest::default().with_text(text).value());
        self.by_text.insert(text.to_owned(), id);
        id
    }

    /// Returns the text of a number; an empty one for a number that was never given.
    pub fn text(&self, id: LabelId) -> &str {
        self.texts.get(id.0 as usize).map_or("", String::as_str)
    }

    /// Returns the digest of a text, by its number.
    pub fn digest(&self, id: LabelId) -> u64 {
        self.digests.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}
