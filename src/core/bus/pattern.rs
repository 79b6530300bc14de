//! Texts as segments, within limits.

/// The longest topic or pattern, in bytes of UTF-8.
pub const MAX_BYTES: usize = 65_536;
/// The most segments of a topic or pattern.
pub const MAX_SEGMENTS: usize = 256;

/// The reason why a text was refused. Nothing has changed.
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
pub(super) enum PatternSegment<'a> {
    Plain(&'a str),
    /// Exactly one segment.
    One,
    /// Any number of segments.
    Any,
}

/// The rest of a topic that a pattern allows at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Nothing,
    /// One segment or more.
    Some,
    /// Any number of segments.
    Any,
}

/// Returns the segments of a text.
pub(super) fn segments(text: &str) -> Result<impl Iterator<Item = &str>, Refused> {
    if text.len() > MAX_BYTES {
        return Err(Refused::TooLong);
    }
    if text.bytes().filter(|&byte| byte == b'.').count() >= MAX_SEGMENTS {
        return Err(Refused::TooManySegments);
    }
    Ok(text.split('.'))
}

/// Returns a pattern as the steps down the trie, and what may follow them.
pub(super) fn parse(pattern: &str) -> Result<(Vec<PatternSegment<'_>>, End), Refused> {
    let mut path = Vec::new();
    for text in segments(pattern)? {
        let segment = match text {
            "*" => PatternSegment::One,
            "**" | "#" => PatternSegment::Any,
            plain => PatternSegment::Plain(plain),
        };
        // Twice any number is any number.
        if segment != PatternSegment::Any || path.last() != Some(&PatternSegment::Any) {
            path.push(segment);
        }
    }
    let (last, before) = path.split_last().expect("a text has a segment");
    let end = match last {
        PatternSegment::Any => End::Any,
        PatternSegment::One
            if before.iter().all(|segment| matches!(segment, PatternSegment::Plain(_))) =>
        {
            End::Some
        }
        _ => return Ok((path, End::Nothing)),
    };
    path.pop();
    Ok((path, end))
}
