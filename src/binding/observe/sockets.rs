//! Listeners: TCP, and a unix socket that only its owner can open.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// The reason why a listener cannot be opened.
#[derive(Debug)]
pub(super) enum ListenFault {
    /// A living process listens there.
    #[cfg(unix)]
    Living,
    /// A file that is no socket stands there.
    #[cfg(unix)]
    NoSocket,
    /// The platform has no unix sockets.
    #[cfg(not(unix))]
    Unsupported,
    /// The system refused.
    Refused(io::Error),
}

impl From<io::Error> for ListenFault {
    fn from(error: io::Error) -> Self {
        Self::Refused(error)
    }
}

impl ListenFault {
    /// Returns a word for TypeScript, and the text of the system.
    pub(super) fn words(&self) -> (&'static str, String) {
        match self {
            #[cfg(unix)]
            Self::Living => ("living", String::new()),
            #[cfg(unix)]
            Self::NoSocket => ("no-socket", String::new()),
            #[cfg(not(unix))]
            Self::Unsupported => ("unsupported", String::new()),
            Self::Refused(error) if error.kind() == io::ErrorKind::AddrInUse => {
                ("in-use", error.to_string())
            }
            Self::Refused(error) => ("refused", error.to_string()),
        }
    }
}

/// Opens a TCP listener. Returns it with its port.
pub(super) fn listen_tcp(address: SocketAddr) -> Result<(mio::net::TcpListener, u16), ListenFault> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    Ok((mio::net::TcpListener::from_std(listener), port))
}

#[cfg(unix)]
pub(super) use unix::{SocketFile, listen_unix};

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};

    use super::ListenFault;

    /// The file of a socket. It is removed with this value, unless another stands in its place by then.
    #[derive(Debug)]
    pub(crate) struct SocketFile {
        path: PathBuf,
        identity: (u64, u64),
    }

    impl Drop for SocketFile {
        fn drop(&mut self) {
            if identity(&self.path).is_ok_and(|found| found == self.identity) {
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        let found = fs::symlink_metadata(path)?;
        Ok((found.dev(), found.ino()))
    }

    /// Opens a socket with mode 0600. Replaces that of a process that has ended.
    pub(crate) fn listen_unix(
        path: &Path,
    ) -> Result<(mio::net::UnixListener, SocketFile), ListenFault> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(ListenFault::NoSocket),
            Ok(_) if UnixStream::connect(path).is_ok() => return Err(ListenFault::Living),
            Ok(_) | Err(_) => {}
        }
        // Nobody sees it under its own name before it has its mode; the renaming replaces a dead one.
        let mut waiting = path.as_os_str().to_owned();
        waiting.push(format!(".{}", std::process::id()));
        let waiting = PathBuf::from(waiting);
        let _ = fs::remove_file(&waiting);
        let listener = UnixListener::bind(&waiting)?;
        let prepared = prepare(&listener, &waiting, path);
        if prepared.is_err() {
            let _ = fs::remove_file(&waiting);
        }
        let identity = prepared?;
        let file = SocketFile { path: path.to_owned(), identity };
        Ok((mio::net::UnixListener::from_std(listener), file))
    }

    fn prepare(listener: &UnixListener, waiting: &Path, path: &Path) -> io::Result<(u64, u64)> {
        listener.set_nonblocking(true)?;
        fs::set_permissions(waiting, fs::Permissions::from_mode(0o600))?;
        fs::rename(waiting, path)?;
        identity(path)
    }
}
