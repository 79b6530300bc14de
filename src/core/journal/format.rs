//! The bytes of segments and records, versions 1 and 2: see `docs/journal-format.md`. All numbers are little-endian.

/// The first bytes of every segment.
pub const MAGIC: [u8; 8] = *b"KEELJRNL";
/// The version this code writes, and the newest it reads. Version 1 has neither streams nor groups.
pub const VERSION: u32 = 2;
/// Bytes of a segment's header.
pub const HEADER: usize = 64;
/// Bytes of a record before its id, key and payload.
pub const FRAME: usize = 44;
/// Bytes that a record of a stream has after its frame, before the stream's name: position, length of the name, origin.
pub const STREAM_FRAME: usize = 16;
/// Bytes of a record that its length does not count: the checksum and the length itself.
const PREFIX: usize = 8;
/// The largest record, frame included. A length below this has zeros in its upper bits, so text is never taken for one.
pub const MAX_RECORD: usize = (1 << 28) - 1;

const COMPACTED: u32 = 1;
const HAS_ID: u8 = 1;
const HAS_KEY: u8 = 2;
const CONTROL: u8 = 4;
const HAS_STREAM: u8 = 8;
const CONTINUES: u8 = 16;

/// The header of a segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Header {
    /// The version of its records.
    pub version: u32,
    /// The first sequence it may hold.
    pub base: u64,
    /// The journal's time when the segment was begun; of a compacted segment, that of its last entry. See
    /// [`super::time`].
    pub created: f64,
    /// Of an ordinary segment: the state when it was begun. Earlier versions wrote nothing there.
    pub begun: Option<Begun>,
    /// Of a compacted segment, which may have gaps: the facts that show it is whole.
    pub compacted: Option<Compacted>,
}

/// The time at which a segment was begun.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Begun {
    /// The journal's time of the last entry before it.
    pub before: f64,
    /// Wall ms.
    pub wall: f64,
    /// Monotonic ms, of the clock of that process.
    pub mono: f64,
}

/// The expected content of a compacted segment, which is written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// The sequence after the last it stands for, whether or not that one is in it.
    pub end: u64,
    /// Its records.
    pub count: u64,
    /// Its size, header included.
    pub bytes: u64,
    /// The sequence after the last removal of a key that was dropped from it; 0 for none. See [`Compacted::dropped`].
    pub removed: u64,
}

/// The reasons why a header is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderFault {
    /// Its bytes differ from the written ones.
    Damaged(&'static str),
    /// It was written by a newer version.
    Newer(u32),
}

impl Compacted {
    /// Returns how a header records a removal: by its distance from the base in 32 bits. Where these do not suffice it
    /// records the end, because no saved state may bring a removed key back.
    pub fn dropped(removed: u64, base: u64, end: u64) -> u64 {
        if distance(removed, base) == u32::MAX { end } else { removed }
    }
}

fn distance(removed: u64, base: u64) -> u32 {
    u32::try_from(removed.saturating_sub(base)).unwrap_or(u32::MAX)
}

impl Begun {
    /// Returns the times; `None` if one is not finite, or the wall time is 0, which stands for a header without them.
    pub fn new(before: f64, wall: f64, mono: f64) -> Option<Self> {
        let all = [before, wall, mono].iter().all(|number| number.is_finite());
        (all && wall != 0.0).then_some(Self { before, wall, mono })
    }
}

