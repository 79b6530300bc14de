//! A digest of what a run did.

/// A digest of words in order: two lists that differ have different digests, but for one chance in 2^64.
///
/// Each word goes through the finaliser of `SplitMix64` (Steele, Lea and Flood, 2014). Not for secrets.
///
/// ```
/// use keelson::core::choice::Digest;
///
/// let of = |words: &[u64]| words.iter().fold(Digest::default(), |digest, &word| digest.with(word)).value();
/// assert_eq!(of(&[1, 2]), of(&[1, 2]));
/// assert_ne!(of(&[1, 2]), of(&[2, 1]));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// Returns the digest after one more word.
    #[must_use]
    pub fn with(self, word: u64) -> Self {
        let mut mixed = (self.0.rotate_left(5) ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(mixed ^ (mixed >> 31))
    }

    /// Returns the digest after the bytes of a text, and its length.
    #[must_use]
    pub fn with_text(self, text: &str) -> Self {
        let words = text
            .as_bytes()
            .chunks(8)
            .map(|chunk| chunk.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
        words.fold(self.with(text.len() as u64), Self::with)
    }

    /// Returns the digest as a number.
    pub fn value(self) -> u64 {
        self.0
    }
}
