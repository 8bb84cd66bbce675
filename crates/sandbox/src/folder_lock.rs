//! One sandbox at a time serves a world.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::SandboxError;

/// A process that was killed, or is just being started, has our files open for a moment longer.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// The lock on the folder of a world. It ends with the process, also when that is killed.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder of a world when needed, and takes it.
    ///
    /// # Errors
    /// [`SandboxError::Busy`] when another sandbox has it; the folder cannot be used, or its file system has no locks.
    pub(crate) async fn take(folder: &Path) -> Result<Self, SandboxError> {
        // It contains a password and tokens.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(SandboxError::file("create", folder))?;
        let path = folder.join("sandbox.lock");
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options
            .open(&path)
            .map_err(SandboxError::file("open", &path))?;
        if !lock(&file)
            .await
            .map_err(SandboxError::file("lock", &path))?
        {
            let process = fs::read_to_string(&path).unwrap_or_default();
            return Err(SandboxError::Busy {
                folder: folder.to_owned(),
                process: process.trim().to_owned(),
            });
        }
        note(&mut file).map_err(SandboxError::file("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// Whether it was had in time.
async fn lock(file: &File) -> io::Result<bool> {
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Ok(false),
            Err(TryLockError::WouldBlock) => sleep(PAUSE).await,
        }
    }
}

/// Writes the id of this process, for the message of a second sandbox.
fn note(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}
