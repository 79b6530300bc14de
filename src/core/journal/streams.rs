//! The index of streams: which events each has, and where they lie.
//!
//! A stream is a name that records share. The position of an event counts the events of its stream before it, and the
//! version of a stream is the position of its next event. Positions are assigned where sequences are, under the lock of
//! the queue. So an expected version is compared in the order of appends, with those in flight.
//!
//! A stream lasts as long as one of its events is held: with the last of them its name is free, and begins at 0 again.
//! Each event has the sequence of its stream's first one, the origin, which tells apart streams of one name.
//! The index is made from the records when a journal is opened. Its offsets are hints: a compaction moves records, and
//! a reader that does not find one at its place looks for it by its sequence.
//!
//! Memory: [`PLACE_BYTES`] an event, and for each stream its name twice over and about 200 bytes.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use super::error::JournalError;
use super::format::{self, Draft, Record};
use crate::core::sync::Mutex;

/// An id is compared with those of so many newest events of its stream.
pub const ID_WINDOW: usize = 1024;
/// Bytes that an event takes in the index.
pub const PLACE_BYTES: usize = size_of::<EventPlace>();
/// Streams that are changed under one lock, so that an append waits for no more than these.
const STEP: usize = 512;
/// Dropped events that are left in the index before it is trimmed, unless more are held.
const UNTRIMMED: u64 = 4096;

/// The place of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPlace {
    /// The sequence in halves, which keeps the size at 20 bytes.
    sequence: [u32; 2],
    /// Where the record begins in its segment, unless a compaction moved it.
    pub offset: u32,
    /// The number of events of the stream before it.
    pub position: u32,
    /// A checksum of its id; 0 for none.
    id: u32,
}

impl EventPlace {
    fn new(record: &Record<'_>, offset: u64) -> Self {
        let bytes = record.sequence.to_le_bytes();
        let sequence = [format::u32_at(&bytes, 0), format::u32_at(&bytes, 4)];
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        Self { sequence, offset, position: record.position, id: sum(record.id) }
    }

    /// Returns the sequence of the event.
    pub fn sequence(&self) -> u64 {
        u64::from(self.sequence[0]) | u64::from(self.sequence[1]) << 32
    }
}

fn sum(id: &[u8]) -> u32 {
    if id.is_empty() { 0 } else { crc32c::crc32c(id).max(1) }
}

/// An event that is accepted and not written.
#[derive(Debug)]
struct Accepted {
    sequence: u64,
    position: u32,
    id: Box<str>,
}

#[derive(Debug)]
struct Stream {
    name: Arc<str>,
    /// The sequence of its first event.
    origin: u64,
    /// In order of sequence and position.
    places: Vec<EventPlace>,
    /// The origin of the events in `places`, which may be of an earlier stream of this name.
    placed: u64,
    accepted: VecDeque<Accepted>,
}

impl Stream {
    fn version(&self, start: u64) -> u64 {
        if let Some(last) = self.accepted.back() {
            return u64::from(last.position) + 1;
        }
        let held = self.places.last().filter(|last| last.sequence() >= start);
        held.map_or(0, |last| u64::from(last.position) + 1)
    }

    /// Returns the places with sequences from `start` to before `end`.
    fn held(&self, start: u64, end: u64) -> &[EventPlace] {
        let first = self.places.partition_point(|place| place.sequence() < start);
        let after = self.places.partition_point(|place| place.sequence() < end);
        self.places.get(first..after).unwrap_or_default()
    }
}

/// The conditions under which a record is appended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Condition {
    /// The version that its stream must have before the append.
    pub expected: Option<u64>,
    /// The origin that its stream must have before the append, when the stream has events. A stream that was cleared and
    /// begun anew can have the expected version, of other events.
    pub origin: Option<u64>,
    /// Set when an event of its stream with the same id makes the append a repetition.
    pub unique: bool,
}

#[derive(Debug, Default)]
pub(super) struct StreamIndex {
    names: BTreeMap<Arc<str>, usize>,
    streams: Vec<Option<Stream>>,
    free: Vec<usize>,
    /// Places of all streams.
    count: u64,
    /// The first sequence that is held.
    start: u64,
    /// The start when the index was last trimmed.
    trimmed: u64,
}

