//! The writing thread, and the handles of its users.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::config::{JournalConfig, JournalOverflow};
use super::error::{IoFault, JournalError};
use super::format::Draft;
use super::log::Log;
use super::queue::{
    Appended, Batch, Command, CommandResult, Durability, MemberId, WriteQueue, WriterTask,
};
use super::reader::{PageLimits, Reader};
use super::recovery::RecoveryReport;
use super::segment::Catalog;
use super::storage::Storage;
use super::streams::Condition;
use crate::core::sync::Mutex;

/// At this many bytes that are written and not synced, they are synced even if no caller waits.
const UNSYNCED: u64 = 4 << 20;

/// One journal that is open to be written, for all its users in the process.
#[derive(Debug)]
pub struct Writer {
    /// The queue between the threads that append and the one that writes.
    pub queue: WriteQueue,
    /// The segments, for readers.
    pub catalog: Arc<Catalog>,
    /// The files.
    pub storage: Arc<dyn Storage>,
    /// Its options.
    pub config: JournalConfig,
    /// The findings of opening.
    pub report: RecoveryReport,
    /// Held while a compaction runs: one at a time, and the directory is not given up under it.
    pub(super) compacting: Mutex<()>,
}

impl Writer {
    /// Recovers the directory and starts the thread that writes to it.
    ///
    /// # Errors
    ///
    /// As [`Log::open`], and when no thread can be started.
    pub fn open(
        storage: Arc<dyn Storage>,
        config: JournalConfig,
        now: (f64, f64),
    ) -> Result<Arc<Self>, JournalError> {
        let (log, report) = Log::open(Arc::clone(&storage), config.clone(), now)?;
        let refuses = config.overflow == JournalOverflow::Refuse;
        let max_entries = config.max_entries.filter(|_| refuses);
        let live = log.catalog.count();
        let writer = Arc::new(Self {
            queue: WriteQueue::new(
                log.next(),
                live,
                config.max_record_bytes,
                max_entries,
                Arc::clone(&log.streams),
            ),
            catalog: Arc::clone(&log.catalog),
            storage,
            config,
            report,
            compacting: Mutex::new(()),
        });
        writer.queue.start_at(log.clocks);
        let thread_writer = Arc::clone(&writer);
        thread::Builder::new()
            .name("keelson-journal".into())
            .spawn(move || thread_writer.work(log))
            .map_err(|error| IoFault {
                operation: "thread",
                path: writer.storage.path(),
                os: error.raw_os_error().unwrap_or(0),
            })?;
        Ok(writer)
    }

    /// Appends records under conditions, see [`WriteQueue::append_if`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn append(
        &self,
        member: MemberId,
        durability: Durability,
        drafts: &[Draft<'_>],
        conditions: &[Condition],
    ) -> Result<Appended, JournalError> {
        let id_of = |sequence| self.id_of(sequence);
        self.queue.append_if(member, durability, drafts, conditions, &id_of)
    }

    /// Reads the id of an entry that is written.
    fn id_of(&self, sequence: u64) -> Option<String> {
        let limits = PageLimits { records: 1, bytes: usize::MAX };
        let target = (&*self.storage, &*self.catalog);
        let page =
            Reader::default().read(target, (sequence, sequence + 1), limits, || Ok(())).ok()?;
        page.ids.into_iter().next()
    }

    /// Runs the writing thread. When it ends, by a panic as well, all callers get an answer.
    fn work(&self, mut log: Log) {
        let result = catch_unwind(AssertUnwindSafe(|| self.serve(&mut log))).unwrap_or_else(|_| {
            let (operation, path) = ("panic", self.storage.path());
            Err(IoFault { operation, path, os: 0 }.into())
        });
        if result.is_err() {
            self.queue.fail();
        }
        // A compaction that still runs sees that it is over, and ends.
        let compaction = self.compacting.lock();
        // With the lock file, the directory is free.
        drop(log);
        drop(compaction);
        self.queue.end(result.err());
    }

    fn serve(&self, log: &mut Log) -> Result<(), JournalError> {
        loop {
            match self.queue.take() {
                WriterTask::Batch(batch) => self.commit(log, batch)?,
                WriterTask::Command(ticket, command) => {
                    let outcome = self.execute(log, command);
                    // A command that the operating system refuses leaves the directory in doubt as well.
                    let failure = match &outcome {
                        Err(error @ JournalError::Io(_)) => Some(error.clone()),
                        _ => None,
                    };
                    self.queue.keeps(self.live(log));
                    self.queue.complete(ticket, outcome);
                    if let Some(error) = failure {
                        return Err(error);
                    }
                }
                WriterTask::Sync => self.sync(log)?,
                WriterTask::Close => {
                    // A compaction in its last step would find no thread to carry it out.
                    drop(self.compacting.lock());
                    log.hear(self.queue.clocks());
                    log.close()?;
                    self.queue.synced(log.next());
                    return Ok(());
                }
            }
        }
    }

    fn commit(&self, log: &mut Log, batch: Batch) -> Result<(), JournalError> {
        let Batch { mut bytes, clocks, sync, next } = batch;
        log.hear(clocks);
        log.write(&mut bytes, clocks.time)?;
        if sync {
            log.sync()?;
        } else {
            log.look()?;
        }
        // After the acknowledgement a reader finds no more entries than are kept; before it, those from before.
        log.keep_newest()?;
        self.queue.wrote(next, self.live(log));
        if sync {
            self.queue.synced(log.next());
        } else if log.unsynced() >= UNSYNCED {
            self.sync(log)?;
        }
        self.queue.recycle(bytes);
        let JournalConfig { max_bytes, max_age_ms, .. } = self.config;
        if self.config.kept().or(max_bytes).is_some() || max_age_ms.is_some() {
            // Files go, at the earliest, after what made them go was acknowledged.
            log.retain(clocks.time)?;
            self.queue.keeps(self.live(log));
        }
        Ok(())
    }

    fn sync(&self, log: &mut Log) -> Result<(), JournalError> {
        log.sync()?;
        self.queue.synced(log.next());
        Ok(())
    }

    /// Counts the entries that are kept, where the configuration needs it; else returns 0.
    fn live(&self, log: &Log) -> u64 {
        if self.config.overflow == JournalOverflow::Refuse { log.catalog.count() } else { 0 }
    }

    fn execute(&self, log: &mut Log, command: Command) -> CommandResult {
        // The queue has the last readings of its callers' clocks.
        log.hear(self.queue.clocks());
        match command {
            Command::Sync => self.sync(log).map(|()| log.next()),
            Command::Clear => {
                let cleared = log.clear()?;
                self.queue.synced(log.next());
                Ok(cleared)
            }
            Command::Retain(time) => {
                log.look()?;
                log.retain(time)
            }
            Command::ForgetRemoval(sequence) => log.forget_removal(sequence),
            Command::Rotate => {
                log.rotate()?;
                self.queue.synced(log.next());
                Ok(log.next())
            }
            Command::Snapshot { next, wall, state } => {
                self.sync(log)?;
                log.save_snapshot(next, wall, &state)
            }
            Command::Swap(swap) => log.swap(swap),
        }
    }
}
