//! Opens a directory: takes whole records, cuts a torn tail, and refuses damage to acknowledged entries.

use std::sync::Arc;

use super::error::JournalError;
use super::format::{self, CloseMark, HEADER, Header, HeaderFault, Record};
use super::scan::{ScanStep, Scanner, was_synced};
use super::segment::{self, DAMAGED, LOCK, Listing, SEGMENT, SNAPSHOT, Segment, Survey, TEMPORARY};
use super::storage::{File, Storage};
use super::streams::Streams;
use super::time::Pace;

/// Something that was left out, because it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The file.
    pub segment: String,
    /// Its offset.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// The reason.
    pub reason: String,
}

/// The findings of opening.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Entries that are there.
    pub entries: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Set when the last writer closed the journal.
    pub clean: bool,
    /// The parts that were left out: a torn tail that was never acknowledged, or, when salvaging, damage.
    pub dropped: Vec<Loss>,
}

/// The files of the directory, by kind.
#[derive(Debug, Default)]
pub struct Files {
    /// Bases of segments, in order.
    pub segments: Vec<u64>,
    /// Sequences of snapshots, in order.
    pub snapshots: Vec<u64>,
    /// Files that a writer had not finished.
    pub temporary: Vec<String>,
    /// Names that are not ours.
    pub foreign: Vec<String>,
    /// Set when a writer was here before.
    pub locked_before: bool,
}

impl Files {
    /// Lists the directory.
    ///
    /// # Errors
    ///
    /// The error of the operating system; [`JournalError::Format`] for a directory of another program.
    pub fn list(storage: &dyn Storage) -> Result<Self, JournalError> {
        let mut files = Self::default();
        for name in storage.list()? {
            if let Some(base) = segment::number(&name, SEGMENT) {
                files.segments.push(base);
            } else if let Some(sequence) = segment::number(&name, SNAPSHOT) {
                files.snapshots.push(sequence);
            } else if name.strip_suffix(TEMPORARY).is_some_and(is_ours) {
                files.temporary.push(name);
            } else if name == LOCK {
                files.locked_before = true;
            } else if !name.strip_suffix(DAMAGED).is_some_and(is_ours) {
                files.foreign.push(name);
            }
        }
        files.segments.sort_unstable();
        files.snapshots.sort_unstable();
        files.foreign.sort_unstable();
        if files.segments.is_empty()
            && !files.locked_before
            && let Some(name) = files.foreign.first()
        {
            let reason = format!("it holds no journal but other files, such as {name:?}");
            return Err(JournalError::Format { path: storage.path(), reason });
        }
        Ok(files)
    }
}

fn is_ours(name: &str) -> bool {
    segment::number(name, SEGMENT).is_some() || segment::number(name, SNAPSHOT).is_some()
}