impl StreamIndex {
    fn find(&self, name: &str) -> Option<&Stream> {
        self.names.get(name).and_then(|&slot| self.streams[slot].as_ref())
    }

    fn of(&mut self, name: &str) -> &mut Stream {
        let slot = match self.names.get(name) {
            Some(&slot) => slot,
            None => self.add(name),
        };
        self.streams[slot].as_mut().expect("a name leads to a stream")
    }

    fn add(&mut self, name: &str) -> usize {
        let name: Arc<str> = name.into();
        let (places, accepted) = (Vec::new(), VecDeque::new());
        let stream = Stream { name: Arc::clone(&name), origin: 0, places, placed: 0, accepted };
        let slot = if let Some(slot) = self.free.pop() {
            self.streams[slot] = Some(stream);
            slot
        } else {
            self.streams.push(Some(stream));
            self.streams.len() - 1
        };
        self.names.insert(name, slot);
        slot
    }

    /// Checks the conditions of drafts. Returns the sequences of the earlier events when the drafts repeat them, and
    /// `None` when they may be appended. Changes nothing. `id_of` reads the id of an event that is written.
    pub(super) fn check(
        &self,
        drafts: &[Draft<'_>],
        conditions: &[Condition],
        id_of: &dyn Fn(u64) -> Option<String>,
    ) -> Result<Option<Vec<u64>>, JournalError> {
        let unique = || drafts.iter().zip(conditions).filter(|(_, condition)| condition.unique);
        let repeated: Vec<u64> =
            unique().filter_map(|(draft, _)| self.earlier(draft, id_of)).collect();
        if repeated.len() == drafts.len() && !repeated.is_empty() {
            return Ok(Some(repeated));
        }
        let mut ids: Vec<_> = unique().map(|(draft, _)| (draft.stream, draft.id)).collect();
        ids.sort_unstable();
        if !repeated.is_empty() || ids.windows(2).any(|pair| pair[0] == pair[1]) {
            let (field, why) = ("options.id", "an id that no other event of the stream has");
            return Err(JournalError::Invalid { field, why });
        }
        for (draft, condition) in drafts.iter().zip(conditions) {
            let Some(expected) = condition.expected else { continue };
            let stream = self.find(draft.stream);
            let actual = stream.map_or(0, |stream| stream.version(self.start));
            let origin = stream.filter(|_| actual > 0).map(|stream| stream.origin);
            let is_other = condition.origin.is_some() && condition.origin != origin;
            if actual != expected || is_other {
                let stream = draft.stream.to_owned();
                return Err(JournalError::Conflict { stream, expected, actual });
            }
        }
        Ok(None)
    }

    /// Returns the sequence of an event of the draft's stream with the same id.
    fn earlier(&self, draft: &Draft<'_>, id_of: &dyn Fn(u64) -> Option<String>) -> Option<u64> {
        let stream = self.find(draft.stream)?;
        let newest = stream.accepted.iter().rev().take(ID_WINDOW);
        if let Some(accepted) = newest.clone().find(|accepted| *accepted.id == *draft.id) {
            return Some(accepted.sequence);
        }
        let sum = sum(draft.id.as_bytes());
        let left = ID_WINDOW - newest.count();
        let mut same = stream
            .places
            .iter()
            .rev()
            .take(left)
            .filter(|place| place.id == sum && place.sequence() >= self.start);
        // A checksum alone proves nothing.
        same.find(|place| id_of(place.sequence()).as_deref() == Some(draft.id))
            .map(EventPlace::sequence)
    }

    /// Gives a draft its position.
    pub(super) fn accept(&mut self, draft: &mut Draft<'_>, sequence: u64) {
        let start = self.start;
        let stream = self.of(draft.stream);
        // The queue refuses streams that are longer.
        let position = u32::try_from(stream.version(start)).unwrap_or(u32::MAX);
        if position == 0 {
            stream.origin = sequence;
        }
        (draft.position, draft.origin) = (position, stream.origin);
        stream.accepted.push_back(Accepted { sequence, position, id: draft.id.into() });
    }

    /// Returns whether so many more events fit into a stream.
    pub(super) fn has_room(&self, name: &str, more: u64) -> bool {
        let version = self.find(name).map_or(0, |stream| stream.version(self.start));
        version + more < u64::from(u32::MAX)
    }

    /// Takes in a record that was written or found.
    fn add_place(&mut self, name: &str, origin: u64, place: EventPlace) {
        let sequence = place.sequence();
        let stream = self.of(name);
        while stream.accepted.front().is_some_and(|accepted| accepted.sequence <= sequence) {
            stream.accepted.pop_front();
        }
        if stream.places.last().is_some_and(|last| last.sequence() >= sequence) {
            return;
        }
        let mut gone = 0;
        if stream.placed != origin {
            // The stream was begun anew, because all its events before had been removed.
            gone = stream.places.len() as u64;
            stream.places.clear();
            stream.placed = origin;
        }
        // What is accepted may be of a newer stream of this name.
        stream.origin = stream.origin.max(origin);
        stream.places.push(place);
        self.count = self.count + 1 - gone;
    }

    fn remove(&mut self, slot: usize) {
        if let Some(stream) = self.streams[slot].take() {
            self.names.remove(&stream.name);
            self.free.push(slot);
        }
    }
}

/// The streams of a journal, for its writer and its readers.
#[derive(Debug, Default)]
pub struct Streams {
    pub(super) index: Mutex<StreamIndex>,
    /// The names that are in use, each for one user; see [`Streams::claim`].
    claims: Mutex<BTreeMap<Box<str>, u64>>,
}

/// The events of a stream that a reader wants.
#[derive(Debug, Clone, Copy)]
pub struct StreamRange {
    /// The first position.
    pub from: u64,
    /// The position to stop before.
    pub to: u64,
    /// Set to begin with the last.
    pub backwards: bool,
    /// The most events.
    pub limit: usize,
}

impl Streams {
    /// Takes in a record that was written or found at this offset.
    pub fn add(&self, record: &Record<'_>, offset: u64) {
        // Names are checked when they are read, too: what is no text is in no stream.
        let Ok(name) = std::str::from_utf8(record.stream) else { return };
        if !name.is_empty() {
            self.index.lock().add_place(name, record.origin, EventPlace::new(record, offset));
        }
    }