impl Header {
    /// Returns the header's bytes.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.base.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.created.to_le_bytes());
        if let Some(Compacted { end, count, bytes: size, removed }) = self.compacted {
            bytes[12..16].copy_from_slice(&COMPACTED.to_le_bytes());
            bytes[24..32].copy_from_slice(&end.to_le_bytes());
            bytes[40..48].copy_from_slice(&count.to_le_bytes());
            bytes[48..56].copy_from_slice(&size.to_le_bytes());
            bytes[56..60].copy_from_slice(&distance(removed, self.base).to_le_bytes());
        } else if let Some(Begun { before, wall, mono }) = self.begun {
            bytes[24..32].copy_from_slice(&before.to_le_bytes());
            bytes[40..48].copy_from_slice(&wall.to_le_bytes());
            bytes[48..56].copy_from_slice(&mono.to_le_bytes());
        }
        let check = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`HeaderFault`] when it is cut short, damaged, another program's, or newer than [`VERSION`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let Some(bytes) = bytes.get(..HEADER) else {
            return Err(HeaderFault::Damaged("the header is cut short"));
        };
        if bytes[..8] != MAGIC {
            return Err(HeaderFault::Damaged("it does not begin as a segment does"));
        }
        if crc32c::crc32c(&bytes[..60]) != u32_at(bytes, 60) {
            return Err(HeaderFault::Damaged("the header's checksum differs"));
        }
        let version = u32_at(bytes, 8);
        if version > VERSION {
            return Err(HeaderFault::Newer(version));
        }
        let flags = u32_at(bytes, 12);
        if version == 0 || flags & !COMPACTED != 0 {
            return Err(HeaderFault::Damaged("the header says what no version writes"));
        }
        let (base, end) = (u64_at(bytes, 16), u64_at(bytes, 24));
        let removed = match u32_at(bytes, 56) {
            0 => 0,
            u32::MAX => end,
            distance => base.saturating_add(distance.into()),
        };
        let compacted = (flags & COMPACTED != 0).then(|| Compacted {
            end,
            count: u64_at(bytes, 40),
            bytes: u64_at(bytes, 48),
            removed,
        });
        let [before, wall, mono] = [24, 40, 48].map(|at| f64_at(bytes, at));
        let begun = Begun::new(before, wall, mono).filter(|_| compacted.is_none());
        Ok(Self { version, base, created: f64_at(bytes, 32), begun, compacted })
    }
}

/// Returns the seed of the checksums of a segment's records, so that a record is valid in its own segment only.
pub fn seed(base: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&MAGIC), &base.to_le_bytes())
}

/// A record as callers pass it in.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Draft<'a> {
    /// Wall ms of the caller's clock.
    pub wall: f64,
    /// Monotonic ms of the caller's clock.
    pub mono: f64,
    /// An id of the caller's; empty for none.
    pub id: &'a str,
    /// The key that compaction compares; empty for none.
    pub key: &'a str,
    /// JSON text.
    pub payload: &'a str,
    /// The stream that it belongs to; empty for none.
    pub stream: &'a str,
    /// The number of events of the stream before it.
    pub position: u32,
    /// The sequence of the stream's first event, also when that is held no more: it tells apart streams of one name.
    pub origin: u64,
    /// Set when the next record is of the same group: recovery takes all of a group or nothing.
    pub continues: bool,
}

impl Draft<'_> {
    /// Returns the bytes that the record takes.
    pub fn size(&self) -> usize {
        let stream = if self.stream.is_empty() { 0 } else { STREAM_FRAME + self.stream.len() };
        FRAME + stream + self.id.len() + self.key.len() + self.payload.len()
    }
}

/// Appends a record without its checksum and its `synced`, which [`seal`] fills in when its place is known.
pub fn push(out: &mut Vec<u8>, sequence: u64, draft: &Draft<'_>) {
    push_flagged(out, sequence, draft, 0);
}

fn push_flagged(out: &mut Vec<u8>, sequence: u64, draft: &Draft<'_>, mut flags: u8) {
    let length = u32::try_from(draft.size() - PREFIX).expect("checked against MAX_RECORD");
    let id_length = u16::try_from(draft.id.len()).expect("checked by the queue");
    let key_length = u32::try_from(draft.key.len()).expect("checked by the queue");
    let has_stream = !draft.stream.is_empty();
    for (has, flag) in [
        (id_length > 0, HAS_ID),
        (key_length > 0, HAS_KEY),
        (has_stream, HAS_STREAM),
        (draft.continues, CONTINUES),
    ] {
        flags |= if has { flag } else { 0 };
    }
    let mut frame = [0; FRAME];
    frame[4..8].copy_from_slice(&length.to_le_bytes());
    frame[8..16].copy_from_slice(&sequence.to_le_bytes());
    frame[16..24].copy_from_slice(&draft.wall.to_le_bytes());
    frame[24..32].copy_from_slice(&draft.mono.to_le_bytes());
    frame[36] = flags;
    frame[38..40].copy_from_slice(&id_length.to_le_bytes());
    frame[40..44].copy_from_slice(&key_length.to_le_bytes());
    out.extend_from_slice(&frame);
    if has_stream {
        push_stream(out, draft);
    }
    // Most records have no id, and a copy of nothing is a call all the same.
    if id_length > 0 {
        out.extend_from_slice(draft.id.as_bytes());
    }
    out.extend_from_slice(draft.key.as_bytes());
    out.extend_from_slice(draft.payload.as_bytes());
}

