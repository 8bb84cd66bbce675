//! A registry: its store, its credentials and its page size.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Access, Store, late_tags::LateTags};
use crate::SandboxError;

/// How a registry is set up.
pub struct RegistryOptions {
    /// Where content is kept.
    pub folder: PathBuf,
    /// Credentials of everything that is not `upstream/`.
    pub access: Access,
    /// How many entries a list has at most; longer ones go on at the `Link` header.
    pub page_size: usize,
}

/// A registry, ready to be served.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    store: Store,
    access: Access,
    page_size: usize,
    quirks: Quirks,
    late: LateTags,
}

/// Deviations from the specification that real registries have; by default none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quirks {
    /// `HEAD` is answered with 405.
    pub refuses_head: bool,
    /// A tag is shown only so long after it was pushed; until then it is what it was before.
    pub tags_late: Duration,
}

impl Registry {
    /// Opens the folder.
    pub fn open(options: RegistryOptions) -> Result<Self, SandboxError> {
        Self::open_with(options, Quirks::default())
    }

    /// Opens the folder as a registry with quirks.
    pub fn open_with(options: RegistryOptions, quirks: Quirks) -> Result<Self, SandboxError> {
        let RegistryOptions {
            folder,
            access,
            page_size,
        } = options;
        Ok(Self(Arc::new(Inner {
            store: Store::open(folder)?,
            access,
            page_size,
            quirks,
            late: LateTags::default(),
        })))
    }

    /// What is stored, for seeding: no credentials are asked here.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn quirks(&self) -> Quirks {
        self.0.quirks
    }

    pub(super) fn late_tags(&self) -> &LateTags {
        &self.0.late
    }

    pub(super) fn page_size(&self) -> usize {
        self.0.page_size
    }

    pub(super) fn access(&self) -> &Access {
        &self.0.access
    }
}
