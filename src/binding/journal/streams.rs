//! Streams of durable journals on the hot lane.

use super::appends::{Journals, Source, sequence, visible, with, writing};
use crate::binding::env::Local;
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::core::journal::queue::Appended;
use crate::core::journal::segment::Catalog;
use crate::core::journal::streams::Streams;
use crate::protocol::{Part, lane_record};

lane_record! {
    /// The size of the index of streams.
    struct StreamUsage => STREAM_USAGE {
        streams: f64,
        events: f64,
        /// In memory.
        bytes: f64,
    }
}

pub(super) const PARTS: &[Part] = &[STREAM_USAGE];

pub(crate) const MODULE: Module = hot_lane! {
    Journals;
    /// Returns the position in its stream of record `index` of the last append, or -1.
    "journalPosition"(journal, index) => position;
    /// Returns the sequence of the earlier event that record `index` of the last append repeats, or -1.
    "journalRepeated"(journal, index) => repeated;
    /// Returns the version of a stream at this level of acknowledgement; 0 for none.
    "journalStreamVersion"(str stream, journal, durability) => stream_version;
    /// Returns the sequence of the first event of a stream, held or not, at this level of acknowledgement; -1 for none.
    "journalStreamOrigin"(str stream, journal, durability) => stream_origin;
    /// Returns the number of streams. Scratch: `StreamUsage`.
    "journalStreamUsage"(journal) => stream_usage;
    /// Takes a name until it is released or the use of the journal ends. Returns 0 when another has it.
    "journalClaim"(str name, journal) => claim;
    /// Gives a name free.
    "journalRelease"(str name, journal) => release;
};

fn position(environment: &Local<Journals>, journal: f64, index: f64) -> f64 {
    of_last(environment, journal, |appended| {
        appended.positions.get(place(index)).map(|&position| f64::from(position))
    })
}

fn repeated(environment: &Local<Journals>, journal: f64, index: f64) -> f64 {
    of_last(environment, journal, |appended| {
        appended.repeated.get(place(index)).map(|&sequence| sequence as f64)
    })
}

fn of_last(
    environment: &Local<Journals>,
    journal: f64,
    body: impl FnOnce(&Appended) -> Option<f64>,
) -> f64 {
    let found = with(environment, journal, |open| open.appended.as_ref().and_then(body));
    found.flatten().unwrap_or(NONE)
}

fn place(index: f64) -> usize {
    usize::try_from(sequence(index)).unwrap_or(usize::MAX)
}

fn stream_version(environment: &Local<Journals>, stream: &str, journal: f64, level: f64) -> f64 {
    let version = with(environment, journal, |open| {
        let end = visible(&open.source, level);
        let (catalog, streams) = open.source.index();
        streams.version(stream, (catalog.start(), end)) as f64
    });
    version.unwrap_or(NONE)
}

fn stream_origin(environment: &Local<Journals>, stream: &str, journal: f64, level: f64) -> f64 {
    let origin = with(environment, journal, |open| {
        let end = visible(&open.source, level);
        let (catalog, streams) = open.source.index();
        streams.origin(stream, (catalog.start(), end)).map(|origin| origin as f64)
    });
    origin.flatten().unwrap_or(NONE)
}

fn stream_usage(environment: &Local<Journals>, journal: f64) -> f64 {
    let count = with(environment, journal, |open| {
        let (streams, events, bytes) = open.source.index().1.usage();
        let (streams, events, bytes) = (streams as f64, events as f64, bytes as f64);
        environment.write(StreamUsage { streams, events, bytes });
        streams
    });
    count.unwrap_or(NONE)
}

fn claim(environment: &Local<Journals>, name: &str, journal: f64) -> f64 {
    writing(environment, journal, |client| {
        f64::from(u8::from(client.writer.queue.streams().claim(name, client.member)))
    })
}

fn release(environment: &Local<Journals>, name: &str, journal: f64) -> f64 {
    writing(environment, journal, |client| {
        client.writer.queue.streams().release(name, client.member);
        0.0
    })
}

impl Source {
    /// Returns the segments and the index of streams.
    pub(crate) fn index(&self) -> (&Catalog, &Streams) {
        match self {
            Source::Writer(client) => (&client.writer.catalog, client.writer.queue.streams()),
            Source::Follower(follower) => (&follower.catalog, &follower.streams),
        }
    }
}
