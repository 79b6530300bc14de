//! Records of journals, and commits of shared atoms.

use keelson::core::atom::{At, AtomValue, NextCommit, SharedAtom, Store};
use keelson::core::journal::elements::elements;
use keelson::core::journal::format::{Decoded, Draft, decode, push, seal, seed};

use crate::Loop;

const PAYLOAD: &str = "{\"type\":\"paid\",\"order\":\"a5c1e6f0\",\"amount\":1250,\"currency\":\"EUR\",\"by\":\"card\",\"at\":1764378000000}";
/// Records a batch.
const BATCH: u32 = 100;
const HISTORY: usize = 16;

pub const LOOPS: &[Loop] = &[
    Loop {
        name: "journal-encode",
        operation: "encode and seal a record of 100 bytes",
        body: encode,
    },
    Loop { name: "journal-decode", operation: "check and decode one", body: decoded },
    Loop { name: "journal-elements", operation: "split one from a batch of 100", body: split },
    Loop { name: "atom-commit", operation: "commit a number", body: commit_number },
    Loop { name: "atom-commit-text", operation: "commit a text of 100 bytes", body: commit_text },
    Loop { name: "atom-read", operation: "read the current commit", body: read },
];

fn draft(now: f64) -> Draft<'static> {
    Draft { wall: now, mono: now, id: "", key: "a5c1e6f0", payload: PAYLOAD, ..Draft::default() }
}

fn encode(operations: u32) -> u32 {
    let (mut bytes, seed) = (Vec::new(), seed(0));
    let mut encoded = 0;
    for sequence in 0..operations {
        if sequence % BATCH == 0 {
            bytes.clear();
        }
        let draft = draft(f64::from(sequence));
        let at = bytes.len();
        push(&mut bytes, sequence.into(), &draft);
        seal(&mut bytes[at..], seed, 64);
        encoded += u32::from(bytes.len() - at == draft.size());
    }
    encoded
}

fn decoded(operations: u32) -> u32 {
    let (mut bytes, seed) = (Vec::new(), seed(0));
    for sequence in 0..BATCH {
        let at = bytes.len();
        push(&mut bytes, sequence.into(), &draft(f64::from(sequence)));
        seal(&mut bytes[at..], seed, 64);
    }
    let (mut decoded, mut at) = (0, 0);
    for _ in 0..operations {
        if at == bytes.len() {
            at = 0;
        }
        if let Decoded::Record(record) = decode(&bytes[at..], seed) {
            at += record.size;
            decoded += u32::from(record.payload.len() == PAYLOAD.len());
        }
    }
    decoded
}

fn split(operations: u32) -> u32 {
    let batch = format!("[{}]", vec![PAYLOAD; BATCH as usize].join(","));
    let (mut found, mut count) = (Vec::new(), 0);
    for _ in 0..operations / BATCH {
        found.clear();
        elements(&batch, &mut found).expect("an array");
        count += u32::try_from(found.len()).expect("few");
    }
    count
}

fn commits(operations: u32, value: impl Fn(u32) -> AtomValue) -> u32 {
    let store = Store::default();
    let hold = store.atom("", "limits", value(0), At::default(), HISTORY).expect("a new name");
    let SharedAtom::Atom(cell) = hold.shared() else { return 0 };
    let mut committed = 0;
    for version in 0..operations {
        let at = At { wall: f64::from(version), mono: f64::from(version) };
        let next = NextCommit { value: value(version), at, cause: None };
        committed += u32::from(cell.compare_and_set(version.into(), next).is_ok());
    }
    assert_eq!(cell.history().len(), HISTORY);
    committed
}

fn commit_number(operations: u32) -> u32 {
    commits(operations, |version| AtomValue::Number(version.into()))
}

fn commit_text(operations: u32) -> u32 {
    commits(operations, |_| AtomValue::Text(PAYLOAD.into()))
}

fn read(operations: u32) -> u32 {
    let store = Store::default();
    let value = AtomValue::Text(PAYLOAD.into());
    let hold = store.atom("", "limits", value, At::default(), HISTORY).expect("a new name");
    let SharedAtom::Atom(cell) = hold.shared() else { return 0 };
    let mut current = 0;
    for _ in 0..operations {
        current += u32::from(cell.is_current(cell.current().version));
    }
    current
}