fn push_stream(out: &mut Vec<u8>, draft: &Draft<'_>) {
    let length = u16::try_from(draft.stream.len()).expect("checked by the queue");
    let mut about = [0; STREAM_FRAME];
    about[..4].copy_from_slice(&draft.position.to_le_bytes());
    about[4..6].copy_from_slice(&length.to_le_bytes());
    about[8..].copy_from_slice(&draft.origin.to_le_bytes());
    out.extend_from_slice(&about);
    out.extend_from_slice(draft.stream.as_bytes());
}

/// Returns whether the record that begins here has a form that version 1 does not have.
pub fn is_of_version_2(bytes: &[u8]) -> bool {
    bytes[36] & (HAS_STREAM | CONTINUES) != 0
}

/// Returns whether the record that begins here is followed by another of its group.
pub fn continues(bytes: &[u8]) -> bool {
    bytes[36] & CONTINUES != 0
}

/// Makes a record the last of its group. Its checksum has to be made anew.
pub fn end_group(record: &mut [u8]) {
    record[36] &= !CONTINUES;
}

/// The contents of the mark of a clean close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CloseMark {
    /// Wall ms.
    pub wall: f64,
    /// The journal's time.
    pub time: f64,
    /// The journal's first sequence.
    pub start: u64,
    /// The journal's time of the last entry before it.
    pub last: f64,
}

/// The most time, in ms, that a mark may fall behind before a clean close writes another.
const OLDEST_MARK: f64 = 10.0;

impl CloseMark {
    /// Returns whether an earlier mark has the same contents, apart from differences that the next opening ignores.
    ///
    /// Time that passed since that mark is no such difference: the wall clock may be set back before the next opening,
    /// which then knows of that time from the mark alone.
    pub fn repeats(&self, before: &Self) -> bool {
        let passed = self.time - before.time;
        let jumped = (self.wall - before.wall - passed).abs();
        self.start == before.start && passed <= OLDEST_MARK && jumped <= OLDEST_MARK
    }
}

/// Appends the mark of a clean close: it has the next sequence, and takes none.
pub fn push_close_mark(out: &mut Vec<u8>, sequence: u64, mark: &CloseMark) {
    let payload = format!("[{},{}]", mark.start, mark.last);
    let draft = Draft { wall: mark.wall, mono: mark.time, payload: &payload, ..Draft::default() };
    push_flagged(out, sequence, &draft, CONTROL);
}

/// Returns the bytes of the record that begins here, as its frame says.
pub fn size_of_pushed(bytes: &[u8]) -> usize {
    PREFIX.saturating_add(u32_at(bytes, 4) as usize)
}

/// Returns the sequence of the record that begins here.
pub fn sequence_of_pushed(bytes: &[u8]) -> u64 {
    u64_at(bytes, 8)
}

/// Completes one record: how much of the segment was known to be synced, and the checksum.
pub fn seal(record: &mut [u8], seed: u32, synced: u32) {
    record[32..36].copy_from_slice(&synced.to_le_bytes());
    let check = crc32c::crc32c_append(seed, &record[4..]);
    record[..4].copy_from_slice(&check.to_le_bytes());
}

/// A record that passed its checks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record<'a> {
    /// Its place in the journal.
    pub sequence: u64,
    /// Wall ms at the append.
    pub wall: f64,
    /// Monotonic ms at the append.
    pub mono: f64,
    /// Bytes of the segment that were synced when this record's batch was written.
    pub synced: u32,
    /// A mark of the journal's own, not an entry.
    pub control: bool,
    /// The caller's id, or empty.
    pub id: &'a [u8],
    /// The caller's key, or empty.
    pub key: &'a [u8],
    /// The stream it belongs to, or empty.
    pub stream: &'a [u8],
    /// The number of events of the stream before it.
    pub position: u32,
    /// The sequence of the stream's first event.
    pub origin: u64,
    /// Set when the next record is of the same group.
    pub continues: bool,
    /// JSON text.
    pub payload: &'a [u8],
    /// All its bytes, frame included.
    pub size: usize,
}

