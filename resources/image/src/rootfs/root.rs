//! A folder that is the root for all paths in it, as `chroot` would make it.

use std::{
    collections::{HashMap, VecDeque},
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

/// As many links as Linux follows in one path (`MAXSYMLINKS`).
const LINKS_LIMIT: usize = 40;

/// How many folders are remembered. Entries follow their siblings, so that more of them help little.
const KNOWN_LIMIT: usize = 10_000;

/// The folder. Nothing else writes to it, so what was looked up stays true until it is used.
pub(crate) struct Root {
    path: PathBuf,
    /// Where the folders are that exist, by the path that led there.
    known: HashMap<PathBuf, PathBuf>,
}

impl Root {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            known: HashMap::new(),
        }
    }

    /// Where `folder` is, made if it does not exist.
    pub fn make(&mut self, folder: &Path) -> io::Result<PathBuf> {
        if let Some(known) = self.known.get(folder) {
            return Ok(known.clone());
        }
        let path = self.follow(folder)?;
        fs::create_dir_all(&path)?;
        if self.known.len() >= KNOWN_LIMIT {
            self.known.clear();
        }
        self.known.insert(folder.to_owned(), path.clone());
        Ok(path)
    }

    /// Where `folder` is; what does not exist is where it would be.
    pub fn resolve(&self, folder: &Path) -> io::Result<PathBuf> {
        match self.known.get(folder) {
            Some(known) => Ok(known.clone()),
            None => self.follow(folder),
        }
    }

    /// To be called when a folder or a link goes: what was known of the ways through it is over. A new link changes
    /// nothing, since no way led through what was not there.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Follows every link inside of the root: an absolute target starts at the root, and `..` ends there.
    fn follow(&self, folder: &Path) -> io::Result<PathBuf> {
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

    #[test]
    fn a_way_that_is_another_one_now_is_looked_up_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut root = Root::new(dir.path().into());
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        symlink("a", dir.path().join("link")).unwrap();
        assert_eq!(root.make(Path::new("link/x")).unwrap(), a.join("x"));
        assert!(a.join("x").is_dir());
        fs::remove_file(dir.path().join("link")).unwrap();
        symlink("b", dir.path().join("link")).unwrap();
        root.forget();
        assert_eq!(root.resolve(Path::new("link/x")).unwrap(), b.join("x"));
        assert_eq!(root.make(Path::new("link/x")).unwrap(), b.join("x"));
    }
}
