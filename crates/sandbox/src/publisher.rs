//! Another Kubernetes release, with its images, in a world that is being served: `PUT /publish/VERSION` on the file server,
//! with the credentials of the registry. It stays there: what the registry has of `node-act` is what was published.

use std::path::Path;

use axum::{
    Router,
    extract::{Path as Named, State},
    http::{HeaderMap, StatusCode},
    routing::put,
};

use crate::{
    SandboxError, images,
    record::Record,
    registry::{Access, Registry},
    sites::{Site, releases},
    world::access,
};

/// What publishes a release: its images first, so that whoever sees its marker finds them.
#[derive(Clone)]
pub(crate) struct Publisher {
    access: Access,
    registry: Registry,
    releases: Site,
}

impl Publisher {
    /// Publishes again what the registry has images of.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub(crate) fn resume(
        access: Access,
        registry: Registry,
        releases: Site,
    ) -> Result<Self, SandboxError> {
        let tags = registry.store().tags(images::PUBLISHED);
        for version in tags.map_err(SandboxError::file("list the tags of", images::PUBLISHED))? {
            releases::publish(&releases, &version);
        }
        Ok(Self {
            access,
            registry,
            releases,
        })
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/publish/{version}", put(publish))
            .with_state(self)
    }

    fn publish(&self, version: &str) -> Result<(), SandboxError> {
        images::seed_release(self.registry.store(), version)?;
        releases::publish(&self.releases, version);
        Ok(())
    }
}

async fn publish(
    State(publisher): State<Publisher>,
    Named(version): Named<String>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    if !publisher.access.knows(&headers) {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    if !releases::is_release(&version) {
        let expected = format!("{version:?} is not a release; expected e.g. v1.37.3");
        return (StatusCode::BAD_REQUEST, expected);
    }
    match publisher.publish(&version) {
        Ok(()) => (StatusCode::CREATED, String::new()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// How a release is published in a world that another process serves.
pub struct Publishing {
    /// What is asked with PUT.
    pub url: String,
    /// The `Authorization` of the request.
    pub authorization: String,
}

/// How `version` is published in the world of a state folder.
///
/// # Errors
/// No world was begun there, or its record cannot be read.
pub fn publishing(state: &Path, version: &str) -> Result<Publishing, SandboxError> {
    let folder = state.join("sandbox");
    let Some(record) = Record::load(&folder)? else {
        return Err(SandboxError::NoWorld { folder });
    };
    let server = record.listen.at(record.files_port);
    Ok(Publishing {
        url: format!("http://{server}/publish/{version}"),
        authorization: access(&record).header(),
    })
}
