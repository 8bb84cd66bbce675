//! A folder that is the root for all paths in it, as `chroot` would make it.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

/// As many links as Linux follows in one path (`MAXSYMLINKS`).
const LINKS_LIMIT: usize = 40;

/// The folder. Nothing else writes to it, so what was looked up stays true until it is used.
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where `folder` is, every link in it followed inside of the root: an absolute target starts at the root, and
    /// `..` ends there. What does not exist yet is where it would be.
    pub fn resolve(&self, folder: &Path) -> io::Result<PathBuf> {
        let mut at: Vec<OsString> = Vec::new();
        let mut waiting: VecDeque<OsString> = folder.iter().map(OsString::from).collect();
        let mut links = 0;
        while let Some(part) = waiting.pop_front() {
            match Path::new(&part).components().next() {
                Some(Component::Normal(_)) => {}
                Some(Component::ParentDir) => {
                    at.pop();
                    continue;
                }
                Some(Component::RootDir) => {
                    at.clear();
                    continue;
                }
                _ => continue,
            }
            let here = self.join(&at).join(&part);
            let is_link = fs::symlink_metadata(&here).is_ok_and(|found| found.is_symlink());
            if !is_link {
                at.push(part);
                continue;
            }
            links += 1;
            if links > LINKS_LIMIT {
                let reason = "its links go round in a circle";
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
            for part in fs::read_link(&here)?.iter().rev() {
                waiting.push_front(part.into());
            }
        }
        Ok(self.join(&at))
    }

    fn join(&self, parts: &[OsString]) -> PathBuf {
        let mut path = self.path.clone();
        path.extend(parts);
        path
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path().join("root"));
        fs::create_dir_all(dir.path().join("root/usr/lib")).unwrap();
        for (target, name) in [
            ("/etc", "absolute"),
            ("../../../../etc", "up"),
            ("usr/lib", "lib"),
            ("lib", "twice"),
            ("loop", "loop"),
        ] {
            symlink(target, dir.path().join("root").join(name)).unwrap();
        }
        let resolve = |path: &str| {
            root.resolve(Path::new(path))
                .map(|p| p.strip_prefix(dir.path()).unwrap().to_owned())
        };
        assert_eq!(resolve("absolute/x").unwrap(), Path::new("root/etc/x"));
        assert_eq!(resolve("up/x").unwrap(), Path::new("root/etc/x"));
        assert_eq!(resolve("twice/x").unwrap(), Path::new("root/usr/lib/x"));
        assert_eq!(resolve("../../x").unwrap(), Path::new("root/x"));
        assert!(resolve("loop/x").is_err());
    }
}
