//! Every interleaving of two appenders, the writing thread, and a thread that waits.

use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::core::journal::format::{Draft, sequence_of_pushed, size_of_pushed};

fn draft() -> Draft<'static> {
    Draft { wall: 1.0, mono: 1.0, id: "", key: "", payload: "1", ..Draft::default() }
}

fn sequences(batch: &Batch) -> Vec<u64> {
    let mut rest = &*batch.bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        found.push(sequence_of_pushed(rest));
        rest = &rest[size_of_pushed(rest)..];
    }
    found
}

/// Plays the writing thread. It writes each sequence once, in order, and acknowledges nothing else.
fn serve(queue: &WriteQueue) -> u64 {
    let mut next = 0;
    loop {
        match queue.take() {
            WriterTask::Batch(batch) => {
                for sequence in sequences(&batch) {
                    assert_eq!(sequence, next);
                    next += 1;
                }
                assert_eq!(batch.next, next);
                queue.wrote(next, 0);
                if batch.sync {
                    queue.synced(next);
                }
            }
            WriterTask::Sync => queue.synced(next),
            WriterTask::Command(ticket, _) => queue.complete(ticket, Ok(next)),
            WriterTask::Close => {
                queue.synced(next);
                queue.end(None);
                return next;
            }
        }
    }
}

#[test]
fn whoever_waits_is_told_and_nothing_is_written_twice() {
    loom::model(|| {
        let queue = Arc::new(WriteQueue::new(0, 0, 1000, None, std::sync::Arc::default()));
        let member = queue.join(None).expect("open");
        let server = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || serve(&queue))
        };
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let sequence = queue.append(member, Durability::Flush, &[draft()]).expect("open");
                // Waiting begins the writing by itself.
                assert!(queue.wait(false).written > sequence);
            })
        };
        let sequence = queue.append(member, Durability::Sync, &[draft()]).expect("open");
        queue.kick();
        assert!(queue.wait(true).synced > sequence);
        other.join().expect("it ends");
        assert!(queue.leave(member));
        queue.wait_ended();
        assert_eq!(server.join().expect("it ends"), 2);
    });
}

#[test]
fn a_call_ends_also_when_the_journal_closes_meanwhile() {
    loom::model(|| {
        let queue = Arc::new(WriteQueue::new(0, 0, 1000, None, std::sync::Arc::default()));
        let member = queue.join(None).expect("open");
        let server = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || serve(&queue))
        };
        let caller = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let outcome = queue.call(Command::Rotate);
                assert!(matches!(outcome, Ok(_) | Err(JournalError::Closed)));
            })
        };
        queue.leave(member);
        caller.join().expect("it ends");
        queue.wait_ended();
        server.join().expect("it ends");
    });
}
