use serde_json::json;

use super::{Client, FakeWorld, NOW, at, settings};
use crate::core::observe::{JsAnswer, JsQuestion, ObserveServer, PUBLISH_DEADLINE, PeerForm};

const TOKEN: &str = "secret-token-0123456789";
const AUTH: &str = "Authorization: Bearer secret-token-0123456789\r\n";

/// Sends a request as it stands. Returns the response.
fn raw(server: &mut ObserveServer, world: &FakeWorld, request: &str) -> String {
    let client = Client::connect(server, PeerForm::Http, world);
    server.receive(client.id, request.as_bytes(), NOW, world);
    server.tick(at(PUBLISH_DEADLINE), world);
    client.text(server)
}

fn get(path: &str, headers: &str) -> String {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(3));
    raw(&mut server, &world, &format!("GET {path} HTTP/1.1\r\n{headers}\r\n"))
}

fn body(response: &str) -> serde_json::Value {
    serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn pages_and_trees_are_answered_as_frames() {
    let host = format!("Host: localhost:1\r\n{AUTH}");
    let page = get("/page?kind=process&by=mailbox&desc=1&limit=2&filter=p", &host);
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert_eq!(body(&page)["rows"][0][0], "p2");
    assert_eq!(body(&get("/hello", &host))["v"], 1);
    assert_eq!(body(&get("/tree", &host))["total"], 3);
    assert!(get("/metrics", &host).ends_with("# metrics\n"));
    assert!(get("/nothing", &host).starts_with("HTTP/1.1 404"));
    assert!(get("/page?kind=process&limit=x", &host).starts_with("HTTP/1.1 400"));
}

#[test]
fn pitfall_9_foreign_host_foreign_origin_null_origin_rebinding_and_a_missing_token_are_403() {
    let is_forbidden = |path: &str, headers: &str| {
        let response = get(path, headers);
        assert!(!response.contains(TOKEN), "{response}");
        assert!(response.contains("Referrer-Policy: no-referrer\r\n"));
        assert!(response.contains("Content-Security-Policy: default-src 'self';"));
        response.starts_with("HTTP/1.1 403 Forbidden\r\n")
    };
    let own = format!("Host: 127.0.0.1:7000\r\n{AUTH}");
    assert!(!is_forbidden("/hello", &own));
    assert!(is_forbidden("/hello", "Host: 127.0.0.1:7000\r\n"));
    assert!(is_forbidden("/metrics", "Host: 127.0.0.1:7000\r\n"));
    assert!(is_forbidden("/nothing", "Host: 127.0.0.1:7000\r\n"));
    assert!(is_forbidden("/hello", "Host: 127.0.0.1\r\nAuthorization: Bearer secret\r\n"));
    assert!(is_forbidden("/hello", "Host: 127.0.0.1\r\nAuthorization: Bearer \r\n"));
    assert!(is_forbidden("/?token=secret-token-012345678", "Host: 127.0.0.1\r\n"));
    assert!(is_forbidden(&format!("/hello?token={TOKEN}"), "Host: 127.0.0.1\r\n"));
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil:80",
        "evil@localhost",
        "localhost:80@evil",
        "[::1].evil",
        "0.0.0.0",
        "port.example",
        "",
    ] {
        assert!(is_forbidden("/hello", &format!("Host: {host}\r\n{AUTH}")), "{host}");
        let page = format!("/?token={TOKEN}");
        assert!(is_forbidden(&page, &format!("Host: {host}\r\n")), "{host}");
    }
    assert!(is_forbidden("/hello", AUTH));
    for host in ["localhost", "LOCALHOST:1", "[::1]:9", "dash.example:443", "port.example:8080"] {
        assert!(!is_forbidden("/hello", &format!("Host: {host}\r\n{AUTH}")), "{host}");
    }
    for origin in ["null", "http://evil.example", "http://127.0.0.1:7001", "https://127.0.0.1:7000"]
    {
        assert!(is_forbidden("/hello", &format!("{own}Origin: {origin}\r\n")), "{origin}");
    }
    let twice = format!("{own}Origin: http://127.0.0.1:7000\r\nOrigin: http://evil.example\r\n");
    assert!(is_forbidden("/hello", &twice));
    for origin in ["http://127.0.0.1:7000", "http://localhost:5173"] {
        assert!(!is_forbidden("/hello", &format!("{own}Origin: {origin}\r\n")), "{origin}");
    }
}

#[test]
fn the_token_of_the_address_becomes_a_cookie_and_the_address_is_left() {
    let response = get(&format!("/?token={TOKEN}"), "Host: localhost:1\r\n");
    assert!(response.starts_with("HTTP/1.1 303 See Other\r\n"));
    assert!(response.contains("Location: /\r\n"));
    let cookie =
        format!("Set-Cookie: keelson-observe-1={TOKEN}; HttpOnly; SameSite=Strict; Path=/\r\n");
    assert!(response.contains(&cookie), "{response}");
    assert!(response.ends_with("\r\n\r\n"));
    let with = format!("Host: localhost:1\r\nCookie: a=b; keelson-observe-1={TOKEN}\r\n");
    assert!(get("/hello", &with).starts_with("HTTP/1.1 200"));
    let other = format!("Host: localhost:1\r\nCookie: keelson-observe-2={TOKEN}\r\n");
    assert!(get("/hello", &other).starts_with("HTTP/1.1 403"));
}