    /// Returns the places of a stream's events with sequences from `start` to before `end`, in the order of the range.
    pub fn places(
        &self,
        name: &str,
        (start, end): (u64, u64),
        range: StreamRange,
    ) -> Vec<EventPlace> {
        let index = self.index.lock();
        let Some(stream) = index.find(name) else { return Vec::new() };
        let held = stream.held(start, end);
        let first = held.partition_point(|place| u64::from(place.position) < range.from);
        let after = held.partition_point(|place| u64::from(place.position) < range.to);
        let wanted = held.get(first..after).unwrap_or_default();
        if range.backwards {
            wanted.iter().rev().take(range.limit).copied().collect()
        } else {
            wanted.iter().take(range.limit).copied().collect()
        }
    }

    /// Returns the version of a stream, of its events with sequences from `start` to before `end`; 0 for none.
    pub fn version(&self, name: &str, (start, end): (u64, u64)) -> u64 {
        let index = self.index.lock();
        let last = index.find(name).and_then(|stream| stream.held(start, end).last().copied());
        last.map_or(0, |last| u64::from(last.position) + 1)
    }

    /// Returns the origin of a stream with events with sequences from `start` to before `end`; `None` without any.
    pub fn origin(&self, name: &str, (start, end): (u64, u64)) -> Option<u64> {
        let index = self.index.lock();
        index
            .find(name)
            .filter(|stream| !stream.held(start, end).is_empty())
            .map(|stream| stream.placed)
    }

