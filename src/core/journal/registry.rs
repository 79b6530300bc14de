//! Keeps one writer per directory in a process. All users that open the same path share it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::backup::{BackupReport, backup};
use super::config::JournalConfig;
use super::disk::{DirectoryId, Disk};
use super::error::JournalError;
use super::follower::Follower;
use super::queue::{Durability, MemberId};
use super::segment::LOCK;
use super::storage::Storage;
use super::writer::Writer;
use crate::core::inbox::{Inbox, Token};
use crate::core::sync::Mutex;

/// The writers of a process, by the directory, whichever path leads to it.
#[derive(Debug, Default)]
pub struct Registry(Mutex<BTreeMap<DirectoryId, Arc<Writer>>>);

/// One user of a writer. Dropping it waits until its appends are on disk. If it was the last, the journal is closed.
#[derive(Debug)]
pub struct Client {
    /// The writer that it shares with the others.
    pub writer: Arc<Writer>,
    /// Its number at the writer.
    pub member: MemberId,
    left: Option<bool>,
}

impl Registry {
    /// Opens a directory to write, or joins those who have it open. `inbox` gets its token with news. The wall and
    /// monotonic times are those of the user's clock.
    ///
    /// # Errors
    ///
    /// As [`Writer::open`]; [`JournalError::Differs`] when it is open with other options, [`JournalError::Locked`] when
    /// it is open for one user alone, or is to be.
    pub fn open(
        &self,
        path: &Path,
        config: &JournalConfig,
        (wall, mono): (f64, f64),
        inbox: Option<(Inbox, Token)>,
    ) -> Result<Client, JournalError> {
        config.check()?;
        let disk = Disk::open(path, true, config.mode)?;
        let place = disk.place()?;
        let mut writers = self.0.lock();
        writers.retain(|_, writer| writer.queue.progress().ended.is_none());
        if let Some(writer) = writers.get(&place) {
            if writer.queue.progress().open {
                // A writer whose path leads elsewhere now is about to fail.
                let moved = writer.storage.identity(LOCK)? != disk.identity(LOCK)?;
                if config.exclusive || writer.config.exclusive || moved {
                    return Err(JournalError::Locked { path: disk.path() });
                }
                if let Some((option, value)) = writer.config.difference(config) {
                    return Err(JournalError::Differs { option, value });
                }
            }
            if let Some(member) = writer.queue.join(inbox.clone()) {
                writer.queue.tick(member, wall, mono);
                return Ok(Client { writer: Arc::clone(writer), member, left: None });
            }
            // The last user has just left: the directory is free in a moment.
            writer.queue.wait_ended();
        }
        let writer = Writer::open(Arc::new(disk), config.clone(), (wall, mono))?;
        let member = writer.queue.join(inbox).ok_or(JournalError::Closed)?;
        writer.queue.tick(member, wall, mono);
        writers.insert(place, Arc::clone(&writer));
        Ok(Client { writer, member, left: None })
    }

    /// Opens a directory to read beside its writer.
    ///
    /// # Errors
    ///
    /// As [`Follower::open`].
    pub fn follow(path: &Path) -> Result<Follower, JournalError> {
        Follower::open(Arc::new(Disk::open(path, false, 0)?))
    }

    /// Copies a journal beside its writer, which may be another process.
    ///
    /// # Errors
    ///
    /// As [`Follower::open`] and [`backup`].
    pub fn back_up(
        path: &Path,
        directory: &Path,
        now: (f64, f64),
    ) -> Result<BackupReport, JournalError> {
        let follower = Self::follow(path)?;
        let mode = JournalConfig::default().mode;
        let target: Arc<dyn Storage> = Arc::new(Disk::open(directory, true, mode)?);
        let source = (&*follower.storage, &follower.catalog);
        backup(source, &target, mode, now, || follower.refresh())
    }
}

impl Client {
    /// Returns the end of the sequences that a reader may see. Records in memory alone cannot be read, so that level
    /// waits for writing.
    pub fn visible(&self, durability: Durability) -> u64 {
        match durability {
            Durability::Sync => self.writer.queue.progress().synced,
            Durability::Flush => self.writer.queue.progress().written,
            Durability::Memory => self.writer.queue.wait(false).written,
        }
    }

    /// Ends its use. Returns whether it was the last user, and the journal closes.
    pub fn leave(&mut self) -> bool {
        let member = self.member;
        self.writer.queue.streams().release_all(member);
        *self.left.get_or_insert_with(|| self.writer.queue.leave(member))
    }

    /// Waits until everything is on disk, leaves, and if it was the last, waits until the journal is closed.
    pub fn finish(&mut self) {
        if self.left.is_none() {
            self.writer.queue.wait(true);
        }
        if self.leave() {
            self.writer.queue.wait_ended();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.finish();
    }
}
