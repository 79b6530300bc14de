//! Finds the elements of a JSON array in its text, without parsing them.
//!
//! A batch crosses from JavaScript as the text of a few arrays, because making a text of each is twice the work.
//! The text is what `JSON.stringify` made: well-formed, and without white space between its tokens.

/// Adds the texts of an array's elements. Returns the text after the array; `None` when the text does not begin with an
/// array whose brackets and quotes match.
pub fn elements<'a>(text: &'a str, found: &mut Vec<&'a str>) -> Option<&'a str> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'[') {
        return None;
    }
    let (mut depth, mut begin, mut at) = (0_usize, 1, 1);
    loop {
        match *bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at + 1)?;
                continue;
            }
            b'[' | b'{' => depth += 1,
            b',' if depth == 0 => {
                found.push(element(text, begin, at)?);
                begin = at + 1;
            }
            b']' if depth == 0 => break,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
    if at > 1 {
        found.push(element(text, begin, at)?);
    }
    Some(&text[at + 1..])
}

fn element(text: &str, begin: usize, end: usize) -> Option<&str> {
    text.get(begin..end).filter(|element| !element.is_empty())
}

/// Returns the place after the quote that ends the string whose inside begins `at`. It reads eight bytes at a time, and
/// 32 in a long one, because strings are most of what is recorded.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        if let Some(eight) = bytes.get(at..at + 8) {
            let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
            let found = marks(word, b'"') | marks(word, b'\\');
            if found == 0 {
                at += 8;
                while bytes.get(at..at + 32).is_some_and(is_inside) {
                    at += 32;
                }
                continue;
            }
            at += found.trailing_zeros() as usize / 8;
        }
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            // An escaped character ends nothing.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns whether 32 bytes neither end a string nor escape anything. Compilers make a few instructions of it.
fn is_inside(bytes: &[u8]) -> bool {
    let bytes: &[u8; 32] = bytes.try_into().expect("32 bytes");
    let marked = |byte: u8| u8::from(byte == b'"') | u8::from(byte == b'\\');
    bytes.iter().fold(0, |found, &byte| found | marked(byte)) == 0
}

/// Returns bits in the bytes that equal `wanted`. The lowest of them is always right; above it, a byte that differs in
/// its lowest bit alone may have one too.
fn marks(word: u64, wanted: u8) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let differs = word ^ (LOW * u64::from(wanted));
    differs.wrapping_sub(LOW) & !differs & HIGH
}
