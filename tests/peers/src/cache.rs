//! Where the peers are.

use std::{env, path::PathBuf};

use crate::PeerError;

/// The cache folder: `$TRIREME_CACHE`, else `$XDG_CACHE_HOME/trireme`, else `~/.cache/trireme` (as `tests/peers/install`).
pub fn cache() -> PathBuf {
    let set = |name| {
        env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    set("TRIREME_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("trireme")))
        .unwrap_or_else(|| {
            set("HOME")
                .unwrap_or_else(|| PathBuf::from("/root"))
                .join(".cache/trireme")
        })
}

/// The path of an installed program.
///
/// # Errors
/// [`PeerError::Missing`] when it is not there.
pub fn program(name: &str) -> Result<PathBuf, PeerError> {
    let path = cache().join("bin").join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(PeerError::Missing {
        name: name.into(),
        path: path.display().to_string(),
    })
}
