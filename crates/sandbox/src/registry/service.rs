//! A registry: what it keeps, who may do what, and how long its lists are.

use std::{path::PathBuf, sync::Arc};

use super::{Access, Store};
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
}

impl Registry {
    /// Opens the folder.
    pub fn open(options: RegistryOptions) -> Result<Self, SandboxError> {
        let RegistryOptions {
            folder,
            access,
            page_size,
        } = options;
        Ok(Self(Arc::new(Inner {
            store: Store::open(folder)?,
            access,
            page_size,
        })))
    }

    /// What is stored, for seeding: no credentials are asked here.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn page_size(&self) -> usize {
        self.0.page_size
    }

    pub(super) fn access(&self) -> &Access {
        &self.0.access
    }
}