#[test]
fn a_stream_begins_with_hello_and_its_watch_can_be_replaced() {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(3));
    let stream = Client::connect(&mut server, PeerForm::Http, &world);
    let watch = "%7B%22type%22:%22watch%22,%22tables%22:%5B%7B%22table%22:%22a%22,%22kind%22:%22process%22%7D%5D%7D";
    let request = format!("GET /stream?watch={watch} HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n");
    server.receive(stream.id, request.as_bytes(), NOW, &world);
    let text = stream.text(&mut server);
    let (head, events) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: text/event-stream"));
    let frames: Vec<serde_json::Value> = events
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(|json| serde_json::from_str(json).unwrap())
        .collect();
    let types: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["hello", "page", "update"]);
    let session = frames[0]["session"].as_str().unwrap();
    let body = r#"{"type":"watch","tables":[]}"#;
    let steer = |session: &str| {
        let length = body.len();
        format!(
            "POST /watch?session={session} HTTP/1.1\r\nHost: localhost\r\n{AUTH}Content-Length: {length}\r\n\r\n{body}"
        )
    };
    assert!(raw(&mut server, &world, &steer(session)).starts_with("HTTP/1.1 204 No Content\r\n"));
    assert!(raw(&mut server, &world, &steer("s99")).starts_with("HTTP/1.1 404"));
    assert!(server.is_watched());
    server.disconnect(stream.id);
    assert!(!server.is_watched());
}

#[test]
fn an_answer_of_javascript_ends_the_request_and_a_blocked_one_is_said() {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(1));
    let client = Client::connect(&mut server, PeerForm::Http, &world);
    let request = format!("GET /journal?key=j HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n");
    server.receive(client.id, request.as_bytes(), NOW, &world);
    assert_eq!(client.text(&mut server), "");
    let number = server.take_questions()[0].number;
    let answer = r#"{"first":0,"next":1,"entries":[{"seq":0,"at":1,"text":"x"}]}"#;
    server.answer(number, &JsAnswer::Object(answer.to_owned()), 1.0);
    assert_eq!(body(&client.text(&mut server))["entries"][0]["text"], "x");

    let late = Client::connect(&mut server, PeerForm::Http, &world);
    server.receive(late.id, request.as_bytes(), NOW, &world);
    server.tick(at(2500.0), &world);
    let response = late.text(&mut server);
    assert!(response.starts_with("HTTP/1.1 503"), "{response}");
    assert_eq!(body(&response)["code"], "KEELSON_OBSERVE_BLOCKED");
}

#[test]
fn metrics_wait_a_moment_for_what_javascript_publishes() {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(1));
    let client = Client::connect(&mut server, PeerForm::Http, &world);
    let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n");
    server.receive(client.id, request.as_bytes(), NOW, &world);
    assert_eq!((client.text(&mut server).as_str(), server.next_due()), ("", PUBLISH_DEADLINE));
    let question = &server.take_questions()[0];
    assert_eq!(question.question, JsQuestion::Publish);
    server.answer(question.number, &JsAnswer::Object("{}".to_owned()), 5.0);
    assert_eq!(server.next_due(), 5.0);
    server.tick(at(5.0), &world);
    assert!(client.text(&mut server).ends_with("# metrics\n"));
}

#[test]
fn pitfall_11_an_action_over_http_is_refused_unless_actions_are_allowed() {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(1));
    let action = json!({ "type": "action", "action": "stop", "key": "p0" }).to_string();
    let length = action.len();
    let request = format!(
        "POST /action HTTP/1.1\r\nHost: localhost\r\n{AUTH}Content-Length: {length}\r\n\r\n{action}"
    );
    let response = raw(&mut server, &world, &request);
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    assert_eq!(body(&response)["code"], "KEELSON_OBSERVE_ACTIONS_OFF");
}

#[test]
fn pitfall_7_requests_that_are_garbage_endless_or_never_end_are_refused_with_a_reason() {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(1));
    let mut status = |request: &str| raw(&mut server, &world, request)[9..12].to_owned();
    let post = format!("POST /watch HTTP/1.1\r\nHost: localhost\r\n{AUTH}");
    assert_eq!(status("\x01\x02\x03\r\n\r\n"), "400");
    assert_eq!(status("GET http://localhost/ HTTP/1.1\r\n\r\n"), "400");
    assert_eq!(status(&format!("GET /?a=%zz HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n")), "400");
    assert_eq!(status(&format!("{post}Content-Length: 70000\r\n\r\n")), "413");
    assert_eq!(status(&format!("{post}Content-Length: 99999999999999999999\r\n\r\n")), "413");
    assert_eq!(status(&format!("{post}Content-Length: -1\r\n\r\n")), "400");
    assert_eq!(status(&format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n")), "400");
    assert_eq!(status(&format!("{post}Transfer-Encoding: chunked\r\n\r\n")), "411");
    assert_eq!(status(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(20_000))), "431");
    assert_eq!(status(&format!("DELETE / HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n")), "405");
    // Slow loris: a byte now and then.
    let slow = Client::connect(&mut server, PeerForm::Http, &world);
    for (second, byte) in b"GET / HTTP/1.1".iter().enumerate() {
        server.receive(slow.id, &[*byte], at(second as f64 * 100.0), &world);
    }
    server.tick(at(5000.0), &world);
    assert!(slow.text(&mut server).starts_with("HTTP/1.1 408"));
    assert!(server.is_over(slow.id, 5000.0));
}

#[test]
fn a_head_request_gets_the_head_alone() {
    let (mut server, world) = (ObserveServer::new(settings()), FakeWorld::of(1));
    let request = format!("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n");
    let response = raw(&mut server, &world, &request);
    assert!(response.contains("Content-Length: 10\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\n"));
}
