//! The texts of plain segments, each stored once and forgotten after its last use.

use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Debug)]
struct Word {
    text: Rc<str>,
    uses: u32,
}

/// Numbers for texts.
#[derive(Debug, Default)]
pub(super) struct Words {
    by_text: BTreeMap<Rc<str>, u32>,
    words: Vec<Option<Word>>,
    free: Vec<u32>,
}

impl Words {
    /// The number of a text that is in use.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.by_text.get(text).copied()
    }

    /// The number of a text, used once more.
    pub(super) fn take(&mut self, text: &str) -> u32 {
        if let Some(number) = self.find(text) {
            self.words[number as usize].as_mut().expect("a word in use").uses += 1;
            return number;
        }
        let text: Rc<str> = text.into();
        let word = Some(Word { text: Rc::clone(&text), uses: 1 });
        let number = if let Some(number) = self.free.pop() {
            self.words[number as usize] = word;
            number
        } else {
            self.words.push(word);
            u32::try_from(self.words.len() - 1).expect("fewer words than nodes")
        };
        self.by_text.insert(text, number);
        number
    }

    /// One use less.
    pub(super) fn release(&mut self, number: u32) {
        let entry = &mut self.words[number as usize];
        let word = entry.as_mut().expect("a word in use");
        word.uses -= 1;
        if word.uses == 0 {
            self.by_text.remove(&word.text);
            *entry = None;
            self.free.push(number);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_text.len()
    }
}
