use std::net::TcpListener;
use std::sync::mpsc::{Receiver as Queue, channel};
use std::time::Duration;

use super::*;
use crate::client::{Link, Target};
use crate::protocol::WatchedTable;

/// Ends a test that hangs.
const GUARD: Duration = Duration::from_secs(60);
const HELLO: &str = r#"{"type":"hello","v":1,"pid":7,"session":"s 1"}"#;

/// A service that answers each request by its head. The requests come out of the queue.
fn service(answer: impl Fn(&str) -> String + Send + 'static) -> (String, Queue<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let (sender, requests) = channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut chunk = [0; 4096];
            while !is_whole(&bytes) {
                let count = stream.read(&mut chunk).unwrap();
                bytes.extend_from_slice(&chunk[..count]);
            }
            let request = String::from_utf8(bytes).unwrap();
            stream.write_all(answer(&request).as_bytes()).unwrap();
            if request.starts_with("GET /stream") {
                open.push(stream);
            }
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (authority, requests)
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn attach(authority: &str) -> (Link, Queue<Notice>) {
    let (sender, received) = channel();
    let target = Target::Http { authority: authority.into(), token: "secret".into() };
    (Link::start(target, move |notice| drop(sender.send(notice))), received)
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn stream_of(frames: &[&str]) -> String {
    let event = |frame: &&str| [": comment\n\ndata: ", *frame, "\n\n"].concat();
    let events = frames.iter().map(event).collect::<Vec<_>>().concat();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{events}")
}

fn refused(authority: &str) -> String {
    match attach(authority).1.recv_timeout(GUARD).unwrap() {
        Notice::Refused(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_brings_frames_and_questions_are_requests() {
    let (authority, requests) = service(|request| {
        let line = request.lines().next().unwrap();
        if line.starts_with("GET /stream") {
            stream_of(&[HELLO, r#"{"type":"update","at":5}"#])
        } else if line.starts_with("GET /tree") {
            ok(r#"{"type":"tree","key":null,"total":0,"offset":0,"rows":[]}"#)
        } else {
            "HTTP/1.1 204 No Content\r\n\r\n".into()
        }
    });
    let (link, received) = attach(&authority);
    assert!(
        matches!(received.recv_timeout(GUARD).unwrap(), Notice::Frame(ServerFrame::Hello(hello)) if hello.pid == 7)
    );
    assert!(
        matches!(received.recv_timeout(GUARD).unwrap(), Notice::Frame(ServerFrame::Update(update)) if update.at == 5.0)
    );
    let table = WatchedTable {
        table: "1".into(),
        kind: "process".into(),
        by: None,
        desc: false,
        offset: 0,
        limit: 20,
        filter: String::new(),
    };
    link.send(&[
        ClientFrame::Watch { refresh_ms: 500, tables: vec![table] },
        ClientFrame::Pause,
        ClientFrame::Tree { id: 1, key: Some("a/b \u{e9}".into()), offset: 0, limit: 5 },
    ]);
    assert!(matches!(received.recv_timeout(GUARD).unwrap(), Notice::Frame(ServerFrame::Tree(_))));
    let asked: Vec<String> = (0..3).map(|_| requests.recv_timeout(GUARD).unwrap()).collect();
    assert!(asked[0].starts_with("GET /stream?watch=%7B%22type%22%3A%22watch%22"), "{}", asked[0]);
    assert!(asked[0].contains("\r\nAuthorization: Bearer secret\r\n"));
    assert!(asked[1].starts_with("POST /watch?session=s%201 HTTP/1.1\r\n"), "{}", asked[1]);
    assert!(asked[1].ends_with(r#""offset":0,"limit":20}]}"#), "{}", asked[1]);
    assert!(asked[2].starts_with("GET /tree?key=a%2Fb%20%C3%A9&offset=0&limit=5 "), "{}", asked[2]);
}

#[test]
fn a_stream_in_chunks_is_read_whole() {
    let (authority, _requests) = service(|_| {
        let event = format!("data: {HELLO}\n\n");
        let (one, other) = event.split_at(20);
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}{}",
            chunk(one),
            chunk(other)
        )
    });
    let (_link, received) = attach(&authority);
    assert!(matches!(received.recv_timeout(GUARD).unwrap(), Notice::Frame(ServerFrame::Hello(_))));
}

#[test]
fn a_refused_token_says_what_to_pass() {
    let (authority, _requests) =
        service(|_| "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".into());
    assert!(refused(&authority).contains("pass the address that observe() printed"));
}

#[test]
fn what_is_no_http_is_refused() {
    let (authority, _requests) = service(|_| "hello there\r\n\r\n".into());
    assert!(refused(&authority).contains("no answer of HTTP"));
    let (authority, _requests) =
        service(|_| "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into());
    assert!(refused(&authority).contains("broken chunk"));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert!(refused(&closed).contains("cannot be reached"));
}

#[test]
fn a_failed_question_is_an_answer() {
    let (authority, _requests) = service(|request| {
        if request.starts_with("GET /stream") {
            stream_of(&[HELLO])
        } else {
            "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nboom".into()
        }
    });
    let (link, received) = attach(&authority);
    assert!(matches!(received.recv_timeout(GUARD).unwrap(), Notice::Frame(ServerFrame::Hello(_))));
    link.send(&[ClientFrame::Detail { id: 1, kind: "process".into(), key: "k".into() }]);
    let answer = received.recv_timeout(GUARD).unwrap();
    assert!(
        matches!(&answer, Notice::Frame(ServerFrame::Error { message, .. }) if message.contains("answered 500 boom")),
        "{answer:?}"
    );
}
