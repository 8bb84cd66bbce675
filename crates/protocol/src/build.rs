//! What a `put` finds in its build: the files that its params name.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use tokio::{fs::File, io::AsyncReadExt as _};

use crate::Fault;

/// A digest has 71 bytes, the name of a repository at most 255 beside that of its registry.
const LINE_LIMIT_BYTES: u64 = 1024;

/// Where `path`, the value of `params.PARAM`, lies in the build.
///
/// # Errors
/// A configuration fault for a path that is absolute, leads upwards or is empty.
pub fn path(dir: &Path, param: &str, path: &str) -> Result<PathBuf, Fault> {
    let parts = Path::new(path).components();
    // `./` says nothing: the folder of a build is where a step starts.
    let parts: Vec<Component<'_>> = parts.filter(|part| *part != Component::CurDir).collect();
    let is_inside = parts
        .iter()
        .all(|part| matches!(part, Component::Normal(_)));
    if parts.is_empty() || !is_inside {
        return Err(Fault::config(format!(
            "params.{param}: {path:?} is not a path of this build: expected ARTIFACT/PATH"
        )));
    }
    Ok(dir.join(parts.iter().collect::<PathBuf>()))
}

/// The small text file that `params.PARAM` names.
///
/// # Errors
/// A configuration fault for a path that leads out of the build, an operational one for a file that is not there, and
/// one about data for a file that is no text or has more than `limit_bytes`.
pub async fn read(dir: &Path, param: &str, file: &str, limit_bytes: u64) -> Result<String, Fault> {
    let text = read_if_there(dir, param, file, limit_bytes).await?;
    text.ok_or_else(|| missing(param, file))
}

/// The file or folder that `params.PARAM` names is not there.
pub fn missing(param: &str, file: &str) -> Fault {
    Fault::operational(format!(
        "params.{param}: there is no {file}; is it an input of this step?"
    ))
}

/// As [`read`], and `None` for a file that is not there.
///
/// # Errors
/// As [`read`].
pub async fn read_if_there(
    dir: &Path,
    param: &str,
    file: &str,
    limit_bytes: u64,
) -> Result<Option<String>, Fault> {
    let read = read_start(&path(dir, param, file)?, limit_bytes + 1).await;
    let bytes = match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| {
            Fault::operational(format!("params.{param}: {file} could not be read"))
                .with_source(error)
        })?,
    };
    if bytes.len() as u64 > limit_bytes {
        let message = format!("params.{param}: {file} has more than {limit_bytes} bytes");
        return Err(Fault::data(message));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Fault::data(format!("params.{param}: {file} is not text")).with_source(error)
    })?;
    Ok(Some(text))
}

/// The only line of a file, e.g. `version` of a release, without the white space around it.
///
/// # Errors
/// As [`read`].
pub async fn read_line(dir: &Path, param: &str, file: &str) -> Result<String, Fault> {
    let text = read(dir, param, file, LINE_LIMIT_BYTES).await?;
    Ok(text.trim().to_owned())
}

/// The text of the file `digest` in an artifact that an `image` resource wrote.
///
/// # Errors
/// As [`read`].
pub async fn read_digest(dir: &Path, param: &str, artifact: &str) -> Result<String, Fault> {
    read_line(dir, param, &format!("{artifact}/digest")).await
}

async fn read_start(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    // To open a pipe would wait for who writes to it.
    if !tokio::fs::metadata(path).await?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).await?;
    file.take(limit_bytes).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    #[test]
    fn a_path_stays_in_the_build() {
        let dir = Path::new("/build");
        for inside in ["a/b", "./a/b", "././a/./b", "a//b/"] {
            assert_eq!(
                path(dir, "image", inside).unwrap(),
                dir.join("a/b"),
                "{inside}"
            );
        }
        for outside in ["", ".", "./", "/etc/passwd", "../a", "./../a", "a/../../b"] {
            let refused = path(dir, "image", outside).unwrap_err();
            assert_eq!(refused.exit(), Exit::Config, "{outside}");
        }
    }

    #[tokio::test]
    async fn a_file_is_read_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("four"), "1.2\n").unwrap();
        std::fs::write(dir.path().join("latin"), [0xe4]).unwrap();
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(dir.path().join("pipe"))
            .status();
        assert!(pipe.unwrap().success());
        let read = |file, limit| read(dir.path(), "tag_file", file, limit);
        assert_eq!(read("four", 4).await.unwrap(), "1.2\n");
        for (file, limit, exit, says) in [
            ("four", 3, Exit::Data, "more than 3 bytes"),
            ("latin", 4, Exit::Data, "not text"),
            ("none", 4, Exit::Operational, "an input of this step"),
            ("folder", 4, Exit::Operational, "could not be read"),
            ("pipe", 4, Exit::Operational, "could not be read"),
            ("../four", 4, Exit::Config, "not a path of this build"),
        ] {
            let refused = read(file, limit).await.unwrap_err();
            assert_eq!(refused.exit(), exit, "{file}");
            let words = refused.to_string();
            assert!(words.contains("params.tag_file"), "{words}");
            assert!(words.contains(says), "{words}");
        }
    }

    #[tokio::test]
    async fn a_digest_is_that_of_an_artifact() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("app")).unwrap();
        std::fs::write(dir.path().join("app/digest"), "sha256:1\n").unwrap();
        let digest = read_digest(dir.path(), "image", "app").await.unwrap();
        assert_eq!(digest, "sha256:1");
        let nowhere = read_digest(dir.path(), "image", "").await.unwrap_err();
        assert_eq!(nowhere.exit(), Exit::Config);
    }
}
