//! The file system of a journal: one flat directory, and files that are read and written at offsets.
//!
//! Durability is explicit: bytes survive a power cut after [`File::sync`], names after [`Storage::sync_directory`].
//! The disk is one implementation; the tests have another, which forgets bytes that were not synced.

use std::fmt::Debug;
use std::sync::Arc;

use super::error::IoFault;

/// A directory.
pub trait Storage: Send + Sync + Debug {
    /// Returns the directory, for messages.
    fn path(&self) -> String;
    /// Names of the files in it, in any order.
    ///
    /// # Errors
    ///
    /// As all methods here: what the operating system refused.
    fn list(&self) -> Result<Vec<String>, IoFault>;
    /// Makes an empty file, or empties one.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    fn create(&self, name: &str) -> Result<Arc<dyn File>, IoFault>;
    /// Opens a file to read it, and with `write` to write it too. Returns `None` when there is none.
    ///
    /// # Errors
    ///
    /// An error of the operating system.
    fn open(&self, name: &str, write: bool) -> Result<Option<Arc<dyn File>>, IoFault>;
    /// Gives a file another name at once, over one that has it.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    fn rename(&self, from: &str, to: &str) -> Result<(), IoFault>;
    /// Removes a file; one that is gone already is no error.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    fn remove(&self, name: &str) -> Result<(), IoFault>;
    /// Makes names last.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    fn sync_directory(&self) -> Result<(), IoFault>;
    /// Returns the file that has this name where the journal's path leads now; `None` when there is none.
    ///
    /// # Errors
    ///
    /// An error of the operating system.
    fn identity(&self, name: &str) -> Result<Option<Identity>, IoFault>;
    /// Gives a file a second name in another directory, as long as both are on one file system that can do so. Returns
    /// false when there is no such file, or no such way.
    ///
    /// # Errors
    ///
    /// What the operating system refused.
    fn link(&self, name: &str, target: &dyn Storage) -> Result<bool, IoFault> {
        let _ = (name, target);
        Ok(false)
    }
    /// Takes the writer's lock until the result is dropped. Returns `None` when another has it.
    ///
    /// # Errors
    ///
    /// An error of the operating system.
    fn lock(&self, name: &str) -> Result<Option<Box<dyn Lock>>, IoFault>;
}

/// Tells files apart: device and number. Where the system has no such numbers, all are the same.
pub type Identity = (u64, u64);

/// Gives the lock back when it is dropped.
pub trait Lock: Send + Sync + Debug {
    /// Returns the file that is locked.
    fn identity(&self) -> Identity;
}

/// A file.
pub trait File: Send + Sync + Debug {
    /// Returns the number of bytes in it.
    ///
    /// # Errors
    ///
    /// As all methods here: what the operating system refused.
    fn size(&self) -> Result<u64, IoFault>;
    /// Reads up to `buffer.len()` bytes; fewer only at the end.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<usize, IoFault>;
    /// Writes all bytes.
    ///
    /// # Errors
    ///
    /// The error of the operating system; any part may have been written.
    fn write(&self, bytes: &[u8], offset: u64) -> Result<(), IoFault>;
    /// Makes the bytes last.
    ///
    /// # Errors
    ///
    /// The error of the operating system. Bytes written since the last sync are then in doubt for ever.
    fn sync(&self) -> Result<(), IoFault>;
    /// Cuts the file.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    fn truncate(&self, size: u64) -> Result<(), IoFault>;
}
