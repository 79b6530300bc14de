//! One writer a directory in a process: whoever opens the same path shares it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::disk::Disk;
use super::error::JournalError;
use super::follower::Follower;
use super::queue::{Durability, MemberId};
use super::writer::Writer;
use crate::core::inbox::{Inbox, Token};
use crate::core::sync::Mutex;

/// The writers of a process, by the real path of their directory.
#[derive(Debug, Default)]
pub struct Registry(Mutex<BTreeMap<PathBuf, Arc<Writer>>>);

/// One user of a writer. Dropping it waits until what it appended is on disk; if it was the last, the journal is closed.
#[derive(Debug)]
pub struct Client {
    /// What it shares with the others.
    pub writer: Arc<Writer>,
    /// Which one it is.
    pub member: MemberId,
    left: Option<bool>,
}

impl Registry {
    /// Opens a directory to write, or joins those who have it open; `bell` is rung with news.
    ///
    /// # Errors
    ///
    /// As [`Writer::open`]; [`JournalError::Invalid`] when it is open with other options.
    pub fn open(
        &self,
        path: &Path,
        config: &Config,
        now: f64,
        bell: Option<(Inbox, Token)>,
    ) -> Result<Client, JournalError> {
        config.check()?;
        let root = Disk::prepare(path, true)?;
        let mut writers = self.0.lock();
        writers.retain(|_, writer| writer.queue.progress().ended.is_none());
        if let Some(writer) = writers.get(&root) {
            if let Some(member) = writer.queue.join(bell.clone()) {
                let client = Client { writer: Arc::clone(writer), member, left: None };
                return match writer.config.difference(config) {
                    Some(field) => {
                        let why = "what it is where this journal is open already";
                        Err(JournalError::Invalid { field, why })
                    }
                    None => Ok(client),
                };
            }
            // The last user has just left: the directory is free in a moment.
            writer.queue.wait_ended();
        }
        let writer = Writer::open(Arc::new(Disk::new(root.clone())), config.clone(), now)?;
        let member = writer.queue.join(bell).ok_or(JournalError::Closed)?;
        writers.insert(root, Arc::clone(&writer));
        Ok(Client { writer, member, left: None })
    }

    /// Opens a directory to read beside whoever writes to it.
    ///
    /// # Errors
    ///
    /// As [`Follower::open`].
    pub fn follow(path: &Path) -> Result<Follower, JournalError> {
        let root = Disk::prepare(path, false)?;
        Follower::open(Arc::new(Disk::new(root)))
    }
}

impl Client {
    /// What a reader may see: all sequences below. In memory alone nothing can be read, so that waits to be written.
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
