//! The file system of an image, layer over layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use trireme_layer::Mark;

use super::file_class::{self, UncataloguedFile, UncataloguedKind};
use crate::program::BuildData;

/// What stays in memory of one file.
#[derive(Clone, Debug)]
pub(super) enum Retained {
    Content(Vec<u8>),
    Uncatalogued(UncataloguedKind),
    Program(BuildData),
    Nothing,
}

impl Retained {
    /// The memory that its content takes.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Content(bytes) => bytes.len() as u64,
            Self::Program(data) => data.bytes(),
            Self::Uncatalogued(_) | Self::Nothing => 0,
        }
    }
}

/// The files that concern packages, as the last layer leaves them.
#[derive(Debug, Default)]
pub struct Files {
    retained: BTreeMap<String, Retained>,
}

impl Files {
    /// The content of a file that a cataloguer reads.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        match self.retained.get(path) {
            Some(Retained::Content(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The files of a folder (`path` ends with `/`) that cataloguers read.
    pub fn folder<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let inside = self
            .retained
            .range(path.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(path));
        inside.filter_map(|(name, retained)| match retained {
            Retained::Content(bytes) => Some((name.as_str(), bytes.as_slice())),
            _ => None,
        })
    }

    /// Every program and library, with what it says of what it was built from.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &BuildData)> {
        self.retained
            .iter()
            .filter_map(|(path, retained)| match retained {
                Retained::Program(data) => Some((path.as_str(), data)),
                _ => None,
            })
    }

    /// Everything that may carry packages and is not read.
    pub fn uncatalogued(&self) -> impl Iterator<Item = UncataloguedFile> {
        self.retained
            .iter()
            .filter_map(|(path, retained)| match retained {
                Retained::Uncatalogued(kind) => Some(UncataloguedFile {
                    path: path.clone(),
                    kind: *kind,
                }),
                _ => None,
            })
    }

    pub(super) fn retained_bytes(&self) -> u64 {
        self.retained
            .iter()
            .map(|(path, retained)| path.len() as u64 + retained.bytes())
            .sum()
    }

    /// Puts a layer on top: its whiteouts take away what is below, then its own files come.
    pub(super) fn stack(&mut self, layer: Layer) {
        for folder in &layer.opaque {
            self.remove_below(folder);
        }
        for path in layer.removed.iter().chain(&layer.replaced) {
            self.retained.remove(path);
            self.remove_below(path);
        }
        for path in &layer.folders {
            self.retained.remove(path);
        }
        self.retained.extend(
            layer
                .files
                .into_iter()
                .filter(|(_, retained)| !matches!(retained, Retained::Nothing)),
        );
    }

    fn remove_below(&mut self, folder: &str) {
        if folder.is_empty() {
            self.retained.clear();
            return;
        }
        let inside = format!("{folder}/");
        let names = self.retained.range(inside.clone()..).map(|(name, _)| name);
        let gone: Vec<String> = names
            .take_while(|name| name.starts_with(&inside))
            .cloned()
            .collect();
        for name in gone {
            self.retained.remove(&name);
        }
    }
}

/// One layer: what it adds, and what it takes from the layers below.
#[derive(Debug, Default)]
pub(super) struct Layer {
    files: BTreeMap<String, Retained>,
    /// Paths at which the layer has something other than a folder: whatever was there is gone.
    replaced: BTreeSet<String>,
    folders: BTreeSet<String>,
    /// Whiteouts (`.wh.NAME`).
    removed: Vec<String>,
    /// Folders of which nothing of the layers below shines through (`.wh..wh..opq`).
    opaque: Vec<String>,
}

impl Layer {
    /// Each of these gives the memory that the content takes which it keeps.
    pub(super) fn directory(&mut self, path: String) -> u64 {
        self.files.remove(&path);
        self.folders.insert(path);
        0
    }

    pub(super) fn symlink(&mut self, path: String) -> u64 {
        let hides = file_class::hides_database(&path);
        let retained = if hides {
            Retained::Uncatalogued(UncataloguedKind::LinkedDatabase)
        } else {
            Retained::Nothing
        };
        self.put(path, retained)
    }

    /// A second name of a file of this layer or of one below.
    pub(super) fn hard_link(&mut self, path: String, target: &str, below: &Files) -> u64 {
        let content = match self
            .files
            .get(target)
            .or_else(|| below.retained.get(target))
        {
            Some(Retained::Content(_)) if !file_class::is_package_data(&path) => Retained::Nothing,
            Some(
                retained
                @ (Retained::Content(_) | Retained::Uncatalogued(_) | Retained::Program(_)),
            ) => retained.clone(),
            // The first name was of no interest, so nothing of it was kept.
            _ if file_class::holds_packages(&path) => {
                Retained::Uncatalogued(UncataloguedKind::LinkedDatabase)
            }
            _ => Retained::Nothing,
        };
        self.put(path, content)
    }

    /// # Errors
    /// A mark that hides its own folder or what is above it.
    pub(super) fn file(&mut self, path: String, retained: Retained) -> io::Result<u64> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        match Mark::of(name.as_bytes()) {
            None => return Ok(self.put(path, retained)),
            Some(Mark::HidesAll) => self.opaque.push(folder.to_owned()),
            Some(Mark::Hides(hidden)) => {
                let hidden = String::from_utf8_lossy(hidden);
                let gone = match folder {
                    "" => hidden.into_owned(),
                    folder => format!("{folder}/{hidden}"),
                };
                self.removed.push(gone);
            }
            Some(Mark::Hostile) => {
                let reason =
                    format!("{path} is a mark that removes its own folder or what is above it");
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
        }
        Ok(0)
    }

    fn put(&mut self, path: String, retained: Retained) -> u64 {
        let bytes = retained.bytes();
        self.folders.remove(&path);
        self.replaced.insert(path.clone());
        self.files.insert(path, retained);
        bytes
    }
}
