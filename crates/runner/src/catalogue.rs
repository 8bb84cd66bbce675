//! The resources that the program has linked in, as data: the runner itself knows none of them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// One linked resource.
#[derive(Debug, Clone)]
pub struct Linked {
    /// What its program prints for `schema`: `{"source", "version", "get_params", "put_params"}`.
    pub schema: Value,
    /// The command line that takes `check`, `in DIR` or `out DIR` after it.
    pub command: Vec<OsString>,
}

/// Name (`image`, as in the image `…/trireme-image`) → linked resource.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The linked resources by name.
    pub resources: BTreeMap<String, Linked>,
    /// A command line that starts the command line behind it and makes it end when the runner is killed; tasks run under it. Empty: they run directly.
    pub launcher: Vec<OsString>,
}

impl Catalogue {
    /// The names, for messages.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.resources.keys().map(String::as_str).collect();
        names.join(", ")
    }
}
