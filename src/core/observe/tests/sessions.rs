use serde_json::json;

use super::{Client, FakeRow, FakeWorld, NOW, at, settings};
use crate::core::observe::{
    FRAME_LIMIT, HELLO_LIMIT, HIGH_WATER, JS_DEADLINE, JsAnswer, OUTBOX_BOUND, ObserveServer,
    ObservedEvent, PeerForm, SERVER_FRAME, SLOW_LIMIT,
};

const WATCH: &str = r#"{"type":"watch","tables":[{"table":"a","kind":"process","by":"mailbox","desc":true,"limit":3}]}"#;

fn server() -> ObserveServer {
    ObserveServer::new(settings())
}

fn event(name: &str) -> ObservedEvent {
    ObservedEvent { event: "crashed".to_owned(), name: name.to_owned(), ..ObservedEvent::default() }
}

#[test]
fn a_watch_is_answered_by_a_page_and_then_by_what_changed() {
    let (mut server, world) = (server(), FakeWorld::of(5));
    let client = Client::greet(&mut server, &world);
    client.say(&mut server, WATCH, NOW, &world);
    let frames = client.frames(&mut server);
    assert_eq!(frames[0]["type"], "page");
    assert_eq!(frames[0]["more"], false);
    assert_eq!((&frames[0]["total"], &frames[0]["matching"]), (&json!(5), &json!(5)));
    let keys: Vec<_> = frames[0]["rows"].as_array().unwrap().iter().map(|row| &row[0]).collect();
    assert_eq!(keys, ["p4", "p3", "p2"]);
    assert_eq!(frames[1]["type"], "update");
    assert_eq!(frames[1]["tables"], json!([]));

    world.rows.borrow_mut()[3].mailbox = 3.5;
    server.tick(at(250.0), &world);
    let [update] = &client.frames(&mut server)[..] else { panic!("one frame") };
    assert_eq!(update["at"], 1250);
    assert_eq!(update["tables"][0]["changed"].as_array().unwrap().len(), 1);
    assert_eq!(update["tables"][0]["changed"][0][0], "p3");
    assert_eq!(update["tables"][0].get("order"), None);

    world.rows.borrow_mut()[0].mailbox = 9.0;
    server.tick(at(500.0), &world);
    let [update] = &client.frames(&mut server)[..] else { panic!("one frame") };
    assert_eq!(update["tables"][0]["order"], json!(["p0", "p4", "p3"]));
    assert_eq!(update["tables"][0]["changed"].as_array().unwrap().len(), 1);
}