/// One segment as it was read.
#[derive(Debug)]
pub struct Read {
    /// Its header.
    pub header: Header,
    /// The part of it that is whole.
    pub survey: Survey,
    /// The end of that part and the reason, when the file goes on.
    pub damage: Option<(u64, &'static str)>,
    /// Bytes of the file.
    pub size: u64,
    /// The largest part that a record says was synced.
    pub synced: u64,
    /// Set when it ends with the mark of a clean close.
    pub closed: bool,
    /// The contents of its last mark, wherever that stands.
    pub mark: Option<CloseMark>,
}

/// Reads a segment's header.
///
/// # Errors
///
/// Damage, a newer version, or what the operating system refused.
pub fn read_header(
    storage: &dyn Storage,
    file: &dyn File,
    base: u64,
) -> Result<Header, JournalError> {
    let name = segment::name(base, SEGMENT);
    let mut bytes = [0; HEADER];
    let count = file.read(&mut bytes, 0)?;
    let corrupt = |reason: &str| JournalError::Corrupt {
        segment: name.clone(),
        offset: 0,
        reason: reason.into(),
    };
    match Header::decode(&bytes[..count]) {
        Ok(header) if header.base == base => Ok(header),
        Ok(_) => Err(corrupt("the header and the file's name differ")),
        Err(HeaderFault::Damaged(reason)) => Err(corrupt(reason)),
        Err(HeaderFault::Newer(version)) => Err(JournalError::Format {
            path: format!("{}/{name}", storage.path()),
            reason: format!(
                "version {version} is newer than {}, which this keelson reads",
                format::VERSION
            ),
        }),
    }
}

/// Reads a segment from its beginning to its end or to the first damage. The index of streams gets its records.
///
/// # Errors
///
/// The error of the operating system.
pub fn read_segment(
    file: &dyn File,
    header: Header,
    streams: &Streams,
) -> Result<Read, JournalError> {
    let size = file.size()?;
    let mut scanner = Scanner::whole(file, header.base, size);
    let mut survey = Survey::new(&header);
    let (mut synced, mut closed, mut damage, mut mark) = (HEADER as u64, false, None, None);
    let mut group = Group::default();
    loop {
        match scanner.step()? {
            ScanStep::End => break,
            ScanStep::Bad(offset, reason) => {
                damage = Some((offset, reason));
                break;
            }
            ScanStep::Record(record, offset) => {
                let next = survey.contents.next + group.records.len() as u64;
                if let Some(reason) =
                    out_of_order(&header, next, &record, offset, !group.is_empty())
                {
                    damage = Some((offset, reason));
                    break;
                }
                synced = synced.max(u64::from(record.synced));
                closed = record.control;
                mark = record.mark().or(mark);
                let is_alone = group.is_empty() && !record.continues;
                if is_alone || header.compacted.is_some() {
                    survey.add(&record);
                    streams.add(&record, offset);
                    continue;
                }
                group.add(&record, offset);
                if !record.continues {
                    group.take_over(&mut survey, streams);
                }
            }
        }
    }
    // A group of which the end is missing is not there.
    if let Some(start) = group.start() {
        let (_, reason) = damage.unwrap_or((start, "a group of records is cut short"));
        damage = Some((start, reason));
    }
    Ok(Read { header, survey, damage, size, synced, closed, mark })
}

/// Records of a group whose last one was not read yet.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Without their texts.
    records: Vec<(Record<'static>, u64)>,
    /// Their streams and ids, one behind the other, and the ends of each.
    texts: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the offset of its first record.
    fn start(&self) -> Option<u64> {
        self.records.first().map(|&(_, offset)| offset)
    }

    pub(super) fn add(&mut self, record: &Record<'_>, offset: u64) {
        self.texts.extend_from_slice(record.stream);
        let stream = self.texts.len();
        self.texts.extend_from_slice(record.id);
        self.ends.push((stream, self.texts.len()));
        let (id, key, stream, payload) = (&[][..], &[][..], &[][..], &[][..]);
        let Record {
            sequence, wall, mono, synced, control, position, origin, continues, size, ..
        } = *record;
        let textless = Record {
            sequence,
            wall,
            mono,
            synced,
            control,
            id,
            key,
            stream,
            position,
            origin,
            continues,
            payload,
            size,
        };
        self.records.push((textless, offset));
    }

    /// Counts its records, which are whole now, and forgets them.
    pub(super) fn take_over(&mut self, survey: &mut Survey, streams: &Streams) {
        let mut begin = 0;
        for ((record, offset), &(stream, id)) in self.records.iter().zip(&self.ends) {
            survey.add(record);
            let (stream, id) = (&self.texts[begin..stream], &self.texts[stream..id]);
            streams.add(&Record { id, stream, ..*record }, *offset);
            begin += stream.len() + id.len();
        }
        self.records.clear();
        self.texts.clear();
        self.ends.clear();
    }
}

fn out_of_order(
    header: &Header,
    next: u64,
    record: &Record<'_>,
    offset: u64,
    is_grouped: bool,
) -> Option<&'static str> {
    if u64::from(record.synced) > offset {
        return Some("a record says that what follows it was synced");
    }
    match header.compacted {
        None if record.control && is_grouped => Some("a mark stands within a group"),
        None if record.sequence == next => None,
        None => Some("a sequence is missing or repeated"),
        Some(_) if record.control => Some("a mark stands in a compacted segment"),
        Some(compacted) => {
            let ordered = record.sequence >= next && record.sequence < compacted.end;
            (!ordered).then_some("a sequence is out of order")
        }
    }
}

/// Returns the fault of a segment that is not the last; `None` when it has none.
pub fn fault_in_sealed(read: &Read, next_base: u64) -> Option<(u64, String)> {
    if let Some((offset, reason)) = read.damage {
        return Some((offset, reason.into()));
    }
    if let Some(compacted) = read.header.compacted {
        let whole = compacted.count == read.survey.contents.count && compacted.bytes == read.size;
        if !whole {
            return Some((read.size, "records are missing at its end".into()));
        }
    }
    let end = read.header.compacted.map_or(read.survey.contents.next, |compacted| compacted.end);
    (end != next_base).then(|| {
        (
            read.size,
            format!("it ends before sequence {end}, and the next segment begins with {next_base}"),
        )
    })
}

/// A directory that was read.
#[derive(Debug)]
pub struct Recovered {
    /// Its segments.
    pub listing: Listing,
    /// Its last segment, open to be written, unless a new one has to be made.
    pub last: Option<Last>,
    /// The time of the journal so far; `None` when it was never written to.
    pub pace: Option<Pace>,
    /// Segments that a compacted one replaced.
    pub superseded: Vec<u64>,
    /// The findings.
    pub report: RecoveryReport,
}

/// The segment at which a writer goes on.
#[derive(Debug)]
pub struct Last {
    /// Its file.
    pub file: Arc<dyn File>,
    /// Its contents.
    pub segment: Arc<Segment>,
    /// The part that is known to be on disk; the rest has to be written again, see `Log::open`.
    pub synced: u64,
    /// Bytes of the file: more than the segment's when there is a torn tail.
    pub size: u64,
    /// The contents of the mark of a clean close, when the last record is one.
    pub mark: Option<CloseMark>,
}

