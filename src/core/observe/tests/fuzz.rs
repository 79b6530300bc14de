//! Random bytes and random clients: nothing panics, memory has a bound, and every frame that leaves is whole.

use proptest::prelude::*;

use super::{Client, FakeWorld, at, settings};
use crate::core::observe::{JsAnswer, OUTBOX_BOUND, ObserveServer, PeerForm, SERVER_FRAME};

#[derive(Debug, Clone)]
enum Play {
    Bytes(Vec<u8>),
    /// A frame, cut after so many bytes.
    Frame(String, usize),
    Wait(u16),
    Read(usize),
    Answer,
    Note(u8),
    Change(u8),
}

fn frame() -> impl Strategy<Value = String> {
    let table = (
        prop_oneof!["[ab]", Just("process".to_owned())],
        prop_oneof![Just("process"), Just("route"), Just("none")],
        prop_oneof![Just("mailbox"), Just("name"), Just("?")],
        any::<bool>(),
        0..600_usize,
    )
        .prop_map(|(label, kind, by, desc, limit)| {
            format!(
                r#"{{"table":"{label}","kind":"{kind}","by":"{by}","desc":{desc},"limit":{limit}}}"#
            )
        });
    prop_oneof![
        4 => Just(r#"{"type":"hello","v":1}"#.to_owned()),
        8 => prop::collection::vec(table, 0..4)
            .prop_map(|tables| format!(r#"{{"type":"watch","tables":[{}]}}"#, tables.join(","))),
        2 => Just(r#"{"type":"detail","id":1,"kind":"process","key":"p1"}"#.to_owned()),
        2 => Just(r#"{"type":"tree","id":2,"limit":500}"#.to_owned()),
        2 => Just(r#"{"type":"journal","id":3,"key":"j"}"#.to_owned()),
        1 => Just(r#"{"type":"action","id":4,"action":"kill","key":"p1"}"#.to_owned()),
        1 => Just(r#"{"type":"pause"}"#.to_owned()),
        1 => Just(r#"{"type":"resume"}"#.to_owned()),
        1 => Just(r#"{"type":"none"}"#.to_owned()),
        1 => "\\PC{0,40}",
    ]
}

fn play() -> impl Strategy<Value = Play> {
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Play::Bytes),
        8 => (frame(), prop_oneof![4 => Just(usize::MAX), 1 => 0..80_usize])
            .prop_map(|(frame, cut)| Play::Frame(frame, cut)),
        3 => (0..6000_u16).prop_map(Play::Wait),
        4 => prop_oneof![Just(usize::MAX), 0..2000_usize].prop_map(Play::Read),
        1 => Just(Play::Answer),
        1 => any::<u8>().prop_map(Play::Note),
        2 => any::<u8>().prop_map(Play::Change),
    ]
}

/// Plays a client against a server. Returns everything that it got.
fn played(plays: &[Play], greets: bool) -> Vec<u8> {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(30));
    let client = Client::connect(&mut server, PeerForm::Socket, &world);
    let mut got = Vec::new();
    let mut time = 0.0;
    if greets {
        client.say(&mut server, r#"{"type":"hello","v":1}"#, at(time), &world);
    }
    for play in plays {
        match play {
            Play::Bytes(bytes) => server.receive(client.id, bytes, at(time), &world),
            Play::Frame(json, cut) => {
                let length = u32::try_from(json.len()).unwrap();
                let bytes = [&length.to_be_bytes()[..], json.as_bytes()].concat();
                if server.wants_input(client.id) {
                    let bytes = &bytes[..bytes.len().min(*cut)];
                    server.receive(client.id, bytes, at(time), &world);
                }
            }
            Play::Wait(ms) => {
                time += f64::from(*ms);
                server.tick(at(time), &world);
                assert!(
                    server.next_due() > time
                        || !server.output(client.id).is_empty()
                        || server.is_over(client.id, time)
                );
            }
            Play::Read(most) => {
                let bytes = server.output(client.id);
                let taken = bytes.len().min(*most);
                got.extend_from_slice(&bytes[..taken]);
                server.sent(client.id, taken);
            }
            Play::Answer => {
                for question in server.take_questions() {
                    server.answer(question.number, &JsAnswer::Object("{}".to_owned()), time);
                }
            }
            Play::Note(count) => {
                for _ in 0..*count {
                    server.note(&crate::core::observe::ObservedEvent::default());
                }
            }
            Play::Change(by) => {
                for row in world.rows.borrow_mut().iter_mut() {
                    row.mailbox = (row.mailbox * 7.0 + f64::from(*by)) % 31.0;
                    row.is_gap = row.mailbox < 2.0;
                }
            }
        }
        assert!(server.output(client.id).len() <= OUTBOX_BOUND);
    }
    got.extend_from_slice(server.output(client.id));
    got
}

fn check_frames(bytes: &[u8]) {
    let mut rest = bytes;
    let mut is_over = false;
    while !rest.is_empty() {
        assert!(!is_over, "a frame behind the last one");
        let (head, body) = rest.split_first_chunk::<4>().expect("whole frames");
        let length = u32::from_be_bytes(*head) as usize;
        assert!(length <= SERVER_FRAME);
        let (frame, behind) = body.split_at(length);
        let frame: serde_json::Value = serde_json::from_slice(frame).expect("JSON");
        is_over = frame["type"] == "bye";
        rest = behind;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50_000, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_on_the_socket_and_over_http_do_no_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        prefix in prop_oneof![Just(""), Just("GET "), Just("GET /page?kind=process HTTP/1.1\r\nHost: localhost\r\n")],
    ) {
        let world = FakeWorld::of(2);
        let mut server = ObserveServer::new(settings());
        for form in [PeerForm::Socket, PeerForm::Http] {
            let client = Client::connect(&mut server, form, &world);
            for chunk in [prefix.as_bytes(), &bytes[..]].concat().chunks(37) {
                server.receive(client.id, chunk, at(0.0), &world);
            }
            server.tick(at(60_000.0), &world);
            let out = server.output(client.id).to_vec();
            match form {
                PeerForm::Socket => check_frames(&out),
                PeerForm::Http => prop_assert!(out.starts_with(b"HTTP/1.1 ")),
            }
            server.sent(client.id, out.len());
            prop_assert!(server.is_over(client.id, 60_000.0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_clients_get_whole_frames_and_bounded_memory(
        plays in prop::collection::vec(play(), 0..40),
        greets in prop::bool::weighted(0.9),
    ) {
        check_frames(&played(&plays, greets));
    }
}
