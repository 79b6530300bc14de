use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;
use crate::protocol::{Hello, LONGEST_FROM_SERVER};

/// Ends a test that hangs.
const GUARD: Duration = Duration::from_secs(60);
const HELLO: &str = r#"{"type":"hello","v":1,"pid":7}"#;

fn path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("keelson-link-{}-{number}.sock", std::process::id()))
}

/// A service that runs `serve` for each session, with the number of the session.
fn service(serve: impl Fn(usize, UnixStream) + Send + 'static) -> PathBuf {
    let path = path();
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(number, stream.unwrap());
        }
    });
    path
}

fn send(mut stream: &UnixStream, text: &str) {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, text.as_bytes()].concat()).unwrap();
}

fn receive(mut stream: &UnixStream) -> String {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn attach(path: PathBuf) -> (Link, Receiver<Notice>) {
    let (sender, received) = channel();
    let link = Link::start(Target::Socket(path), move |notice| drop(sender.send(notice)));
    (link, received)
}

fn hello(notice: Notice) -> Hello {
    match notice {
        Notice::Frame(ServerFrame::Hello(hello)) => hello,
        other => panic!("{other:?}"),
    }
}

fn refused(serve: impl Fn(UnixStream) + Send + 'static) -> String {
    let (_link, received) = attach(service(move |_, stream| {
        // To close with bytes that nobody read is another end.
        receive(&stream);
        serve(stream);
    }));
    match received.recv_timeout(GUARD).unwrap() {
        Notice::Refused(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_frame_is_a_hello_and_requests_follow() {
    let (sender, asked) = channel();
    let path = service(move |_, stream| {
        sender.send(receive(&stream)).unwrap();
        send(&stream, HELLO);
        sender.send(receive(&stream)).unwrap();
    });
    let (link, received) = attach(path);
    assert_eq!(hello(received.recv_timeout(GUARD).unwrap()).pid, 7);
    link.send(&[ClientFrame::Pause]);
    assert_eq!(asked.recv_timeout(GUARD).unwrap(), r#"{"type":"hello","v":1}"#);
    assert_eq!(asked.recv_timeout(GUARD).unwrap(), r#"{"type":"pause"}"#);
}

#[test]
fn a_session_that_ends_is_opened_again() {
    let path = service(|number, stream| {
        receive(&stream);
        send(&stream, HELLO);
        if number > 0 {
            // Stays open.
            receive(&stream);
        }
    });
    let (link, received) = attach(path);
    hello(received.recv_timeout(GUARD).unwrap());
    assert!(
        matches!(received.recv_timeout(GUARD).unwrap(), Notice::Lost(reason) if reason == "the connection ended")
    );
    hello(received.recv_timeout(GUARD).unwrap());
    drop(link);
    assert!(received.recv_timeout(GUARD).is_err(), "an end that was wanted is no loss");
}

#[test]
fn nothing_at_the_path_is_refused() {
    let (_link, received) = attach(path());
    assert!(
        matches!(received.recv_timeout(GUARD).unwrap(), Notice::Refused(reason) if reason.contains("cannot be opened"))
    );
}

#[test]
fn another_version_is_refused() {
    let reason = refused(|stream| send(&stream, r#"{"type":"hello","v":2}"#));
    assert_eq!(reason, "the service speaks version 2 of the protocol, and this is version 1");
}

#[test]
fn garbage_is_refused() {
    assert!(refused(|stream| send(&stream, "no frame")).contains("is no frame"));
    let long = u32::try_from(LONGEST_FROM_SERVER + 1).unwrap().to_be_bytes();
    let reason = refused(move |mut stream| stream.write_all(&long).unwrap());
    assert_eq!(
        reason,
        format!("the service announced a frame of {} bytes", LONGEST_FROM_SERVER + 1)
    );
    assert_eq!(refused(|mut stream| stream.write_all(&[0, 0, 1]).unwrap()), "the connection ended");
}
