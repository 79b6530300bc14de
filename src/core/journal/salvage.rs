//! Salvages damaged segments: writes anew what can be read, puts the damaged files aside, and reports the losses.

use super::error::JournalError;
use super::format::{self, Compacted, HEADER, Header};
use super::recovery::{Loss, read_header};
use super::scan::find_record;
use super::segment::{self, DAMAGED, SEGMENT, TEMPORARY};
use super::storage::Storage;
use super::time::Pace;

/// Makes the directory one that opens. A segment that is whole is left as it is.
///
/// # Errors
///
/// The error of the operating system, and [`JournalError::Format`] for a newer version, which is no damage.
pub(super) fn salvage(
    storage: &dyn Storage,
    bases: &[u64],
    wall: f64,
) -> Result<Vec<Loss>, JournalError> {
    let mut losses = Vec::new();
    let mut covered = 0;
    let mut newest = None;
    for (index, &base) in bases.iter().enumerate() {
        if base < covered {
            continue;
        }
        let name = segment::name(base, SEGMENT);
        let Some(file) = storage.open(&name, false)? else { continue };
        let header = match read_header(storage, &*file, base) {
            Ok(header) => Some(header),
            Err(JournalError::Corrupt { .. }) => None,
            Err(other) => return Err(other),
        };
        newest = header.map(|header| header.created).or(newest);
        let compacted = header.and_then(|header| header.compacted);
        covered = compacted.map_or(0, |compacted| compacted.end);
        let next_base = bases[index + 1..].iter().copied().find(|&next| next >= covered);
        let size = usize::try_from(file.size()?).expect("a segment fits in memory");
        let mut bytes = vec![0; size];
        let count = file.read(&mut bytes, 0)?;
        bytes.truncate(count);
        let known_end = next_base.or(compacted.map(|compacted| compacted.end));
        // Where nothing says when it was written, it counts as young: salvage loses nothing that can be read.
        let created = newest.unwrap_or(wall);
        let readable = header.unwrap_or(Header {
            version: format::VERSION,
            base,
            created,
            begun: None,
            compacted: None,
        });
        let kept = keep(&bytes, base, known_end.unwrap_or(u64::MAX), Pace::new(&readable));
        let end = known_end.unwrap_or(kept.next);
        let complete = match compacted {
            Some(compacted) => {
                !kept.marked
                    && compacted.end == end
                    && compacted.count == kept.count
                    && compacted.bytes == size as u64
            }
            None => !kept.gaps && kept.next == end,
        };
        if header.is_some() && kept.losses.is_empty() && complete && !kept.odd {
            continue;
        }
        if header.is_none() {
            losses.push(loss(&name, 0, HEADER, "the header is damaged"));
        }
        losses
            .extend(kept.losses.iter().map(|(at, bytes)| loss(&name, *at, *bytes, "not readable")));
        if header.is_some() && kept.losses.is_empty() {
            losses.push(loss(
                &name,
                size,
                0,
                &format!("the records do not lead to sequence {end}"),
            ));
        }
        let created = if compacted.is_some() { created } else { kept.pace.time };
        let bytes_kept = (HEADER + kept.records.len()) as u64;
        // The removals of a damaged header are unknown, so no state before the end is trusted.
        let said = |header: Header| header.compacted.map_or(0, |compacted| compacted.removed);
        let removed = header.map_or(end, said);
        let removed = Compacted::dropped(removed, base, end);
        let compacted = Compacted { end, count: kept.count, bytes: bytes_kept, removed };
        let header = Header {
            version: format::VERSION,
            base,
            created,
            begun: None,
            compacted: Some(compacted),
        };
        let temporary = format!("{name}{TEMPORARY}");
        let fresh = storage.create(&temporary)?;
        fresh.write(&header.encode(), 0)?;
        fresh.write(&kept.records, HEADER as u64)?;
        fresh.sync()?;
        // A copy and not another name: at no moment is the segment missing.
        let aside = storage.create(&format!("{name}{DAMAGED}"))?;
        aside.write(&bytes, 0)?;
        aside.sync()?;
        storage.rename(&temporary, &name)?;
        storage.sync_directory()?;
    }
    Ok(losses)
}

fn loss(segment: &str, offset: usize, bytes: usize, reason: &str) -> Loss {
    Loss {
        segment: segment.into(),
        offset: offset as u64,
        bytes: bytes as u64,
        reason: reason.into(),
    }
}

struct Kept {
    records: Vec<u8>,
    count: u64,
    next: u64,
    gaps: bool,
    /// Set when a record has contents that no writer puts at that place.
    odd: bool,
    marked: bool,
    pace: Pace,
    losses: Vec<(usize, usize)>,
}

/// Returns the entries that can be read, in order, as records of a new segment with the same base.
fn keep(bytes: &[u8], base: u64, end: u64, pace: Pace) -> Kept {
    let seed = format::seed(base);
    let mut kept = Kept {
        records: Vec::new(),
        count: 0,
        next: base,
        gaps: false,
        odd: false,
        marked: false,
        pace,
        losses: Vec::new(),
    };
    let mut at = HEADER;
    while at < bytes.len() {
        let Some((skipped, record)) = find_following(&bytes[at..], seed, kept.next, end) else {
            kept.losses.push((at, bytes.len() - at));
            break;
        };
        if skipped > 0 {
            kept.losses.push((at, skipped));
        }
        let begin = at + skipped;
        at = begin + record.size;
        kept.odd |=
            record.synced as usize > begin || record.control && record.sequence != kept.next;
        kept.marked |= record.control;
        kept.pace.hear(&record);
        if record.control {
            continue;
        }
        kept.gaps |= record.sequence != kept.next;
        kept.count += 1;
        kept.next = record.sequence + 1;
        let start = kept.records.len();
        kept.records.extend_from_slice(&bytes[begin..at]);
        // What is left of a group is no group any more.
        format::end_group(&mut kept.records[start..]);
        format::seal(&mut kept.records[start..], seed, 0);
    }
    kept
}

/// Gaps of a compacted segment can be wider than its bytes suggest, so the record in place is tried first.
fn find_following(
    bytes: &[u8],
    seed: u32,
    next: u64,
    end: u64,
) -> Option<(usize, format::Record<'_>)> {
    // The mark of a clean close has the sequence after the last.
    let in_range = |record: &format::Record<'_>| {
        record.sequence >= next && (record.sequence < end || record.control)
    };
    match format::decode(bytes, seed) {
        format::Decoded::Record(record) if in_range(&record) => Some((0, record)),
        _ => find_record(bytes, seed, next, end.saturating_sub(1), 1),
    }
}
