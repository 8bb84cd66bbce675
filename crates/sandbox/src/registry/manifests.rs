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
    let hidden = match reference {
        Reference::Tag(tag) => registry.late_tags().shown(name, tag),
        Reference::Digest(_) => None,
    };
    let earlier = match hidden {
        Some(None) => return Err(Refusal::ManifestUnknown),
        Some(Some(digest)) => Some(Reference::Digest(digest)),
        None => None,
    };
    let manifest = registry
        .store()
        .manifest(name, earlier.as_ref().unwrap_or(reference))?;
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
    let before = registry.store().manifest(name, reference)?;
    let manifest = registry
        .store()
        .put_manifest(name, reference, &media_type, &bytes)??;
    if let Reference::Tag(tag) = reference {
        let before = before.map(|manifest| manifest.digest);
        let late = registry.quirks().tags_late;
        registry.late_tags().hide(name, tag, before, late);
    }
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

    /// The status and the body of an answer.
    async fn ask(router: &axum::Router, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request
            .header("authorization", "Basic dTpw")
            .header("content-type", "application/vnd.oci.image.index.v1+json");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let code = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_registry_with_quirks_refuses_head_and_shows_a_tag_only_later() {
        let folder = tempfile::tempdir().unwrap();
        let options = RegistryOptions {
            folder: folder.path().to_owned(),
            access: Access::new("u", "p"),
            page_size: 10,
        };
        let quirks = crate::registry::Quirks {
            refuses_head: true,
            tags_late: std::time::Duration::from_secs(3),
        };
        let router = Registry::open_with(options, quirks).unwrap().router();
        let index = r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#;
        assert_eq!(ask(&router, "PUT", "/v2/a/manifests/1", index).await.0, 201);
        assert_eq!(ask(&router, "HEAD", "/v2/a/manifests/1", "").await.0, 405);
        assert_eq!(ask(&router, "GET", "/v2/a/manifests/1", "").await.0, 404);
        let digest = format!(
            "/v2/a/manifests/{}",
            crate::registry::Digest::of(index.as_bytes())
        );
        assert_eq!(ask(&router, "GET", &digest, "").await.0, 200);
        let (_, tags) = ask(&router, "GET", "/v2/a/tags/list", "").await;
        assert!(tags.contains("[]"), "{tags}");
        while ask(&router, "GET", "/v2/a/manifests/1", "").await.0 != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let newer = index.replace("[]", "[ ]");
        assert_eq!(
            ask(&router, "PUT", "/v2/a/manifests/1", &newer).await.0,
            201
        );
        let (_, shown) = ask(&router, "GET", "/v2/a/manifests/1", "").await;
        assert_eq!(shown, index);
    }

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
