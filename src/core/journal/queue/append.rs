//! The appending side of the queue: it accepts records, or refuses all of them.

use super::{Durability, MemberId, Phase, WriteQueue, arm, tick};
use crate::core::journal::error::JournalError;
use crate::core::journal::format::{self, Draft};
use crate::core::journal::streams::Condition;

/// At this many gathered bytes, writing begins without waiting for the end of the caller's turn.
const EAGER: usize = 1 << 16;

/// The most bytes of records that are appended together. They lie in one segment.
const MAX_GROUP: usize = 1 << 30;

/// The result of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The sequence of the first record; the others follow without a gap.
    pub first: u64,
    /// The positions of the records in their streams, when one of them has a stream.
    pub positions: Vec<u32>,
    /// The sequences of the earlier events that the append repeats; then nothing was appended.
    pub repeated: Vec<u64>,
}

impl WriteQueue {
    /// Accepts all of the drafts or none. Returns the sequence of the first; the others follow without a gap.
    ///
    /// Writing begins at the next [`kick`](Self::kick), so that what one turn of an event loop appends is one batch.
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`], [`JournalError::TooLarge`], [`JournalError::Overflow`].
    pub fn append(
        &self,
        member: MemberId,
        durability: Durability,
        drafts: &[Draft<'_>],
    ) -> Result<u64, JournalError> {
        let appended = self.append_if(member, durability, drafts, &[], &|_| None)?;
        Ok(appended.first)
    }

    /// Accepts all of the drafts or none, under conditions; a draft without one of its own has none. When one of them has
    /// a stream they are one group: they lie in one segment, and recovery takes all of them or none. `id_of`
    /// reads the id of an event that is written.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append), and [`JournalError::Conflict`].
    pub fn append_if(
        &self,
        member: MemberId,
        durability: Durability,
        drafts: &[Draft<'_>],
        conditions: &[Condition],
        id_of: &dyn Fn(u64) -> Option<String>,
    ) -> Result<Appended, JournalError> {
        let mut total = 0;
        for size in drafts.iter().map(Draft::size) {
            if size > self.max_record {
                let (bytes, limit) = (size as u64, self.max_record as u64);
                return Err(JournalError::TooLarge { bytes, limit });
            }
            total += size;
        }
        if drafts.iter().any(|draft| draft.id.len() > usize::from(u16::MAX)) {
            let (field, why) = ("id", "shorter than 65536 bytes");
            return Err(JournalError::Invalid { field, why });
        }
        if drafts.iter().any(|draft| draft.stream.len() > usize::from(u16::MAX)) {
            let (field, why) = ("options.stream", "shorter than 65536 bytes");
            return Err(JournalError::Invalid { field, why });
        }
        let has_streams = drafts.iter().any(|draft| !draft.stream.is_empty());
        if has_streams && total > MAX_GROUP {
            let (bytes, limit) = (total as u64, MAX_GROUP as u64);
            return Err(JournalError::TooLarge { bytes, limit });
        }
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(JournalError::Closed);
        }
        let first = state.batch.next;
        let mut index = has_streams.then(|| self.streams.index.lock());
        if let Some(index) = &mut index {
            if let Some(repeated) = index.check(drafts, conditions, id_of)? {
                return Ok(Appended { first, positions: Vec::new(), repeated });
            }
            let more = drafts.len() as u64;
            if drafts.iter().any(|draft| !index.has_room(draft.stream, more)) {
                return Err(JournalError::Overflow { max: u32::MAX.into() });
            }
        }
        if let Some(max) = self.max_entries
            && state.live + (first - state.written) + drafts.len() as u64 > max
        {
            return Err(JournalError::Overflow { max });
        }
        state.batch.bytes.reserve(total);
        let mut positions = Vec::new();
        for (place, draft) in drafts.iter().enumerate() {
            let sequence = state.batch.next;
            let continues = has_streams && place + 1 < drafts.len();
            let mut draft = Draft { continues, ..*draft };
            if let Some(index) = &mut index {
                if !draft.stream.is_empty() {
                    index.accept(&mut draft, sequence);
                }
                positions.push(draft.position);
            }
            format::push(&mut state.batch.bytes, sequence, &draft);
            state.batch.next += 1;
        }
        drop(index);
        if let Some(draft) = drafts.last() {
            tick(&mut state, member, draft.wall, draft.mono);
            state.batch.clocks = state.clocks;
        }
        state.batch.sync |= durability == Durability::Sync;
        arm(&mut state, member, durability, first);
        if state.batch.bytes.len() >= EAGER {
            self.start(&mut state);
        }
        Ok(Appended { first, positions, repeated: Vec::new() })
    }
}
