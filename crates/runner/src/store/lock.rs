//! One run at a time in a state folder.

use crate::error::RunnerError;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A process that is just being started holds our files open for a moment, the lock among them.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// A state folder that is this process's own while this, or a clone of it, is there; it ends with the process, also with
/// one that is killed.
#[derive(Debug, Clone)]
pub struct StateLock {
    dir: PathBuf,
    _file: Arc<File>,
}

impl StateLock {
    /// Makes the state folder when needed, and locks it.
    ///
    /// # Errors
    /// [`RunnerError::Busy`] when another run holds it; it cannot be read or written, or its file system has no locks.
    pub fn take(dir: &Path) -> Result<Self, RunnerError> {
        fs::create_dir_all(dir).map_err(RunnerError::io("create", dir))?;
        let path = dir.join("runner.lock");
        let file = File::create(&path).map_err(RunnerError::io("create", &path))?;
        if !lock_within(&file, LOCK_WAIT).map_err(RunnerError::io("lock", &path))? {
            return Err(RunnerError::Busy {
                path: dir.to_owned(),
            });
        }
        Ok(Self {
            dir: dir.canonicalize().map_err(RunnerError::io("read", dir))?,
            _file: Arc::new(file),
        })
    }

    /// The folder, absolute.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Whether the lock was had in time.
///
/// # Errors
/// The file system has no locks.
fn lock_within(file: &File, limit: Duration) -> std::io::Result<bool> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if started.elapsed() > limit => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
