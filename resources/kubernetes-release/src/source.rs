//! The `source` of the pipeline.

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::Fault;
use trireme_release::Constraint;
use url::Url;

use crate::Running;

trireme_connection::server_source! {
    /// The source of a `kubernetes-release` resource.
    pub struct Source at "source" {
        /// Where the markers and artifacts are; the public server by default.
        #[serde(default = "public_server")]
        pub release_server: String,
        /// The releases that may be emitted, e.g. `>=1.36, <1.38`; all by default.
        #[serde(default)]
        pub constraint: Option<String>,
        /// Which markers are read.
        #[serde(default)]
        pub channel: Channel,
        /// What runs, or the API server that says it: only the next release that it may be upgraded to is emitted.
        #[serde(default)]
        pub from: Option<Running>,
        /// What the references in `images.json` start with.
        #[serde(default = "public_registry")]
        pub image_registry: String,
        /// Log every request.
        #[serde(default)]
        pub debug: bool,
    }
}

/// A line of markers on the release server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// `stable.txt` and `stable-X.YY.txt`.
    #[default]
    Stable,
}

fn public_server() -> String {
    "https://dl.k8s.io/release".into()
}

fn public_registry() -> String {
    "registry.k8s.io".into()
}

impl Source {
    /// The range of releases that may be emitted.
    ///
    /// # Errors
    /// A configuration fault when it is not a range.
    pub fn constraint(&self) -> Result<Constraint, Fault> {
        match &self.constraint {
            None => Ok(Constraint::ANY),
            Some(text) => text
                .parse()
                .map_err(|e| Fault::config("source.constraint cannot be used").with_source(e)),
        }
    }

    /// The address of the release server, without a slash at the end.
    ///
    /// # Errors
    /// A configuration fault when it is not an HTTP URL. It is not shown: it may hold a password.
    pub fn release_server(&self) -> Result<&str, Fault> {
        let url = Url::parse(&self.release_server).ok();
        match url.filter(|url| matches!(url.scheme(), "http" | "https")) {
            Some(_) => Ok(self.release_server.trim_end_matches('/')),
            None => Err(Fault::config(
                "source.release_server is not an HTTP URL; expected e.g. `https://dl.k8s.io/release`",
            )),
        }
    }

    /// What image references start with, without a slash at the end.
    ///
    /// # Errors
    /// A configuration fault when it is empty, a URL, or has spaces.
    pub fn image_registry(&self) -> Result<&str, Fault> {
        let registry = self.image_registry.trim_end_matches('/');
        if registry.is_empty() || registry.contains("://") || registry.contains(char::is_whitespace)
        {
            return Err(Fault::config(format!(
                "source.image_registry is `{registry}`; expected a host and perhaps a path, e.g. `registry.k8s.io`"
            )));
        }
        Ok(registry)
    }
}