/// Reads all segments. Changes nothing.
///
/// # Errors
///
/// [`JournalError::Corrupt`] for damage to what was acknowledged, [`JournalError::Format`] for a newer version, and
/// what the operating system refused.
pub fn recover(
    storage: &dyn Storage,
    bases: &[u64],
    write: bool,
    streams: &Streams,
) -> Result<Recovered, JournalError> {
    let mut recovered = Recovered {
        listing: Listing::default(),
        last: None,
        pace: None,
        superseded: Vec::new(),
        report: RecoveryReport { clean: true, ..RecoveryReport::default() },
    };
    let mut headers = Vec::new();
    let mut covered = 0;
    for &base in bases {
        if base < covered {
            recovered.superseded.push(base);
            continue;
        }
        // Between the listing and now a writer beside this reader may have removed it.
        let Some(file) = storage.open(&segment::name(base, SEGMENT), false)? else { continue };
        let header = read_header(storage, &*file, base)?;
        if let Some(compacted) = header.compacted {
            covered = compacted.end;
        }
        headers.push(header);
    }
    for (index, header) in headers.iter().enumerate() {
        let name = segment::name(header.base, SEGMENT);
        let Some(file) = storage.open(&name, write)? else { continue };
        let next_base = headers.get(index + 1).map(|header| header.base);
        let Some(end) = next_base.or(header.compacted.map(|compacted| compacted.end)) else {
            take_last(&mut recovered, file, *header, !write, streams)?;
            continue;
        };
        let mut read = read_segment(&*file, *header, streams)?;
        if let Some((offset, reason)) = fault_in_sealed(&read, end) {
            return Err(JournalError::Corrupt { segment: name, offset, reason });
        }
        let survey = &mut read.survey;
        if header.compacted.is_some() {
            survey.pace.shift(header.created - survey.pace.time);
            survey.last_at(header.created);
        } else if let Some(next) = headers.get(index + 1) {
            survey.last_at(next.begun.map_or(next.created, |begun| begun.before));
        }
        recovered.hear(&read);
        recovered.report.bytes += read.size;
        recovered.report.entries += read.survey.contents.count;
        recovered.listing.segments.push(Segment::new(*header, read.survey));
    }
    let Listing { segments, start, .. } = &mut recovered.listing;
    let first = segments.first().map_or(0, |first| first.header.base);
    let end = segments.last().map_or(0, |last| last.end());
    *start = first.max((*start).min(end));
    Ok(recovered)
}

impl Recovered {
    fn hear(&mut self, read: &Read) {
        let start = read.mark.map_or(0, |mark| mark.start);
        self.listing.start = self.listing.start.max(start);
        let pace = &read.survey.pace;
        match &mut self.pace {
            Some(before) => before.follow(pace),
            None => self.pace = Some(*pace),
        }
    }
}

/// Reads the last segment. Beside a `live` writer, what was half written a moment ago may be whole by now.
fn take_last(
    recovered: &mut Recovered,
    file: Arc<dyn File>,
    header: Header,
    live: bool,
    streams: &Streams,
) -> Result<(), JournalError> {
    let mut read = read_segment(&*file, header, streams)?;
    let mut seen = None;
    while let Some((offset, reason)) = read.damage {
        let name = segment::name(header.base, SEGMENT);
        let bytes = tail(&*file, offset, read.size)?;
        if !was_synced(&bytes, format::seed(header.base), read.survey.contents.next, offset) {
            let (bytes, reason) = (read.size - offset, reason.into());
            recovered.report.dropped.push(Loss { segment: name, offset, bytes, reason });
            break;
        }
        if !live || seen == Some(offset) {
            return Err(JournalError::Corrupt { segment: name, offset, reason: reason.into() });
        }
        seen = Some(offset);
        read = read_segment(&*file, header, streams)?;
    }
    recovered.hear(&read);
    let Read { survey, damage, size, synced, closed, mark, .. } = read;
    recovered.report.bytes += size;
    recovered.report.entries += survey.contents.count;
    recovered.report.clean = damage.is_none() && (closed || survey.contents.bytes == HEADER as u64);
    let segment = Segment::new(header, survey);
    recovered.listing.segments.push(Arc::clone(&segment));
    recovered.last = Some(Last { file, segment, synced, size, mark: mark.filter(|_| closed) });
    Ok(())
}

/// Returns the bytes from a place to the end.
fn tail(file: &dyn File, offset: u64, size: u64) -> Result<Vec<u8>, JournalError> {
    let length = usize::try_from(size - offset).expect("a segment fits in memory");
    let mut bytes = vec![0; length];
    let count = file.read(&mut bytes, offset)?;
    bytes.truncate(count);
    Ok(bytes)
}
