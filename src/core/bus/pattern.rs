//! Texts as segments, within limits.

/// The longest topic or pattern, in bytes of UTF-8.
pub const MAX_BYTES: usize = 65_536;
/// The most segments of a topic or pattern.
pub const MAX_SEGMENTS: usize = 256;

/// Why a text was not taken; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It has more than [`MAX_BYTES`].
    TooLong,
    /// It has more than [`MAX_SEGMENTS`].
    TooManySegments,
    /// There is no room for one more subscription.
    Full,
}

/// One segment of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Plain(&'a str),
    /// Exactly one segment.
    One,
    /// Any number of segments.
    Any,
}

/// What of a topic may be left where a pattern ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Nothing,
    /// One segment or more.
    Some,
    /// Any number of segments.
    Any,
}

/// The segments of a text.
pub(super) fn segments(text: &str) -> Result<impl Iterator<Item = &str>, Refused> {
    if text.len() > MAX_BYTES {
        return Err(Refused::TooLong);
    }
    if text.bytes().filter(|&byte| byte == b'.').count() >= MAX_SEGMENTS {
        return Err(Refused::TooManySegments);
    }
    Ok(text.split('.'))
}

/// A pattern as the steps down the trie, and what may follow them.
pub(super) fn parse(pattern: &str) -> Result<(Vec<Segment<'_>>, End), Refused> {
    let mut path = Vec::new();
    for text in segments(pattern)? {
        let segment = match text {
            "*" => Segment::One,
            "**" | "#" => Segment::Any,
            plain => Segment::Plain(plain),
        };
        // Twice any number is any number.
        if segment != Segment::Any || path.last() != Some(&Segment::Any) {
            path.push(segment);
        }
    }
    let (last, before) = path.split_last().expect("a text has a segment");
    let end = match last {
        Segment::Any => End::Any,
        Segment::One if before.iter().all(|segment| matches!(segment, Segment::Plain(_))) => {
            End::Some
        }
        _ => return Ok((path, End::Nothing)),
    };
    path.pop();
    Ok((path, end))
}
