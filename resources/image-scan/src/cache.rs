//! What the last check in this container found out, so that the next need not read everything again.
//!
//! Concourse reuses the container of a check for up to an hour and keeps its temporary folder; a version cannot carry
//! the state of the database, since every change of it would then be a new version. So this is a cache and nothing
//! else: without it the check judges in full, and its outcome is the same.
//!
//! **Invariant:** an entry counts only while all that it was made from was verified again: image, database, and what
//! was asked. It lies in a folder that nobody but this user may enter; in any other it is neither read nor written.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use trireme_registry::digest_of;

use crate::{Source, Version, advisories::DatabaseVersion};

/// The longest that an entry counts: as long as Concourse keeps a container. On a laptop nobody else ends it.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);
/// An entry has some hundred bytes for each database.
const LIMIT_BYTES: u64 = 64 << 10;

/// The cache of one source.
pub(crate) struct Cache {
    folder: PathBuf,
    key: String,
}

/// An earlier outcome, and what it was made from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CacheEntry {
    /// When it was found out.
    pub judged_at: Timestamp,
    /// The outcome.
    pub version: Version,
    /// The databases that were read for it.
    pub database_versions: Vec<DatabaseVersion>,
}

impl Cache {
    /// The cache for what `source` asks; another source, or another release of this program, asks something else.
    pub(crate) fn of(source: &Source) -> Self {
        let asked = serde_json::json!([
            env!("CARGO_PKG_VERSION"),
            source.repository,
            source.platform,
            without_credentials(&source.database),
            source.policy,
        ]);
        let user = rustix::process::geteuid().as_raw();
        Self {
            folder: std::env::temp_dir().join(format!("trireme-image-scan-{user}")),
            key: digest_of(asked.to_string().as_bytes()),
        }
    }

    /// What was found out about `digest`, if that is known and not too long ago.
    pub(crate) fn get(&self, digest: &str, now: Timestamp) -> Option<CacheEntry> {
        if !is_private(&self.folder).ok()? {
            return None;
        }
        let mut bytes = Vec::new();
        let file = File::open(self.file()).ok()?;
        file.take(LIMIT_BYTES).read_to_end(&mut bytes).ok()?;
        let entry: CacheEntry = serde_json::from_slice(&bytes).ok()?;
        let age = now.duration_since(entry.judged_at);
        let is_young = (SignedDuration::ZERO..MAX_AGE).contains(&age);
        (is_young && entry.version.digest == digest).then_some(entry)
    }

    /// Stores an outcome for the next check.
    ///
    /// # Errors
    /// The folder cannot be written, or is open to others. Nothing is lost but time.
    pub(crate) fn put(&self, entry: &CacheEntry) -> io::Result<()> {
        let made = DirBuilder::new().mode(0o700).create(&self.folder);
        made.or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(error),
        })?;
        if !is_private(&self.folder)? {
            return Err(io::Error::other("the folder is open to others"));
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(entry)?)?;
        file.persist(self.file())?;
        Ok(())
    }

    fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.key))
    }
}

/// Whether this is a real folder that only this user may enter.
fn is_private(folder: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(folder)?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    Ok(found.is_dir() && is_ours && found.mode() & 0o077 == 0)
}

/// The database's address, without user name and password: with new ones it is still the same database.
fn without_credentials(database: &str) -> String {
    let Ok(mut url) = url::Url::parse(database) else {
        return database.to_owned();
    };
    // Both fail only for URLs that can hold neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path) -> Cache {
        Cache {
            folder: folder.join("cache"),
            key: "sha256:asked".to_owned(),
        }
    }

    fn entry(judged_at: &str) -> CacheEntry {
        let text = |text: &str| text.to_owned();
        CacheEntry {
            judged_at: judged_at.parse().unwrap(),
            version: Version {
                digest: text("sha256:1"),
                verdict: text("permit"),
                findings: text("sha256:2"),
                since: text(judged_at),
            },
            database_versions: Vec::new(),
        }
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn an_entry_counts_for_an_hour_and_for_its_image() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let now = at("2026-11-24T12:59:59Z");
        assert!(cache.get("sha256:1", now).is_none());
        cache.put(&entry("2026-11-24T12:00:00Z")).unwrap();
        let found = cache.get("sha256:1", now).unwrap();
        assert_eq!(found.version.verdict, "permit");
        assert!(cache.get("sha256:3", now).is_none(), "another image");
        let later = at("2026-11-24T13:00:00Z");
        assert!(cache.get("sha256:1", later).is_none(), "an hour ago");
        let before = at("2026-11-24T11:59:59Z");
        assert!(cache.get("sha256:1", before).is_none(), "from the future");
    }

    #[test]
    fn a_folder_that_others_may_enter_is_not_used() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let now = at("2026-11-24T12:00:00Z");
        cache.put(&entry("2026-11-24T12:00:00Z")).unwrap();
        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(cache.get("sha256:1", now).is_none());
        assert!(cache.put(&entry("2026-11-24T12:00:00Z")).is_err());

        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(cache.get("sha256:1", now).is_some());
        let real = dir.path().join("real");
        fs::rename(&cache.folder, &real).unwrap();
        symlink(&real, &cache.folder).unwrap();
        assert!(cache.get("sha256:1", now).is_none());
        assert!(cache.put(&entry("2026-11-24T12:00:00Z")).is_err());
    }

    #[test]
    fn what_is_no_entry_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let now = at("2026-11-24T12:00:00Z");
        cache.put(&entry("2026-11-24T12:00:00Z")).unwrap();
        let whole = fs::read(cache.file()).unwrap();
        for damaged in [&whole[..whole.len() - 1], b"", b"{}", b"[1]"] {
            fs::write(cache.file(), damaged).unwrap();
            assert!(cache.get("sha256:1", now).is_none());
        }
    }

    #[test]
    fn an_address_is_kept_without_its_credentials() {
        assert_eq!(
            without_credentials("https://me:secret@host/osv?a=1"),
            "https://host/osv?a=1"
        );
    }
}