#[test]
fn the_server_sets_the_shortest_refresh() {
    let (mut server, world) = (server(), FakeWorld::of(1));
    let client = Client::greet(&mut server, &world);
    client.say(&mut server, r#"{"type":"watch","refreshMs":1,"tables":[]}"#, NOW, &world);
    assert_eq!(server.next_due(), 250.0);
    client.frames(&mut server);
    server.tick(at(249.0), &world);
    assert_eq!(client.frames(&mut server).len(), 0);
}

#[test]
fn events_are_sent_once_and_a_paused_client_gets_none() {
    let (mut server, world) = (server(), FakeWorld::of(1));
    let client = Client::greet(&mut server, &world);
    client.say(&mut server, WATCH, NOW, &world);
    client.frames(&mut server);
    server.note(&event("one"));
    server.tick(at(250.0), &world);
    assert_eq!(client.frames(&mut server)[0]["events"][0]["name"], "one");
    server.tick(at(500.0), &world);
    assert_eq!(client.frames(&mut server)[0]["events"], json!([]));
    client.say(&mut server, r#"{"type":"pause"}"#, at(500.0), &world);
    assert!(!server.is_watched());
    server.note(&event("two"));
    server.tick(at(1000.0), &world);
    assert_eq!(client.frames(&mut server).len(), 0);
    client.say(&mut server, r#"{"type":"resume"}"#, at(1100.0), &world);
    let frames = client.frames(&mut server);
    assert_eq!(frames[0]["type"], "page");
    assert_eq!(frames[1]["events"][0]["name"], "two");
}

#[test]
fn pitfall_5_a_slow_reader_has_bounded_memory_sees_what_was_dropped_and_gets_a_fresh_page() {
    let name = "n".repeat(200);
    let many =
        |number: u32| FakeRow { name: format!("{name}{number}"), ..FakeWorld::row(number, 0.0) };
    let (mut server, world) = (server(), FakeWorld::new((0..500).map(many).collect()));
    let client = Client::greet(&mut server, &world);
    let watch = r#"{"type":"watch","tables":[{"table":"a","kind":"process","limit":500}]}"#;
    client.say(&mut server, watch, NOW, &world);
    let mut time = 0.0;
    for round in 0..100_u32 {
        time += 250.0;
        for row in world.rows.borrow_mut().iter_mut() {
            row.mailbox = f64::from(round);
        }
        for number in 0..100 {
            server.note(&event(&number.to_string()));
        }
        server.tick(at(time), &world);
        assert!(server.output(client.id).len() <= OUTBOX_BOUND);
    }
    // It reads at last: whole frames, then nothing until the next refresh.
    assert!(server.output(client.id).len() > HIGH_WATER);
    client.frames(&mut server);
    server.tick(at(time + 250.0), &world);
    let frames = client.frames(&mut server);
    assert_eq!(frames[0]["type"], "page");
    assert_eq!(frames[0]["rows"][0][1][4], 99);
    let update = frames.last().unwrap();
    assert_eq!(update["type"], "update");
    assert!(update["dropped"].as_u64().unwrap() > 0, "{}", update["dropped"]);
}

#[test]
fn a_client_that_never_reads_is_sent_away() {
    let (mut server, world) = (server(), FakeWorld::of(500));
    for row in world.rows.borrow_mut().iter_mut() {
        row.name = format!("{}{}", "n".repeat(250), row.name);
    }
    let client = Client::greet(&mut server, &world);
    let tables: Vec<String> = (0..3)
        .map(|label| format!(r#"{{"table":"{label}","kind":"process","limit":500}}"#))
        .collect();
    let watch = format!(r#"{{"type":"watch","tables":[{}]}}"#, tables.join(","));
    client.say(&mut server, &watch, NOW, &world);
    server.tick(at(250.0), &world);
    server.tick(at(250.0 + SLOW_LIMIT), &world);
    assert!(!server.wants_input(client.id));
    assert!(!server.is_over(client.id, 250.0 + SLOW_LIMIT));
    assert!(server.is_over(client.id, 250.0 + SLOW_LIMIT + 1000.0));
    let frames = client.frames(&mut server);
    assert_eq!(frames.last().unwrap(), &json!({ "type": "bye", "reason": "slow" }));
}

#[test]
fn requests_of_a_client_that_does_not_read_wait_and_bound_the_memory() {
    let (mut server, world) = (server(), FakeWorld::of(500));
    let client = Client::greet(&mut server, &world);
    for _ in 0..2000 {
        if !server.wants_input(client.id) {
            break;
        }
        client.say(&mut server, r#"{"type":"tree","id":1,"limit":500}"#, NOW, &world);
        assert!(server.output(client.id).len() <= OUTBOX_BOUND);
    }
    assert!(!server.wants_input(client.id));
    client.frames(&mut server);
    assert!(server.wants_input(client.id));
}

#[test]
fn pitfall_6_the_frame_bound_holds_at_1_000_000_processes() {
    let (mut server, world) = (server(), FakeWorld::of(0));
    world.more.set(1_000_000);
    world.bound.set(500);
    // The longest rows that there can be: each character of a name takes six bytes as JSON.
    let wide = (0..500).map(|number| FakeRow {
        name: "\u{1}".repeat(300),
        mailbox: 2e6,
        parent: "\u{2}".repeat(300),
        order: number,
        is_gap: false,
    });
    *world.rows.borrow_mut() = wide.collect();
    let client = Client::greet(&mut server, &world);
    let watch = r#"{"type":"watch","tables":[{"table":"a","kind":"process","by":"mailbox","desc":true,"limit":500}]}"#;
    client.say(&mut server, watch, NOW, &world);
    let longest = |bytes: &[u8]| {
        let mut rest = bytes;
        let mut lengths = Vec::new();
        while let Some((head, body)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            lengths.push(length);
            rest = &body[length..];
        }
        lengths.into_iter().max().unwrap_or(0)
    };
    assert!(longest(server.output(client.id)) <= SERVER_FRAME);
    let frames = client.frames(&mut server);
    let pages: Vec<_> = frames.iter().filter(|frame| frame["type"] == "page").collect();
    assert!(pages.len() > 1);
    assert!(pages[..pages.len() - 1].iter().all(|page| page["more"] == true));
    let rows: usize = pages.iter().map(|page| page["rows"].as_array().unwrap().len()).sum();
    assert_eq!(rows, 500);
    assert_eq!(pages[0]["total"], 1_000_500);
    // All of them change: too much for an update, so pages come again.
    for row in world.rows.borrow_mut().iter_mut() {
        row.mailbox = 3e6;
    }
    server.tick(at(250.0), &world);
    assert!(longest(server.output(client.id)) <= SERVER_FRAME);
    assert_eq!(client.frames(&mut server)[0]["type"], "page");
}

fn ends_with(bytes: &[u8], time: f64, reason: &str) {
    let (mut server, world) = (server(), FakeWorld::of(1));
    let client = Client::connect(&mut server, PeerForm::Socket, &world);
    server.receive(client.id, bytes, NOW, &world);
    server.tick(at(time), &world);
    let frames = client.frames(&mut server);
    assert_eq!(frames.last().unwrap(), &json!({ "type": "bye", "reason": reason }));
    assert!(server.is_over(client.id, time));
}

#[test]
fn pitfall_7_garbage_half_a_frame_a_1_gb_length_and_silence_are_dropped_with_a_reason() {
    ends_with(b"\0\0\0\x05GET /", 0.0, "garbage");
    ends_with(b"\0\0\0\x02[]", 0.0, "garbage");
    ends_with(b"GET / HTTP/1.1\r\n\r\n", 0.0, "too-long");
    ends_with(&[0x40, 0, 0, 0], 0.0, "too-long");
    ends_with(b"", HELLO_LIMIT, "timeout");
    ends_with(b"\0\0\0\x16{\"type\":\"hello\"", HELLO_LIMIT, "timeout");
    let greeted = [b"\0\0\0\x16", &br#"{"type":"hello","v":1}"#[..], b"\0\0"].concat();
    ends_with(&greeted, FRAME_LIMIT, "timeout");
    ends_with(&[&greeted[..26], &greeted[..26]].concat(), 0.0, "garbage");
}

#[test]
fn unknown_frames_columns_kinds_and_versions_are_errors_by_name() {
    let (mut server, world) = (server(), FakeWorld::of(1));
    let client = Client::greet(&mut server, &world);
    let code = |server: &mut ObserveServer, frame: &str| {
        client.say(server, frame, NOW, &world);
        let frames = client.frames(server);
        assert_eq!(frames[0]["type"], "error");
        frames[0]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(&mut server, r#"{"type":"dance","id":3}"#), "KEELSON_OBSERVE_FRAME");
    let column = r#"{"type":"watch","tables":[{"table":"a","kind":"process","by":"none"}]}"#;
    assert_eq!(code(&mut server, column), "KEELSON_OBSERVE_COLUMN");
    let kind = r#"{"type":"watch","tables":[{"table":"a","kind":"none"}]}"#;
    assert_eq!(code(&mut server, kind), "KEELSON_OBSERVE_KIND");
    let limit = r#"{"type":"watch","tables":[{"table":"a","kind":"process","limit":501}]}"#;
    assert_eq!(code(&mut server, limit), "KEELSON_OBSERVE_LIMIT");
    let gone = r#"{"type":"tree","id":1,"key":"none"}"#;
    assert_eq!(code(&mut server, gone), "KEELSON_OBSERVE_GONE");
    let other = Client::connect(&mut server, PeerForm::Socket, &world);
    other.say(&mut server, r#"{"type":"hello","v":2}"#, NOW, &world);
    let frames = other.frames(&mut server);
    assert_eq!(frames[0]["code"], "KEELSON_OBSERVE_VERSION");
    assert_eq!(frames[1]["type"], "bye");
}

#[test]
fn a_detail_waits_for_javascript_and_comes_without_it_when_that_is_blocked() {
    let (mut server, world) = (server(), FakeWorld::of(2));
    world.rows.borrow_mut()[1].parent = "p0".to_owned();
    let client = Client::greet(&mut server, &world);
    let ask = r#"{"type":"detail","id":1,"kind":"process","key":"p1"}"#;
    client.say(&mut server, ask, NOW, &world);
    assert_eq!(client.frames(&mut server).len(), 0);
    let questions = server.take_questions();
    let answer = JsAnswer::Object(r#"{"links":["p0"],"found":false}"#.to_owned());
    server.answer(questions[0].number, &answer, 1.0);
    let [detail] = &client.frames(&mut server)[..] else { panic!("one frame") };
    assert_eq!((&detail["id"], &detail["found"]), (&json!(1), &json!(true)));
    assert_eq!((&detail["path"], &detail["links"]), (&json!(["p0"]), &json!(["p0"])));
    assert_eq!(detail["fields"][1], json!(["name", "text", "p1"]));
    assert_eq!(detail.get("state"), None);

    client.say(&mut server, ask, NOW, &world);
    assert_eq!(server.next_due(), JS_DEADLINE);
    server.tick(at(JS_DEADLINE), &world);
    let [detail] = &client.frames(&mut server)[..] else { panic!("one frame") };
    assert!(detail["unanswered"].as_str().unwrap().contains("blocked"), "{detail}");

    // What was in the list may be gone by the time somebody asks for it.
    client.say(&mut server, r#"{"type":"detail","id":2,"kind":"process","key":"p9"}"#, NOW, &world);
    let [detail] = &client.frames(&mut server)[..] else { panic!("one frame") };
    assert_eq!((&detail["id"], &detail["found"]), (&json!(2), &json!(false)));
}

#[test]
fn pitfall_11_actions_are_refused_unless_they_are_allowed() {
    let world = FakeWorld::of(1);
    let ask = r#"{"type":"action","id":4,"action":"kill","key":"p0"}"#;
    let mut refusing = server();
    let client = Client::greet(&mut refusing, &world);
    client.say(&mut refusing, ask, NOW, &world);
    assert_eq!(client.frames(&mut refusing)[0]["code"], "KEELSON_OBSERVE_ACTIONS_OFF");
    assert_eq!(refusing.take_questions().len(), 0);

    let mut settings = settings();
    settings.actions = true;
    let mut allowing = ObserveServer::new(settings);
    let client = Client::greet(&mut allowing, &world);
    client.say(&mut allowing, ask, NOW, &world);
    let number = allowing.take_questions()[0].number;
    allowing.answer(number, &JsAnswer::Object("{}".to_owned()), 1.0);
    assert_eq!(client.frames(&mut allowing)[0], json!({ "type": "done", "id": 4 }));
}

#[test]
fn a_tree_gives_children_their_counts_and_the_path_from_the_root() {
    let (mut server, world) = (server(), FakeWorld::of(4));
    world.rows.borrow_mut()[1].parent = "p0".to_owned();
    world.rows.borrow_mut()[2].parent = "p1".to_owned();
    world.rows.borrow_mut()[3].parent = "p1".to_owned();
    let client = Client::greet(&mut server, &world);
    client.say(&mut server, r#"{"type":"tree","id":1}"#, NOW, &world);
    let [roots] = &client.frames(&mut server)[..] else { panic!("one frame") };
    assert_eq!((&roots["total"], &roots["rows"][0][0]), (&json!(1), &json!("p0")));
    assert_eq!(roots["rows"][0][2], 1);
    client.say(&mut server, r#"{"type":"tree","id":2,"key":"p1","offset":1}"#, NOW, &world);
    let [children] = &client.frames(&mut server)[..] else { panic!("one frame") };
    assert_eq!(children["path"], json!(["p0", "p1"]));
    assert_eq!((&children["total"], &children["rows"][0][0]), (&json!(2), &json!("p3")));
}

#[test]
fn a_server_that_ends_says_goodbye_and_takes_nobody_new() {
    let (mut server, world) = (server(), FakeWorld::of(1));
    let client = Client::greet(&mut server, &world);
    server.end(1.0);
    assert_eq!(client.frames(&mut server), [json!({ "type": "bye", "reason": "closing" })]);
    assert!(server.connect(PeerForm::Socket, NOW, &world).is_none());
}