    /// Returns names after `after`, in order, that begin with `prefix` and have events with sequences from `start` to
    /// before `end`; and whether there may be more.
    pub fn names(
        &self,
        (start, end): (u64, u64),
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> (Vec<Arc<str>>, Option<Arc<str>>) {
        let index = self.index.lock();
        let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let mut last = None;
        let mut found = Vec::new();
        for (looked, (name, &slot)) in
            index.names.range::<str, _>((from, Bound::Unbounded)).enumerate()
        {
            if !name.starts_with(prefix) {
                return (found, None);
            }
            if looked == limit {
                return (found, last);
            }
            let stream = index.streams[slot].as_ref();
            if stream.is_some_and(|stream| !stream.held(start, end).is_empty()) {
                found.push(Arc::clone(name));
            }
            last = Some(Arc::clone(name));
        }
        (found, None)
    }

    /// Returns the numbers of streams and of events in the index, and the bytes that they take.
    pub fn usage(&self) -> (u64, u64, u64) {
        let index = self.index.lock();
        let (mut bytes, mut events) = (0, 0);
        for stream in index.streams.iter().flatten() {
            events += stream.places.len();
            bytes +=
                stream.places.capacity() * PLACE_BYTES + stream.name.len() + 2 * size_of::<usize>();
            bytes += stream.accepted.capacity() * size_of::<Accepted>();
        }
        bytes += index.streams.capacity() * size_of::<Option<Stream>>();
        // A map's node is two thirds full when names arrive at random.
        bytes += index.names.len() * size_of::<(Arc<str>, usize)>() * 3 / 2;
        (index.names.len() as u64, events as u64, bytes as u64)
    }

    /// Notes the first sequence that is held. Events before it leave the index when they are many.
    pub fn starts_at(&self, start: u64) {
        let slots = {
            let mut index = self.index.lock();
            index.start = index.start.max(start);
            let dropped = index.start - index.trimmed;
            if dropped < (index.count / 2).max(UNTRIMMED) {
                return;
            }
            index.trimmed = index.start;
            index.streams.len()
        };
        self.each(slots, |index, slot| {
            let start = index.start;
            let Some(stream) = index.streams[slot].as_mut() else { return };
            let gone = stream.places.partition_point(|place| place.sequence() < start);
            stream.places.drain(..gone);
            if stream.places.capacity() > 4 * stream.places.len() {
                stream.places.shrink_to_fit();
            }
            let is_empty = stream.places.is_empty() && stream.accepted.is_empty();
            index.count -= gone as u64;
            if is_empty {
                index.remove(slot);
            }
        });
    }

    /// Notes that of the records with sequences from `base` to before `end` only these are left, each with its offset.
    pub fn moved(&self, (base, end): (u64, u64), records: &[(u64, u32)]) {
        let slots = self.index.lock().streams.len();
        self.each(slots, |index, slot| {
            let Some(stream) = index.streams[slot].as_mut() else { return };
            let first = stream.places.partition_point(|place| place.sequence() < base);
            let after = stream.places.partition_point(|place| place.sequence() < end);
            let mut kept = first;
            for at in first..after {
                let sequence = stream.places[at].sequence();
                if let Ok(found) =
                    records.binary_search_by_key(&sequence, |&(sequence, _)| sequence)
                {
                    stream.places[kept] =
                        EventPlace { offset: records[found].1, ..stream.places[at] };
                    kept += 1;
                }
            }
            stream.places.drain(kept..after);
            let is_empty = stream.places.is_empty() && stream.accepted.is_empty();
            index.count -= (after - kept) as u64;
            if is_empty {
                index.remove(slot);
            }
        });
    }

    /// Visits the slots of streams, some under one lock.
    fn each(&self, slots: usize, mut body: impl FnMut(&mut StreamIndex, usize)) {
        for first in (0..slots).step_by(STEP) {
            let mut index = self.index.lock();
            for slot in first..(first + STEP).min(slots) {
                body(&mut index, slot);
            }
        }
    }

    /// Takes a name for one user, until that user releases it. Returns false when another has it.
    pub fn claim(&self, name: &str, user: u64) -> bool {
        let mut claims = self.claims.lock();
        if claims.contains_key(name) {
            return false;
        }
        claims.insert(name.into(), user);
        true
    }

    /// Gives a name free, if this user has it.
    pub fn release(&self, name: &str, user: u64) {
        let mut claims = self.claims.lock();
        if claims.get(name) == Some(&user) {
            claims.remove(name);
        }
    }

    /// Gives all names of a user free.
    pub fn release_all(&self, user: u64) {
        self.claims.lock().retain(|_, owner| *owner != user);
    }
}
