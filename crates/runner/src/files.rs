//! Folders of artifacts: copies of them, and paths inside them.

use rustix::fs::{CWD, FileType, Mode, mknodat};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};

/// Copies a folder with everything in it. Links stay links, and pipes pipes; what is neither file, folder, link nor pipe is refused.
///
/// # Errors
/// What could not be read or written; its path is in the message.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let mut pending = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = pending.pop() {
        fs::create_dir_all(&to).map_err(|error| at(&to, &error))?;
        for entry in fs::read_dir(&from).map_err(|error| at(&from, &error))? {
            let entry = entry?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push((source, target));
            } else {
                copy_one(&source, &target, kind).map_err(|error| at(&source, &error))?;
            }
        }
    }
    Ok(())
}

fn copy_one(source: &Path, target: &Path, kind: fs::FileType) -> io::Result<()> {
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(source)?, target)
    } else if kind.is_file() {
        // The copy is a file of its own: what a step does to it does not reach the artifact.
        fs::copy(source, target).map(|_| ())
    } else if kind.is_fifo() {
        mknodat(CWD, target, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        fs::set_permissions(target, fs::symlink_metadata(source)?.permissions())
    } else {
        Err(io::Error::other(
            "neither a file, a folder, a link nor a named pipe",
        ))
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The first segment of `ARTIFACT/path/in/it`, and the rest.
pub(crate) fn split_artifact(path: &str) -> Option<(&str, &Path)> {
    let (artifact, rest) = path.trim_start_matches("./").split_once('/')?;
    (!artifact.is_empty()).then(|| (artifact, Path::new(rest)))
}

/// A path below a folder, without `..` or a root; `None` for one that would leave it.
pub(crate) fn below(folder: &Path, path: &Path) -> Option<PathBuf> {
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    path.components().all(inside).then(|| folder.join(path))
}

/// Reads a text file of an artifact; links in it may not lead out of the artifact.
///
/// # Errors
/// A reason, with the path.
pub(crate) fn read_text(folder: &Path, path: &Path, limit: u64) -> Result<String, String> {
    let shown = path.display();
    let full = below(folder, path).ok_or_else(|| format!("{shown} leads out of its artifact"))?;
    let real = full
        .canonicalize()
        .map_err(|error| format!("{shown}: {error}"))?;
    let root = folder
        .canonicalize()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    if !real.starts_with(root) {
        return Err(format!("{shown} is a link out of its artifact"));
    }
    let found = fs::metadata(&real).map_err(|error| format!("{shown}: {error}"))?;
    // To read a named pipe would be to wait for ever.
    if !found.is_file() {
        return Err(format!("{shown} is no file"));
    }
    let size = found.len();
    if size > limit {
        return Err(format!("{shown} has {size} bytes, the limit is {limit}"));
    }
    let bytes = fs::read(&real).map_err(|error| format!("{shown}: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{shown} is not a text in UTF-8"))
}

/// A digest of a folder: of every path in it, and of what is there.
///
/// # Errors
/// What could not be read.
pub(crate) fn digest(dir: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| at(&folder, &error))? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path.clone());
            }
            paths.push(path);
        }
    }
    paths.sort();
    let mut whole = Sha256::new();
    for path in paths {
        let content = if path.is_symlink() {
            fs::read_link(&path)?.into_os_string().into_encoded_bytes()
        } else if path.is_file() {
            hash_file(&path).map_err(|error| at(&path, &error))?
        } else {
            Vec::new()
        };
        let name = path
            .strip_prefix(dir)
            .unwrap_or(&path)
            .as_os_str()
            .as_encoded_bytes();
        for part in [name, content.as_slice()] {
            whole.update((part.len() as u64).to_le_bytes());
            whole.update(part);
        }
    }
    Ok(format!("sha256:{}", hex::encode(whole.finalize())))
}

fn hash_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut hash = Sha256::new();
    let mut file = fs::File::open(path)?;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hash.finalize().to_vec());
        }
        hash.update(&chunk[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_copy_has_everything_and_is_apart() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/f"), "one").unwrap();
        std::os::unix::fs::symlink("b/f", from.join("a/link")).unwrap();
        copy_tree(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/link")).unwrap(), "one");
        fs::write(to.join("a/b/f"), "two").unwrap();
        assert_eq!(fs::read_to_string(from.join("a/b/f")).unwrap(), "one");
    }

    /// The rootfs of an image may hold them.
    #[test]
    fn a_named_pipe_is_copied_as_one_and_never_read() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir(&from).unwrap();
        let pipe = from.join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        fs::set_permissions(&pipe, fs::Permissions::from_mode(0o622)).unwrap();
        copy_tree(&from, &to).unwrap();
        let copied = fs::symlink_metadata(to.join("pipe")).unwrap();
        assert!(copied.file_type().is_fifo());
        assert_eq!(copied.permissions().mode() & 0o7777, 0o622);
        for (name, part) in [("pipe", "pipe is no file"), (".", "is no file")] {
            let message = read_text(&to, Path::new(name), 9).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let art = dir.path().join("art");
        fs::create_dir_all(&art).unwrap();
        fs::write(art.join("f"), "text").unwrap();
        fs::write(dir.path().join("outside"), "no").unwrap();
        std::os::unix::fs::symlink("../outside", art.join("link")).unwrap();
        assert_eq!(read_text(&art, Path::new("f"), 9).unwrap(), "text");
        let rows = [
            ("../outside", "leads out"),
            ("/etc/passwd", "leads out"),
            ("link", "link out"),
            ("none", "none"),
        ];
        for (path, part) in rows {
            let message = read_text(&art, Path::new(path), 9).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        assert!(
            read_text(&art, Path::new("f"), 3)
                .unwrap_err()
                .contains("limit")
        );
        assert_eq!(split_artifact("./a/b/c"), Some(("a", Path::new("b/c"))));
        assert_eq!(split_artifact("a"), None);
    }
}
