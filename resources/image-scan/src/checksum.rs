//! Checksums of local files.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    path::PathBuf,
};

use sha2::{Digest as _, Sha256};

/// How much is read at once.
const BLOCK_BYTES: usize = 64 << 10;

/// SHA-256 of a whole file, in hexadecimal digits; leaves it at its beginning.
pub(crate) fn of_file(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    file.rewind()?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => break,
            count => hash.update(&block[..count]),
        }
    }
    file.rewind()?;
    Ok(hex::encode(hash.finalize()))
}

/// One checksum of the names and the contents of these files.
pub(crate) fn of_files(paths: &[PathBuf]) -> io::Result<String> {
    let mut hash = Sha256::new();
    for path in paths {
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(of_file(&mut File::open(path)?)?);
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("a"), "abc").unwrap();
        std::fs::write(path("b"), "").unwrap();
        let mut file = File::open(path("a")).unwrap();
        let sum = of_file(&mut file).unwrap();
        assert!(sum.starts_with("ba7816bf8f01cfea"), "{sum}");
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc", "it can be read afterwards");

        let both = of_files(&[path("a"), path("b")]).unwrap();
        assert_ne!(both, of_files(&[path("a")]).unwrap());
        std::fs::write(path("b"), "x").unwrap();
        assert_ne!(both, of_files(&[path("a"), path("b")]).unwrap());
    }
}
