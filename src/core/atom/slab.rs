//! Words that threads share, in memory that never moves, so that it can be looked at without a call.

use std::fmt;
use std::ops::Deref;

use crate::core::sync::{Arc, AtomicU64, Mutex, Ordering};

/// Bytes from one word of a [`Chunk`] to the next: a cache line, so that one busy word does not slow its neighbours.
pub const WORD_BYTES: usize = 64;

const CHUNK_WORDS: usize = 256;

#[repr(C, align(64))]
#[derive(Debug, Default)]
struct CacheLine(AtomicU64);

/// Some words side by side. Each begins [`WORD_BYTES`] after the one before it.
#[derive(Debug)]
pub struct Chunk(Box<[CacheLine]>);

impl Chunk {
    fn new() -> Self {
        Self((0..CHUNK_WORDS).map(|_| CacheLine::default()).collect())
    }

    /// Returns the memory of the words and its length in bytes. It is valid and in place while the chunk is held. Only
    /// atomic reads of it are sound.
    pub fn memory(&self) -> (*const AtomicU64, usize) {
        (self.0.as_ptr().cast(), size_of_val(&*self.0))
    }
}

/// The place of a word: the number of its chunk, and its number in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordPlace {
    /// See [`WordSlab::chunk`].
    pub chunk: u32,
    /// Counted in words.
    pub index: u32,
}

#[derive(Debug, Default)]
struct Places {
    chunks: Vec<Arc<Chunk>>,
    free: Vec<WordPlace>,
}

/// A pool of words. A word that is returned is used again, so memory is bounded by the words in use at one time.
#[derive(Debug, Clone, Default)]
pub struct WordSlab(Arc<Mutex<Places>>);

impl WordSlab {
    /// Returns a word that is the caller's alone, zero at first, until it is dropped.
    pub fn take(&self) -> Word {
        let mut places = self.0.lock();
        let place = if let Some(place) = places.free.pop() {
            place
        } else {
            let number = u32::try_from(places.chunks.len()).expect("fewer than 2^32 chunks");
            places.chunks.push(Arc::new(Chunk::new()));
            let fresh = u32::try_from(CHUNK_WORDS).expect("a small number");
            places.free.extend((1..fresh).rev().map(|index| WordPlace { chunk: number, index }));
            WordPlace { chunk: number, index: 0 }
        };
        let chunk = Arc::clone(&places.chunks[place.chunk as usize]);
        drop(places);
        let word = Word { chunk, place, slab: self.clone() };
        word.store(0, Ordering::Release);
        word
    }

    /// Returns the chunk of this number, if a word of it was ever taken.
    pub fn chunk(&self, number: u32) -> Option<Arc<Chunk>> {
        self.0.lock().chunks.get(number as usize).cloned()
    }
}

/// An atomic word of its owner alone.
pub struct Word {
    chunk: Arc<Chunk>,
    place: WordPlace,
    slab: WordSlab,
}

impl Word {
    /// Returns the place of the word.
    pub fn place(&self) -> WordPlace {
        self.place
    }
}

impl Deref for Word {
    type Target = AtomicU64;

    fn deref(&self) -> &AtomicU64 {
        &self.chunk.0[self.place.index as usize].0
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        self.slab.0.lock().free.push(self.place);
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Word").field(&self.load(Ordering::Relaxed)).finish()
    }
}
