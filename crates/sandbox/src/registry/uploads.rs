//! Blobs in: in one request, in chunks, or mounted from another repository.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, Response, StatusCode, Uri},
};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::{
    Digest, Refusal, Registry,
    answer::{empty, parameter, with},
    refusal::Answer,
};

/// 10 GiB: no layer of an image is larger.
const BLOB_LIMIT_BYTES: u64 = 10 << 30;

/// `POST …/blobs/uploads/`: a mount, a whole blob, or a new session.
pub(super) async fn begin(registry: &Registry, name: &str, request: Request) -> Answer {
    let store = registry.store();
    if let Some(digest) = asked_digest(request.uri(), "mount")?
        && let Some(from) = parameter(request.uri(), "from")
        && store.blob_size(&from, &digest).ok().flatten().is_some()
    {
        store.link_blob(name, &digest)?;
        return Ok(created(name, &digest));
    }
    let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    tokio::fs::File::create(store.upload(&id)).await?;
    match asked_digest(request.uri(), "digest")? {
        Some(digest) => finish(registry, name, &id, &digest, request).await,
        None => Ok(progress(StatusCode::ACCEPTED, name, &id, 0)),
    }
}

/// Everything that is done with a session once it has an id.
pub(super) async fn go_on(registry: &Registry, name: &str, id: &str, request: Request) -> Answer {
    let collected = collected(registry, id).await?;
    match *request.method() {
        Method::GET => Ok(progress(StatusCode::NO_CONTENT, name, id, collected)),
        Method::PATCH => {
            follows(request.headers(), collected)?;
            let size = append(registry, id, request.into_body()).await?;
            Ok(progress(StatusCode::ACCEPTED, name, id, size))
        }
        Method::PUT => {
            follows(request.headers(), collected)?;
            let missing = Refusal::DigestInvalid {
                expected: "the parameter `digest`".into(),
                found: "none".into(),
            };
            let digest = asked_digest(request.uri(), "digest")?.ok_or(missing)?;
            finish(registry, name, id, &digest, request).await
        }
        Method::DELETE => {
            tokio::fs::remove_file(registry.store().upload(id)).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::Unsupported),
    }
}

async fn finish(
    registry: &Registry,
    name: &str,
    id: &str,
    digest: &Digest,
    request: Request,
) -> Answer {
    append(registry, id, request.into_body()).await?;
    let (registry, name, id, digest) = (
        registry.clone(),
        name.to_owned(),
        id.to_owned(),
        digest.clone(),
    );
    let hashed = tokio::task::spawn_blocking(move || {
        registry
            .store()
            .finish_upload(&name, &id, &digest)
            .map(|done| done.map(|()| created(&name, &digest)))
    });
    hashed.await.map_err(|_| Refusal::Internal)??
}

/// Adds a body to the session. A client that goes away in the middle leaves what came so far, and may resume.
async fn append(registry: &Registry, id: &str, body: Body) -> Result<u64, Refusal> {
    let mut file = tokio::fs::OpenOptions::new()
        .append(true)
        .open(registry.store().upload(id))
        .await?;
    let mut size = file.metadata().await?.len();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refusal::BodyCut)?;
        size += piece.len() as u64;
        if size > BLOB_LIMIT_BYTES {
            let limit = BLOB_LIMIT_BYTES;
            return Err(Refusal::TooLarge { limit });
        }
        file.write_all(&piece).await?;
    }
    file.flush().await?;
    Ok(size)
}

async fn collected(registry: &Registry, id: &str) -> Result<u64, Refusal> {
    let metadata = tokio::fs::metadata(registry.store().upload(id)).await;
    metadata
        .map(|m| m.len())
        .map_err(|_| Refusal::UploadUnknown)
}

/// A chunk that names its range (`Content-Range: FIRST-LAST`) must follow what is there.
fn follows(headers: &HeaderMap, collected: u64) -> Result<(), Refusal> {
    let Some(range) = headers.get("content-range").and_then(|v| v.to_str().ok()) else {
        return Ok(());
    };
    let first = range
        .split('-')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(u64::MAX);
    if first == collected {
        Ok(())
    } else {
        Err(Refusal::RangeInvalid {
            expected: collected,
            found: first,
        })
    }
}

fn asked_digest(uri: &Uri, key: &str) -> Result<Option<Digest>, Refusal> {
    let Some(text) = parameter(uri, key) else {
        return Ok(None);
    };
    let invalid = Refusal::DigestInvalid {
        expected: "sha256:HEX".into(),
        found: text.clone(),
    };
    Digest::parse(&text).map(Some).ok_or(invalid)
}

fn created(name: &str, digest: &Digest) -> Response<Body> {
    let response = with(
        empty(StatusCode::CREATED),
        "location",
        format!("/v2/{name}/blobs/{digest}"),
    );
    with(response, "docker-content-digest", digest)
}

/// How far a session is. The specification has `Range: 0-0` for an empty one too.
fn progress(status: StatusCode, name: &str, id: &str, size: u64) -> Response<Body> {
    let response = with(
        empty(status),
        "location",
        format!("/v2/{name}/blobs/uploads/{id}"),
    );
    let response = with(response, "docker-upload-uuid", id);
    with(response, "range", format!("0-{}", size.saturating_sub(1)))
}
