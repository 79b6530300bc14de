//! One shared atom.

use super::commit::{At, AtomValue, Commit, NextCommit};
use super::feed::Feed;
use super::slab::{Word, WordPlace};
use super::versions::Versions;
use crate::core::sync::{Arc, BACK_OFF, Mutex, MutexGuard, Ordering, Published, SPINS, spin};

/// A value that threads share. Each commit follows the version that its maker saw. None is lost or seen out of order.
#[derive(Debug)]
pub struct AtomCell {
    /// The version of `current`, or of the commit that is about to replace it.
    announced: Word,
    current: Published<Commit>,
    writer: Mutex<Committer>,
}

/// The part that only the committer of the moment touches.
#[derive(Debug)]
struct Committer {
    versions: Versions<Arc<Commit>>,
    feeds: Vec<Arc<Feed>>,
}

/// Another committer was first. Carries the current commit; nothing was changed.
#[derive(Debug, Clone)]
pub struct Conflict(pub Arc<Commit>);

impl AtomCell {
    pub(super) fn new(word: Word, initial: AtomValue, at: At, history: usize) -> Self {
        let initial = Arc::new(Commit::new(0, NextCommit { value: initial, at, cause: None }));
        word.store(0, Ordering::Release);
        Self {
            announced: word,
            current: Published::new(Arc::clone(&initial)),
            writer: Mutex::new(Committer {
                versions: Versions::new(history, initial),
                feeds: Vec::new(),
            }),
        }
    }

    /// Returns the place of the announced version. A reader that finds its own version there has the current one.
    pub fn place(&self) -> WordPlace {
        self.announced.place()
    }

    /// Returns whether no thread can have seen a version other than this one, which the caller has seen. Takes no lock
    /// and copies nothing.
    pub fn is_current(&self, version: u64) -> bool {
        self.announced.load(Ordering::Acquire) == version
    }

    /// Returns the current commit. Takes no lock.
    pub fn current(&self) -> Arc<Commit> {
        self.current.load()
    }

    /// Commits over the version that the caller saw.
    ///
    /// # Errors
    ///
    /// [`Conflict`] with the current commit when that has another version; nothing changes.
    pub fn compare_and_set(
        &self,
        expected: u64,
        next: NextCommit,
    ) -> Result<Arc<Commit>, Conflict> {
        if !self.is_current(expected) {
            return Err(self.conflict(expected));
        }
        let commit = Arc::new(Commit::new(expected + 1, next));
        let Some(mut writer) = self.enter(expected) else { return Err(self.conflict(expected)) };
        let Ok(forgotten) = writer.versions.commit(Arc::clone(&commit)) else {
            drop(writer);
            return Err(self.conflict(expected));
        };
        // Announced first. The other way round, a reader could see the new commit and tell another, whose own copy
        // would still look current to it.
        self.announced.store(commit.version, Ordering::Release);
        let before = self.current.replace(Arc::clone(&commit));
        let mut waking = Vec::new();
        waking.extend(writer.feeds.iter().filter(|feed| feed.offer(&commit)).cloned());
        drop(writer);
        // The next committer need not wait for this: freeing memory, and waking, which is a system call.
        drop((before, forgotten));
        for feed in waking {
            feed.notify();
        }
        Ok(commit)
    }

    /// Takes the committers' lock, unless the version is no longer current while it waits. The holder most likely
    /// commits over that version soon. So a waiter looks at the version meanwhile, and seldom has to sleep.
    fn enter(&self, expected: u64) -> Option<MutexGuard<'_, Committer>> {
        for _ in 0..SPINS {
            if !self.is_current(expected) {
                return None;
            }
            if let Some(writer) = self.writer.try_lock() {
                return Some(writer);
            }
            spin();
        }
        Some(self.writer.lock())
    }

    /// Returns the current commit instead of a version that no longer is current, or never was.
    fn conflict(&self, expected: u64) -> Conflict {
        // The committer that was first most likely goes on. To let it do so for a moment, with the memory in its cache,
        // is faster for all than to take turns commit by commit.
        for _ in 0..BACK_OFF {
            spin();
        }
        for _ in 0..SPINS {
            let current = self.current.load();
            if current.version != expected {
                return Conflict(current);
            }
            // Announced, and published in a moment.
            spin();
        }
        // Unless the committer was interrupted in between: it holds the lock.
        drop(self.writer.lock());
        Conflict(self.current.load())
    }

    /// Returns the last commits in version order, the current one included.
    pub fn history(&self) -> Vec<Arc<Commit>> {
        self.writer.lock().versions.kept().cloned().collect()
    }

    /// Keeps at least so many commits from now on.
    pub fn keep(&self, history: usize) {
        self.writer.lock().versions.at_least(history);
    }

    /// Begins to offer commits to a feed. Returns the commit that is current as it begins.
    pub(super) fn begin(&self, feed: Arc<Feed>) -> Arc<Commit> {
        let mut writer = self.writer.lock();
        writer.feeds.push(feed);
        // Under the lock, so that no commit falls between the two.
        self.current.load()
    }

    /// Returns how many subscriptions there are.
    pub fn watchers(&self) -> usize {
        self.writer.lock().feeds.len()
    }

    pub(super) fn forget(&self, feed: &Arc<Feed>) {
        self.writer.lock().feeds.retain(|other| !Arc::ptr_eq(other, feed));
    }
}
