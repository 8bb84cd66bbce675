//! Manifests in and out, and their deletion.

use std::error::Error;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, Response, StatusCode, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{
    MANIFEST_LIMIT_BYTES, Reference, Refusal, Registry,
    answer::{empty, with},
    refusal::Answer,
};

pub(super) async fn serve(
    registry: &Registry,
    name: &str,
    reference: &Reference,
    request: Request,
) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => read(registry, name, reference),
        Method::PUT => write(registry, name, reference, request).await,
        Method::DELETE if registry.store().delete_manifest(name, reference)? => {
            Ok(empty(StatusCode::ACCEPTED))
        }
        Method::DELETE => Err(Refusal::ManifestUnknown),
        _ => Err(Refusal::Unsupported),
    }
}

fn read(registry: &Registry, name: &str, reference: &Reference) -> Answer {
    let manifest = registry.store().manifest(name, reference)?;
    let manifest = manifest.ok_or(Refusal::ManifestUnknown)?;
    let length = manifest.bytes.len();
    let response = with(
        Response::new(Body::from(manifest.bytes)),
        "content-type",
        &manifest.media_type,
    );
    Ok(with(
        with(response, "docker-content-digest", &manifest.digest),
        "content-length",
        length,
    ))
}

async fn write(registry: &Registry, name: &str, reference: &Reference, request: Request) -> Answer {
    let media_type = media_type(request.headers())?;
    let body = Limited::new(request.into_body(), MANIFEST_LIMIT_BYTES);
    let bytes = body.collect().await.map_err(unreadable)?.to_bytes();
    let manifest = registry
        .store()
        .put_manifest(name, reference, &media_type, &bytes)??;
    let location = format!("/v2/{name}/manifests/{}", manifest.digest);
    let mut response = with(empty(StatusCode::CREATED), "location", location);
    if let Some(subject) = &manifest.subject {
        response = with(response, "oci-subject", subject);
    }
    Ok(with(response, "docker-content-digest", &manifest.digest))
}

fn unreadable(error: Box<dyn Error + Send + Sync>) -> Refusal {
    if error.is::<LengthLimitError>() {
        let limit = MANIFEST_LIMIT_BYTES as u64;
        return Refusal::TooLarge { limit };
    }
    Refusal::BodyCut
}

fn media_type(headers: &HeaderMap) -> Result<String, Refusal> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    let missing = || Refusal::ManifestInvalid {
        reason: "the request has no Content-Type".into(),
    };
    value.map(str::to_owned).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::*;
    use crate::registry::{Access, RegistryOptions};

    #[tokio::test]
    async fn hostile_manifests_and_paths_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(RegistryOptions {
            folder: folder.path().to_owned(),
            access: Access::new("u", "p"),
            page_size: 10,
        });
        let router = registry.unwrap().router();
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let no_digest = format!(
            "{{\"schemaVersion\": 2, \"config\": {{\"digest\": {}}}}}",
            deep(100)
        );
        for (path, body, code) in [
            (
                "/v2/a/manifests/1",
                " ".repeat(MANIFEST_LIMIT_BYTES + 1),
                413,
            ),
            ("/v2/a/manifests/1", deep(100_000), 400),
            ("/v2/a/manifests/1", no_digest, 400),
            ("/v2/a/manifests/1", "{\"schemaVersion\": 2".into(), 400),
            ("/v2/a/manifests/..", "{}".into(), 400),
            ("/v2/../../a/manifests/1", "{}".into(), 400),
            ("/v2/%2e%2e/manifests/1", "{}".into(), 400),
            ("/v2/a/manifests/%2e%2e%2fb", "{}".into(), 400),
        ] {
            let request = Request::put(path)
                .header("authorization", "Basic dTpw")
                .header("content-type", "application/vnd.oci.image.manifest.v1+json")
                .body(Body::from(body));
            let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
            assert_eq!(answer.status().as_u16(), code, "{path}");
        }
    }
}
