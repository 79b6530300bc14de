//! A directory of the operating system.

use std::fs::{self, File as OsFile, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::IoFault;
use super::storage::{File, Lock, Storage};

/// A directory on disk.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// A directory that exists.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Makes the directory and those above it, and says where it really is.
    ///
    /// # Errors
    ///
    /// What the operating system refused, also when a file has that name.
    pub fn prepare(path: &Path, create: bool) -> Result<PathBuf, IoFault> {
        if create {
            fs::create_dir_all(path).map_err(|error| fault("create", path, &error))?;
        }
        let root = path.canonicalize().map_err(|error| fault("open", path, &error))?;
        fs::read_dir(&root).map_err(|error| fault("open", path, &error))?;
        if create && let Some(parent) = root.parent() {
            // A new directory lasts when its parent is synced. A parent we may not open is not ours to judge.
            sync_directory(parent).ok();
        }
        Ok(root)
    }
}

fn fault(operation: &'static str, path: &Path, error: &io::Error) -> IoFault {
    let os = error.raw_os_error().unwrap_or(0);
    IoFault { operation, path: path.display().to_string(), os }
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    OsFile::open(path)?.sync_all()
}

/// Windows has no such call; its file system keeps names in order by itself.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the signature of the other platforms")]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

impl Storage for Disk {
    fn path(&self) -> String {
        self.root.display().to_string()
    }

    fn list(&self) -> Result<Vec<String>, IoFault> {
        let entries =
            fs::read_dir(&self.root).map_err(|error| fault("list", &self.root, &error))?;
        entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()
            .map_err(|error| fault("list", &self.root, &error))
    }

    fn create(&self, name: &str) -> Result<Arc<dyn File>, IoFault> {
        let path = self.root.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|error| fault("create", &path, &error))?;
        Ok(Arc::new(DiskFile { file, path }))
    }

    fn open(&self, name: &str, write: bool) -> Result<Option<Arc<dyn File>>, IoFault> {
        let path = self.root.join(name);
        match OpenOptions::new().read(true).write(write).open(&path) {
            Ok(file) => Ok(Some(Arc::new(DiskFile { file, path }))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault("open", &path, &error)),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), IoFault> {
        let path = self.root.join(to);
        fs::rename(self.root.join(from), &path).map_err(|error| fault("rename", &path, &error))
    }

    fn remove(&self, name: &str) -> Result<(), IoFault> {
        let path = self.root.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(fault("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }

    fn sync_directory(&self) -> Result<(), IoFault> {
        sync_directory(&self.root).map_err(|error| fault("sync", &self.root, &error))
    }

    fn lock(&self, name: &str) -> Result<Option<Box<dyn Lock>>, IoFault> {
        let path = self.root.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| fault("lock", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(DiskLock { _file: file }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(fault("lock", &path, &error)),
        }
    }
}

/// The system frees the lock with the file, also when the process is killed.
#[derive(Debug)]
struct DiskLock {
    _file: OsFile,
}

impl Lock for DiskLock {}

#[derive(Debug)]
struct DiskFile {
    file: OsFile,
    path: PathBuf,
}

impl File for DiskFile {
    fn size(&self) -> Result<u64, IoFault> {
        let metadata = self.file.metadata().map_err(|error| fault("read", &self.path, &error))?;
        Ok(metadata.len())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<usize, IoFault> {
        let mut filled = 0;
        while filled < buffer.len() {
            match read_at(&self.file, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(fault("read", &self.path, &error)),
            }
        }
        Ok(filled)
    }

    fn write(&self, bytes: &[u8], offset: u64) -> Result<(), IoFault> {
        write_all_at(&self.file, bytes, offset).map_err(|error| fault("write", &self.path, &error))
    }

    fn sync(&self) -> Result<(), IoFault> {
        self.file.sync_data().map_err(|error| fault("sync", &self.path, &error))
    }

    fn truncate(&self, size: u64) -> Result<(), IoFault> {
        self.file.set_len(size).map_err(|error| fault("truncate", &self.path, &error))
    }

    #[cfg(unix)]
    fn is_linked(&self) -> Result<bool, IoFault> {
        use std::os::unix::fs::MetadataExt;
        let metadata = self.file.metadata().map_err(|error| fault("write", &self.path, &error))?;
        Ok(metadata.nlink() > 0)
    }

    /// Windows does not remove a file that is open.
    #[cfg(not(unix))]
    fn is_linked(&self) -> Result<bool, IoFault> {
        Ok(true)
    }
}

#[cfg(unix)]
fn read_at(file: &OsFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_all_at(file: &OsFile, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &OsFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(windows)]
fn write_all_at(file: &OsFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if count == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        bytes = &bytes[count..];
        offset += count as u64;
    }
    Ok(())
}
