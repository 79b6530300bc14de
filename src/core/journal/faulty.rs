//! A directory in memory. At a crash it forgets unsynced bytes, in pieces of 512 bytes. It fails on request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::IoFault;
use super::segment::LOCK;
use super::storage::{File, Identity, Lock, Storage};
use crate::core::random::Random;

const SECTOR: usize = 512;
pub(super) const EIO: i32 = 5;
pub(super) const ENOSPC: i32 = 28;

#[derive(Debug, Default, Clone)]
struct Contents {
    /// The bytes that a reader sees.
    now: Vec<u8>,
    /// The bytes that a power cut leaves.
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
enum Rename {
    Put(String, usize),
    Move(String, String),
    Remove(String),
}

#[derive(Debug, Default)]
struct Inner {
    files: Vec<Contents>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending: Vec<Rename>,
    /// Operations until one fails, and how.
    fuse: Option<(u32, i32)>,
    /// Set when everything fails after that, as after a power cut.
    fatal: bool,
    dead: bool,
    locked: bool,
    operations: u32,
}

/// A directory. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Faulty(Arc<Mutex<Inner>>);

fn apply(names: &mut BTreeMap<String, usize>, change: &Rename) {
    match change {
        Rename::Put(name, file) => {
            names.insert(name.clone(), *file);
        }
        Rename::Move(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Rename::Remove(name) => {
            names.remove(name);
        }
    }
}

impl Inner {
    /// Counts an operation; the one at which the fuse ends fails.
    fn check(&mut self, operation: &'static str) -> Result<(), IoFault> {
        let failed = |os| Err(IoFault { operation, path: "memory".into(), os });
        self.operations += 1;
        if self.dead {
            return failed(EIO);
        }
        match &mut self.fuse {
            Some((0, os)) => {
                let os = *os;
                self.fuse = None;
                self.dead = self.fatal;
                failed(os)
            }
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change(&mut self, change: Rename) {
        apply(&mut self.names, &change);
        self.pending.push(change);
    }
}

impl Faulty {
    /// Makes the operation after so many more fail; with `fatal`, all after it too.
    pub(super) fn fail_after(&self, operations: u32, os: i32, fatal: bool) {
        let mut inner = self.0.lock();
        inner.fuse = Some((operations, os));
        inner.fatal = fatal;
    }

    /// Ends all failures.
    pub(super) fn disarm(&self) {
        self.0.lock().fuse = None;
    }

    /// Simulates a power cut.
    pub(super) fn crash(&self, random: &mut Random) {
        let mut inner = self.0.lock();
        let mut names = std::mem::take(&mut inner.durable_names);
        for change in std::mem::take(&mut inner.pending) {
            if random.below(2) == 0 {
                apply(&mut names, &change);
            }
        }
        for file in &mut inner.files {
            let Contents { now, durable, dirty } = file;
            let (short, long) = (durable.len().min(now.len()), durable.len().max(now.len()));
            let spread = (long - short) as u64 + 1;
            let mut after = vec![0; short + usize::try_from(random.below(spread)).unwrap()];
            for (sector, piece) in after.chunks_mut(SECTOR).enumerate() {
                let kept = !dirty.contains(&sector) || random.below(2) == 0;
                let source = if kept && dirty.contains(&sector) { &*now } else { &*durable };
                let from = source.get(sector * SECTOR..).unwrap_or_default();
                let length = piece.len().min(from.len());
                piece[..length].copy_from_slice(&from[..length]);
            }
            now.clone_from(&after);
            *durable = after;
            dirty.clear();
        }
        inner.names.clone_from(&names);
        inner.durable_names = names;
        inner.locked = false;
        inner.dead = false;
        inner.fuse = None;
    }

    /// Simulates the end of the process; the system stays.
    pub(super) fn kill(&self) {
        let mut inner = self.0.lock();
        inner.locked = false;
        inner.dead = false;
        inner.fuse = None;
    }

    pub(super) fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let inner = self.0.lock();
        inner.names.get(name).map(|&file| inner.files[file].now.clone())
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        let mut inner = self.0.lock();
        let file = inner.files.len();
        let (now, durable) = (bytes.to_vec(), bytes.to_vec());
        inner.files.push(Contents { now, durable, dirty: BTreeSet::new() });
        inner.names.insert(name.into(), file);
        inner.durable_names.insert(name.into(), file);
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.lock().names.keys().cloned().collect()
    }
}

impl Storage for Faulty {
    fn path(&self) -> String {
        "memory".into()
    }

    fn list(&self) -> Result<Vec<String>, IoFault> {
        let mut inner = self.0.lock();
        inner.check("list")?;
        Ok(inner.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> Result<Arc<dyn File>, IoFault> {
        let mut inner = self.0.lock();
        inner.check("create")?;
        let file = inner.files.len();
        inner.files.push(Contents::default());
        inner.change(Rename::Put(name.into(), file));
        drop(inner);
        Ok(Arc::new(Handle { directory: self.clone(), file }))
    }

    fn open(&self, name: &str, _: bool) -> Result<Option<Arc<dyn File>>, IoFault> {
        let mut inner = self.0.lock();
        inner.check("open")?;
        Ok(inner.names.get(name).map(|&file| {
            let file: Arc<dyn File> = Arc::new(Handle { directory: self.clone(), file });
            file
        }))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), IoFault> {
        let mut inner = self.0.lock();
        inner.check("rename")?;
        inner.change(Rename::Move(from.into(), to.into()));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), IoFault> {
        let mut inner = self.0.lock();
        inner.check("remove")?;
        inner.change(Rename::Remove(name.into()));
        Ok(())
    }

    fn sync_directory(&self) -> Result<(), IoFault> {
        let mut inner = self.0.lock();
        inner.check("sync")?;
        inner.pending.clear();
        inner.durable_names = inner.names.clone();
        Ok(())
    }

    fn identity(&self, name: &str) -> Result<Option<Identity>, IoFault> {
        let inner = self.0.lock();
        if name == LOCK {
            return Ok(inner.locked.then_some(LOCKED));
        }
        Ok(inner.names.get(name).map(|&file| (0, file as u64)))
    }

    fn lock(&self, _: &str) -> Result<Option<Box<dyn Lock>>, IoFault> {
        let mut inner = self.0.lock();
        inner.check("lock")?;
        if inner.locked {
            return Ok(None);
        }
        inner.locked = true;
        Ok(Some(Box::new(Held(self.clone()))))
    }
}

/// The lock has a name as long as it is held, and is no file.
const LOCKED: Identity = (0, u64::MAX);

#[derive(Debug)]
struct Held(Faulty);

impl Lock for Held {
    fn identity(&self) -> Identity {
        LOCKED
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().locked = false;
    }
}

#[derive(Debug)]
struct Handle {
    directory: Faulty,
    file: usize,
}

impl File for Handle {
    fn size(&self) -> Result<u64, IoFault> {
        Ok(self.directory.0.lock().files[self.file].now.len() as u64)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<usize, IoFault> {
        let mut inner = self.directory.0.lock();
        inner.check("read")?;
        let now = &inner.files[self.file].now;
        let from = now.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let length = buffer.len().min(from.len());
        buffer[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }

    fn write(&self, bytes: &[u8], offset: u64) -> Result<(), IoFault> {
        let mut inner = self.directory.0.lock();
        let result = inner.check("write");
        // A write that fails has written something all the same.
        let bytes = if result.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let offset = usize::try_from(offset).unwrap();
        let file = &mut inner.files[self.file];
        let end = offset + bytes.len();
        if file.now.len() < end {
            file.now.resize(end, 0);
        }
        file.now[offset..end].copy_from_slice(bytes);
        file.dirty.extend(offset / SECTOR..end.div_ceil(SECTOR));
        result
    }

    fn sync(&self) -> Result<(), IoFault> {
        let mut inner = self.directory.0.lock();
        let result = inner.check("sync");
        let file = &mut inner.files[self.file];
        if result.is_ok() {
            // Pages that a failed sync dropped are clean: another sync does not bring them to the disk.
            file.durable.resize(file.now.len(), 0);
            for sector in std::mem::take(&mut file.dirty) {
                let end = (sector * SECTOR + SECTOR).min(file.now.len());
                let start = (sector * SECTOR).min(end);
                file.durable[start..end].copy_from_slice(&file.now[start..end]);
            }
        } else {
            file.dirty.clear();
        }
        result
    }

    fn truncate(&self, size: u64) -> Result<(), IoFault> {
        let mut inner = self.directory.0.lock();
        inner.check("truncate")?;
        let file = &mut inner.files[self.file];
        file.now.truncate(usize::try_from(size).unwrap());
        Ok(())
    }
}
