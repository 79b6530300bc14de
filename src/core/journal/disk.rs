//! A directory of the operating system.

use std::fs::{self, File as OsFile, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::IoFault;
use super::storage::{File, Identity, Lock, Storage};

/// A directory on disk.
#[derive(Debug)]
pub struct Disk {
    /// The directory.
    root: PathBuf,
    /// The path by which it was opened, which may lead elsewhere later.
    opened_path: PathBuf,
    mode: u32,
    /// Held open, so that no other directory gets its number.
    #[cfg(unix)]
    directory: OsFile,
}

/// Tells directories apart, however their paths are spelled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryId {
    /// Device and number.
    Numbered(Identity),
    /// The real path, where the system has no such numbers.
    At(PathBuf),
}

impl Disk {
    /// Opens a directory. `create` makes it when it is missing, and those above it. Files get this mode.
    ///
    /// # Errors
    ///
    /// The error of the operating system, also when a file has that name.
    pub fn open(path: &Path, create: bool, mode: u32) -> Result<Self, IoFault> {
        // From the root, so that a change of the working directory leads nowhere else.
        let opened_path = std::path::absolute(path).map_err(|error| fault("open", path, &error))?;
        if create {
            make(&opened_path, mode).map_err(|error| fault("create", path, &error))?;
        }
        let root = opened_path.canonicalize().map_err(|error| fault("open", path, &error))?;
        fs::read_dir(&root).map_err(|error| fault("open", path, &error))?;
        if create && let Some(parent) = root.parent() {
            // A new directory lasts when its parent is synced. A parent we may not open is not ours to judge.
            OsFile::open(parent).and_then(|parent| sync_directory(&parent)).ok();
        }
        #[cfg(unix)]
        let directory = OsFile::open(&root).map_err(|error| fault("open", path, &error))?;
        Ok(Self {
            root,
            opened_path,
            mode,
            #[cfg(unix)]
            directory,
        })
    }

    /// Returns the identity of the directory.
    ///
    /// # Errors
    ///
    /// An error of the operating system.
    #[cfg(unix)]
    pub fn place(&self) -> Result<DirectoryId, IoFault> {
        let metadata =
            self.directory.metadata().map_err(|error| fault("open", &self.root, &error))?;
        Ok(DirectoryId::Numbered(number(&metadata)))
    }

    /// Returns the identity of the directory.
    ///
    /// # Errors
    ///
    /// None here.
    #[cfg(not(unix))]
    pub fn place(&self) -> Result<DirectoryId, IoFault> {
        Ok(DirectoryId::At(self.root.clone()))
    }

    fn new_file(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.mode);
        options
    }
}

/// Makes a directory and those above it. Who may read the files may look into them.
fn make(path: &Path, mode: u32) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode | (mode & 0o444) >> 2);
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(path)
}

#[cfg(unix)]
fn number(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Windows does not rename or remove files that are open.
#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> Identity {
    (0, 0)
}

fn fault(operation: &'static str, path: &Path, error: &io::Error) -> IoFault {
    let os = error.raw_os_error().unwrap_or(0);
    IoFault { operation, path: path.display().to_string(), os }
}

#[cfg(unix)]
fn sync_directory(directory: &OsFile) -> io::Result<()> {
    directory.sync_all()
}

/// Windows has no such call; its file system keeps names in order by itself.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the signature of the other platforms")]
fn sync_directory(_: &OsFile) -> io::Result<()> {
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
        let file = self
            .new_file()
            .read(true)
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

    fn link(&self, name: &str, target: &dyn Storage) -> Result<bool, IoFault> {
        let linked = fs::hard_link(self.root.join(name), Path::new(&target.path()).join(name));
        // Each system has its own errors for what it cannot link; a copy takes its place.
        Ok(linked.is_ok())
    }

    fn sync_directory(&self) -> Result<(), IoFault> {
        #[cfg(unix)]
        sync_directory(&self.directory).map_err(|error| fault("sync", &self.root, &error))?;
        Ok(())
    }

    fn identity(&self, name: &str) -> Result<Option<Identity>, IoFault> {
        let path = self.opened_path.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(Some(number(&metadata))),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(fault("look", &path, &error)),
        }
    }

    fn lock(&self, name: &str) -> Result<Option<Box<dyn Lock>>, IoFault> {
        let path = self.root.join(name);
        let failed = |error: io::Error| fault("lock", &path, &error);
        let file = self.new_file().truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let identity = number(&file.metadata().map_err(failed)?);
                Ok(Some(Box::new(DiskLock { _file: file, identity })))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// The system frees the lock with the file, also when the process is killed.
#[derive(Debug)]
struct DiskLock {
    _file: OsFile,
    identity: Identity,
}

impl Lock for DiskLock {
    fn identity(&self) -> Identity {
        self.identity
    }
}

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