impl Record<'_> {
    /// Returns the contents of the mark of a clean close; `None` for other records, and for marks of earlier versions.
    pub fn mark(&self) -> Option<CloseMark> {
        let body = std::str::from_utf8(self.payload).ok().filter(|_| self.control)?;
        let (start, last) = body.strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
        let (start, last) = (start.parse().ok()?, last.parse().ok()?);
        Some(CloseMark { wall: self.wall, time: self.mono, start, last })
    }

    /// Returns whether the record removes its key: its value is `null`.
    pub fn is_tombstone(&self) -> bool {
        !self.key.is_empty() && self.payload == b"null"
    }
}

/// The result of decoding the beginning of some bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoded<'a> {
    /// A record.
    Record(Record<'a>),
    /// The beginning of what could be a record of so many bytes.
    Short(usize),
    /// No record, and why.
    Bad(&'static str),
}

/// Reads the record at the beginning of `bytes`, in a segment with this [`seed`].
pub fn decode(bytes: &[u8], seed: u32) -> Decoded<'_> {
    let decoded = frame_of(bytes);
    let Decoded::Record(Record { size, .. }) = decoded else { return decoded };
    if crc32c::crc32c_append(seed, &bytes[4..size]) == u32_at(bytes, 0) {
        decoded
    } else {
        Decoded::Bad("the checksum differs")
    }
}

/// Decodes without checking the checksum, for bytes that this process made.
pub fn frame_of(bytes: &[u8]) -> Decoded<'_> {
    if bytes.len() < FRAME {
        return Decoded::Short(FRAME);
    }
    let size = size_of_pushed(bytes);
    if !(FRAME..=MAX_RECORD).contains(&size) {
        return Decoded::Bad("the length is impossible");
    }
    let flags = bytes[36];
    let id_length = usize::from(u16::from_le_bytes([bytes[38], bytes[39]]));
    let key_length = u32_at(bytes, 40) as usize;
    if flags & !(HAS_ID | HAS_KEY | CONTROL | HAS_STREAM | CONTINUES) != 0
        || bytes[37] != 0
        || (flags & HAS_ID != 0) != (id_length > 0)
        || (flags & HAS_KEY != 0) != (key_length > 0)
        || key_length > size
        || FRAME + id_length + key_length > size
    {
        return Decoded::Bad("the frame is impossible");
    }
    let Some(record) = bytes.get(..size) else { return Decoded::Short(size) };
    let (mut stream, mut rest): (&[u8], _) = (&[], &record[FRAME..]);
    let (mut position, mut origin) = (0, 0);
    if flags & HAS_STREAM != 0 {
        let Some((about, after)) = rest.split_at_checked(STREAM_FRAME) else {
            return Decoded::Bad("the frame is impossible");
        };
        let length = usize::from(u16::from_le_bytes([about[4], about[5]]));
        let odd =
            length == 0 || about[6..8] != [0, 0] || after.len() < length + id_length + key_length;
        if odd {
            return Decoded::Bad("the frame is impossible");
        }
        (position, origin) = (u32_at(about, 0), u64_at(about, 8));
        (stream, rest) = after.split_at(length);
    }
    let (id, rest) = rest.split_at(id_length);
    let (key, payload) = rest.split_at(key_length);
    Decoded::Record(Record {
        sequence: u64_at(record, 8),
        wall: f64_at(record, 16),
        mono: f64_at(record, 24),
        synced: u32_at(record, 32),
        control: flags & CONTROL != 0,
        id,
        key,
        stream,
        position,
        origin,
        continues: flags & CONTINUES != 0,
        payload,
        size,
    })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

pub(super) fn f64_at(bytes: &[u8], at: usize) -> f64 {
    f64::from_bits(u64_at(bytes, at))
}
