//! What the headers of an entry say that readers of archives understand in different ways.

use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use tar::{Entry, EntryType};

use crate::kind;

/// Keys of a pax header that describe a sparse file; some stand once for each piece of it.
const SPARSE: &[u8] = b"GNU.sparse.";
const SPARSE_NAME: &[u8] = b"GNU.sparse.name";

/// The pax headers of an entry, as far as a reader must look at them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The true name of a sparse file as pax headers describe it (GNU tar and libarchive write such entries): name and content
    /// of the entry are only a description.
    pub sparse: Option<Vec<u8>>,
}

/// Why an entry is refused.
#[derive(Debug)]
pub enum Ambiguous {
    /// It cannot be read.
    Read(io::Error),
    /// It is no file, and says that it has content: container runtimes (Go's archive/tar) read the next header there.
    Content,
    /// Its pax header says this key twice: container runtimes take the last one, others the first.
    Twice(String),
}

impl From<Ambiguous> for io::Error {
    fn from(ambiguous: Ambiguous) -> Self {
        let reason = match ambiguous {
            Ambiguous::Read(error) => return error,
            Ambiguous::Content => "an entry is no file, and says that it has content".to_owned(),
            Ambiguous::Twice(key) => format!("a pax header says {key} twice"),
        };
        Self::new(io::ErrorKind::InvalidData, reason)
    }
}

impl Extensions {
    /// Reads those of an entry.
    ///
    /// # Errors
    /// When readers of archives would take the entry for different things.
    pub fn of(entry: &mut Entry<'_, impl Read>) -> Result<Self, Ambiguous> {
        let is_file = matches!(
            kind(entry),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse
        );
        if !is_file && entry.size() > 0 {
            return Err(Ambiguous::Content);
        }
        let own_name = entry.path_bytes().into_owned();
        let mut found = Self::default();
        let mut keys = BTreeSet::new();
        let extensions = entry.pax_extensions().map_err(Ambiguous::Read)?;
        for extension in extensions.into_iter().flatten() {
            let extension = extension.map_err(Ambiguous::Read)?;
            let key = extension.key_bytes();
            if key.starts_with(SPARSE) {
                let name = found.sparse.get_or_insert_with(|| own_name.clone());
                if key == SPARSE_NAME {
                    *name = extension.value_bytes().to_vec();
                }
            } else if !keys.insert(key.to_vec()) {
                return Err(Ambiguous::Twice(String::from_utf8_lossy(key).into_owned()));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a file with these pax headers.
    fn read(headers: &[(&str, &[u8])]) -> Result<Extensions, Ambiguous> {
        let mut builder = tar::Builder::new(Vec::new());
        builder
            .append_pax_extensions(headers.iter().copied())
            .unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        builder
            .append_data(&mut header, "GNUSparseFile.0/app", io::empty())
            .unwrap();
        first(&builder.into_inner().unwrap())
    }

    fn first(archive: &[u8]) -> Result<Extensions, Ambiguous> {
        let mut archive = tar::Archive::new(archive);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        Extensions::of(&mut entry)
    }

    #[test]
    fn a_sparse_file_is_told_by_its_true_name() {
        let plain = read(&[("mtime", b"1.5")]).unwrap();
        assert_eq!(plain.sparse, None);
        let sparse = [
            ("GNU.sparse.major", &b"1"[..]),
            ("GNU.sparse.name", b"usr/bin/app"),
        ];
        assert_eq!(read(&sparse).unwrap().sparse.unwrap(), b"usr/bin/app");
        let unnamed = read(&[("GNU.sparse.size", b"1")]).unwrap();
        assert_eq!(unnamed.sparse.unwrap(), b"GNUSparseFile.0/app");
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let twice = read(&[("mtime", b"1"), ("mtime", b"2")]).unwrap_err();
        assert!(matches!(twice, Ambiguous::Twice(key) if key == "mtime"));
        let pieces = [
            ("GNU.sparse.offset", &b"0"[..]),
            ("GNU.sparse.offset", b"1"),
        ];
        assert!(read(&pieces).is_ok());
    }

    #[test]
    fn what_is_no_file_has_no_content() {
        for (kind, refused) in [
            (EntryType::Directory, true),
            (EntryType::Symlink, true),
            (EntryType::Fifo, true),
            (EntryType::Regular, false),
            (EntryType::Continuous, false),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_path("entry").unwrap();
            header.set_entry_type(kind);
            header.set_size(1);
            header.set_cksum();
            let archive = [&header.as_bytes()[..], &[0; 512]].concat();
            let found = first(&archive);
            assert_eq!(
                matches!(found, Err(Ambiguous::Content)),
                refused,
                "{kind:?}"
            );
        }
    }
}
