//! The file system of an image, layer over layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use trireme_layer::Mark;

use super::{
    file_class::{self, UncataloguedFile, UncataloguedKind},
    links::{self, Links},
};
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
    links: Links,
    /// What was stored through a link of a layer below. Where it is at run time is not known, so nothing takes it away.
    behind: BTreeSet<String>,
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
        let retained = self
            .retained
            .iter()
            .filter_map(|(path, retained)| match retained {
                Retained::Uncatalogued(kind) => Some((path, *kind)),
                _ => None,
            });
        let behind = self.behind.iter();
        let behind = behind.map(|path| (path, UncataloguedKind::BehindLink));
        retained.chain(behind).map(|(path, kind)| UncataloguedFile {
            path: path.clone(),
            kind,
        })
    }

    pub(super) fn retained_bytes(&self) -> u64 {
        let files = self.retained.iter();
        let files = files.map(|(path, retained)| path.len() as u64 + retained.bytes());
        let links = self.links.iter();
        let links = links.map(|(path, target)| (path.len() + target.len()) as u64);
        let behind = self.behind.iter().map(|path| path.len() as u64);
        files.chain(links).chain(behind).sum()
    }

    /// Puts a layer on top: its whiteouts take away what is below, then its own files come.
    pub(super) fn stack(&mut self, layer: Layer) {
        for folder in &layer.opaque {
            self.remove_below(folder);
        }
        for path in layer.removed.iter().chain(&layer.replaced) {
            self.remove(path);
            self.remove_below(path);
        }
        for path in &layer.folders {
            self.remove(path);
        }
        self.links.extend(layer.links);
        self.behind.extend(layer.behind);
        self.retained.extend(
            layer
                .files
                .into_iter()
                .filter(|(_, retained)| !matches!(retained, Retained::Nothing)),
        );
    }

    fn remove(&mut self, path: &str) {
        self.retained.remove(path);
        self.links.remove(path);
    }

    fn remove_below(&mut self, folder: &str) {
        remove_below(&mut self.retained, folder);
        remove_below(&mut self.links, folder);
    }
}

/// Takes away what is in the folder.
fn remove_below<T>(files: &mut BTreeMap<String, T>, folder: &str) {
    if folder.is_empty() {
        files.clear();
        return;
    }
    let inside = format!("{folder}/");
    let names = files.range(inside.clone()..).map(|(name, _)| name);
    let gone: Vec<String> = names
        .take_while(|name| name.starts_with(&inside))
        .cloned()
        .collect();
    for name in gone {
        files.remove(&name);
    }
}

/// One layer: what it adds, and what it takes from the layers below.
#[derive(Debug, Default)]
pub(super) struct Layer {
    files: BTreeMap<String, Retained>,
    /// Paths at which the layer has something other than a folder: whatever was there is gone.
    replaced: BTreeSet<String>,
    folders: BTreeSet<String>,
    links: Links,
    /// What may be run, or is a link itself, and was stored through a link of a layer below.
    behind: BTreeSet<String>,
    /// Whiteouts (`.wh.NAME`).
    removed: Vec<String>,
    /// Folders of which nothing of the layers below shines through (`.wh..wh..opq`).
    opaque: Vec<String>,
}

impl Layer {
    /// The path at which a name of this layer is, through the links that the layer has brought so far.
    ///
    /// # Errors
    /// The links go round in a circle.
    pub(super) fn resolve(&self, path: &str) -> io::Result<String> {
        links::resolve(path, |at| self.links.get(at).map(String::as_str))
    }

    /// Each of these gives the memory that the content takes which it keeps.
    pub(super) fn directory(&mut self, path: String) -> u64 {
        self.files.remove(&path);
        self.links.remove(&path);
        self.folders.insert(path);
        0
    }

    pub(super) fn symlink(&mut self, path: String, target: String, below: &Files) -> u64 {
        let hides = file_class::hides_database(&path);
        let retained = if hides {
            Retained::Uncatalogued(UncataloguedKind::LinkedDatabase)
        } else {
            Retained::Nothing
        };
        let bytes = self.put(path.clone(), retained, below) + target.len() as u64;
        if self.is_behind_link(&path, below) {
            self.behind.insert(path.clone());
        }
        self.links.insert(path, target);
        bytes
    }

    /// A second name of a file or link of this layer or of one below.
    ///
    /// # Errors
    /// The links in the name of the target go round in a circle.
    pub(super) fn hard_link(
        &mut self,
        path: String,
        target: &str,
        below: &Files,
    ) -> io::Result<u64> {
        let target = self.resolve(target)?;
        if let Some(link) = self.link_at(&target, below) {
            let link = link.clone();
            return Ok(self.symlink(path, link, below));
        }
        let is_behind = self.is_behind_link(&target, below);
        let known = self.files.get(&target);
        let known = known.or_else(|| below.retained.get(&target));
        let content = match known.filter(|_| !is_behind) {
            Some(Retained::Content(_)) if !file_class::is_package_data(&path) => Retained::Nothing,
            Some(
                retained
                @ (Retained::Content(_) | Retained::Uncatalogued(_) | Retained::Program(_)),
            ) => retained.clone(),
            // The first name was of no interest, so nothing of it was kept.
            _ if file_class::holds_packages(&path) => {
                Retained::Uncatalogued(UncataloguedKind::LinkedDatabase)
            }
            Some(Retained::Nothing) => Retained::Nothing,
            None => Retained::Uncatalogued(UncataloguedKind::HardLink),
        };
        Ok(self.put(path, content, below))
    }

    /// What is a link at this path now.
    fn link_at<'a>(&'a self, path: &str, below: &'a Files) -> Option<&'a String> {
        let is_covered = self.files.contains_key(path) || self.folders.contains(path);
        let hidden = || below.links.get(path).filter(|_| !is_covered);
        self.links.get(path).or_else(hidden)
    }

    /// Whether a folder of this path is a link of a layer below; the layer's own are resolved.
    fn is_behind_link(&self, path: &str, below: &Files) -> bool {
        links::is_behind(path, |folder| self.link_at(folder, below).is_some())
    }

    /// # Errors
    /// A mark that hides its own folder or what is above it.
    pub(super) fn file(
        &mut self,
        path: String,
        retained: Retained,
        below: &Files,
    ) -> io::Result<u64> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        match Mark::of(name.as_bytes()) {
            None => return Ok(self.put(path, retained, below)),
            Some(Mark::HidesAll) => self.opaque.push(folder.to_owned()),
            Some(Mark::Hides(hidden)) => {
                let hidden = String::from_utf8_lossy(hidden);
                let gone = match folder {
                    "" => hidden.into_owned(),
                    folder => format!("{folder}/{hidden}"),
                };
                if self.links.contains_key(&gone) {
                    self.behind.insert(gone.clone());
                }
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

    fn put(&mut self, path: String, retained: Retained, below: &Files) -> u64 {
        let bytes = retained.bytes();
        let may_run = matches!(retained, Retained::Uncatalogued(_) | Retained::Program(_));
        if may_run && self.is_behind_link(&path, below) {
            self.behind.insert(path.clone());
        }
        self.folders.remove(&path);
        self.links.remove(&path);
        remove_below(&mut self.links, &path);
        self.replaced.insert(path.clone());
        self.files.insert(path, retained);
        bytes
    }
}
