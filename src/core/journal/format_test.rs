//! The bytes of versions 1 and 2, which every later version has to read.

use super::format::*;

#[test]
fn the_bytes_of_version_1_stay_as_they_are() {
    let header = Header { version: 1, base: 258, created: 1.5, begun: None, compacted: None };
    let mut bytes = header.encode().to_vec();
    let draft =
        Draft { wall: 2.5, mono: 0.5, id: "i", key: "k", payload: "[1]", ..Draft::default() };
    let start = bytes.len();
    push(&mut bytes, 258, &draft);
    seal(&mut bytes[start..], seed(258), 64);
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(hex, GOLDEN);
    assert_eq!(Header::decode(&bytes), Ok(header));
    let Decoded::Record(record) = decode(&bytes[HEADER..], seed(258)) else { panic!("a record") };
    assert_eq!((record.sequence, record.wall, record.mono, record.synced), (258, 2.5, 0.5, 64));
    assert_eq!((record.id, record.key, record.payload), (&b"i"[..], &b"k"[..], &b"[1]"[..]));
    // In another segment it is not valid.
    assert_eq!(decode(&bytes[HEADER..], seed(259)), Decoded::Bad("the checksum differs"));
}

const GOLDEN: &str = concat!(
    "4b45454c4a524e4c010000000000000002010000000000000000000000000000000000000000f83f",
    "0000000000000000000000000000000000000000d932ac06fc2fc486290000000201000000000000",
    "0000000000000440000000000000e03f400000000300010001000000696b5b315d",
);

#[test]
fn the_bytes_of_version_2_stay_as_they_are() {
    let header = Header { version: 2, base: 258, created: 1.5, begun: None, compacted: None };
    let mut bytes = header.encode().to_vec();
    let draft = Draft {
        wall: 2.5,
        mono: 0.5,
        id: "i",
        key: "k",
        payload: "[1]",
        stream: "cart-1",
        position: 7,
        origin: 9,
        continues: true,
    };
    let start = bytes.len();
    push(&mut bytes, 258, &draft);
    seal(&mut bytes[start..], seed(258), 64);
    assert_eq!(bytes.len() - start, draft.size());
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(hex, GOLDEN_2);
    assert_eq!(Header::decode(&bytes), Ok(header));
    let Decoded::Record(record) = decode(&bytes[HEADER..], seed(258)) else { panic!("a record") };
    assert_eq!((record.sequence, record.position, record.continues), (258, 7, true));
    assert_eq!(record.origin, 9);
    assert_eq!((record.stream, record.id), (&b"cart-1"[..], &b"i"[..]));
    assert_eq!((record.key, record.payload), (&b"k"[..], &b"[1]"[..]));
    end_group(&mut bytes[start..]);
    seal(&mut bytes[start..], seed(258), 64);
    let Decoded::Record(record) = decode(&bytes[HEADER..], seed(258)) else { panic!("a record") };
    assert!(!record.continues);
}

const GOLDEN_2: &str = concat!(
    "4b45454c4a524e4c020000000000000002010000000000000000000000000000000000000000f83f",
    "0000000000000000000000000000000000000000d659f3ef589712153f0000000201000000000000",
    "0000000000000440000000000000e03f400000001b00010001000000070000000600000009000000",
    "00000000636172742d31696b5b315d",
);

#[test]
fn a_compacted_header_says_what_it_must_hold() {
    let far = u64::from(u32::MAX) + 1;
    for (end, removed) in [(9, 0), (9, 2), (9, 9), (far + 9, far - 1), (far + 9, far + 9)] {
        let compacted = Some(Compacted { end, count: 3, bytes: 200, removed });
        let header = Header { version: 1, base: 1, created: 0.0, begun: None, compacted };
        assert_eq!(Header::decode(&header.encode()), Ok(header));
        assert_eq!(Compacted::dropped(removed, 1, end), removed);
    }
    // The removal is too far from the base to be encoded: no state before the end is kept.
    assert_eq!(Compacted::dropped(far + 2, 1, far + 9), far + 9);
}

#[test]
fn a_newer_version_is_told_from_damage() {
    let mut bytes =
        Header { version: 1, base: 1, created: 0.0, begun: None, compacted: None }.encode();
    bytes[8] = 3;
    assert!(matches!(Header::decode(&bytes), Err(HeaderFault::Damaged(_))));
    let check = crc32c::crc32c(&bytes[..60]);
    bytes[60..].copy_from_slice(&check.to_le_bytes());
    assert_eq!(Header::decode(&bytes), Err(HeaderFault::Newer(3)));
}
