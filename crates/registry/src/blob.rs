//! Blobs: streamed both ways, verified on the way, resumed where the connection breaks.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use http::{
    StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE},
};
use oci_spec::image::Descriptor;
use trireme_transport::{Fetched, Request, Streamed};
use url::Url;

use crate::{
    RegistryError, Repository, auth::Access, content::Verifier, repository::ANSWER_LIMIT_BYTES,
};

/// How often in a row a download may break without progress.
const BREAKS_LIMIT: u32 = 3;
/// How much must come in between to be progress: a server that breaks off after every byte would be asked for ever.
const PROGRESS_BYTES: u64 = 64 * 1024;

/// A blob as it comes. What is wrong with the whole shows at the end, so nothing of it may be trusted before `None`.
pub struct BlobStream {
    repository: Repository,
    descriptor: Descriptor,
    what: String,
    verifier: Option<Verifier>,
    answer: Option<Streamed>,
    /// Bytes of the current answer that were seen before it began: a server may ignore a range.
    skip: u64,
    /// What came since the last break.
    fresh: u64,
    breaks: u32,
}

impl BlobStream {
    /// The next piece; `None` once all of it came and was verified.
    ///
    /// # Errors
    /// When the content is not what the descriptor says, or the connection breaks again and again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RegistryError> {
        loop {
            let mut answer = match self.answer.take() {
                Some(answer) => answer,
                None => self.open().await?,
            };
            match answer.chunk().await {
                Ok(Some(bytes)) => {
                    self.answer = Some(answer);
                    let fresh = self.unseen(bytes);
                    if !fresh.is_empty() {
                        self.verify(&fresh)?;
                        return Ok(Some(fresh));
                    }
                }
                Ok(None) => return self.end(),
                // All of it came; only the end of the connection was not orderly.
                Err(_) if self.seen() == self.descriptor.size() => return self.end(),
                Err(error) => {
                    let moved = std::mem::take(&mut self.fresh) >= PROGRESS_BYTES;
                    self.breaks = if moved { 1 } else { self.breaks + 1 };
                    if self.breaks > BREAKS_LIMIT {
                        return Err(RegistryError::transport(&self.what)(error));
                    }
                }
            }
        }
    }

    fn seen(&self) -> u64 {
        self.verifier.as_ref().map_or(0, |verifier| verifier.seen)
    }

    fn unseen(&mut self, mut bytes: Bytes) -> Bytes {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        // Both fit: they are at most the length of a piece in memory.
        bytes.split_off(usize::try_from(skipped).unwrap_or(usize::MAX))
    }

    fn verify(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        self.fresh += bytes.len() as u64;
        match &mut self.verifier {
            Some(verifier) => verifier.update(&self.what, bytes),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<Option<Bytes>, RegistryError> {
        match self.verifier.take() {
            Some(verifier) => verifier.finish(&self.what).map(|()| None),
            None => Ok(None),
        }
    }

    async fn open(&mut self) -> Result<Streamed, RegistryError> {
        let seen = self.seen();
        let url = self
            .repository
            .url(&format!("blobs/{}", self.descriptor.digest()));
        let build = || match seen {
            0 => Request::get(&url),
            _ => Request::get(&url).header(RANGE, format!("bytes={seen}-")),
        };
        let answer = self
            .repository
            .stream(&self.what, Access::Pull, build)
            .await?;
        match answer.status {
            StatusCode::OK => self.skip = seen,
            StatusCode::PARTIAL_CONTENT if seen > 0 => self.skip = 0,
            _ => return Err(RegistryError::unexpected_stream(&self.what, answer).await),
        }
        Ok(answer)
    }

    /// As a stream, for uploads.
    pub fn into_stream(self) -> BoxStream<'static, std::io::Result<Bytes>> {
        let next = |mut blob: Self| async move {
            let chunk = blob.chunk().await.map_err(std::io::Error::other)?;
            Ok(chunk.map(|bytes| (bytes, blob)))
        };
        futures_util::stream::try_unfold(self, next).boxed()
    }
}

impl Repository {
    /// Whether the repository has this blob.
    ///
    /// # Errors
    /// For every answer but 200 and 404.
    pub async fn blob_exists(&self, digest: &str) -> Result<bool, RegistryError> {
        let what = format!("looking up the blob {}", self.label(digest));
        let url = self.url(&format!("blobs/{digest}"));
        let mut answer = self
            .stream(&what, Access::Pull, || Request::head(&url))
            .await?;
        if !matches!(answer.status, StatusCode::OK | StatusCode::NOT_FOUND) {
            // Some registries refuse HEAD, and some send to a storage that was only told of GET: the beginning of the blob
            // tells as well, and a refusal then has words.
            answer = self
                .stream(&what, Access::Pull, || Request::get(&url))
                .await?;
        }
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(RegistryError::unexpected_stream(&what, answer).await),
        }
    }

    /// Starts to fetch a blob.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when it does not exist.
    pub async fn blob_stream(&self, descriptor: &Descriptor) -> Result<BlobStream, RegistryError> {
        let what = format!(
            "fetching the blob {}",
            self.label(descriptor.digest().as_ref())
        );
        let mut blob = BlobStream {
            repository: self.clone(),
            descriptor: descriptor.clone(),
            verifier: Some(Verifier::new(&what, descriptor)?),
            what,
            answer: None,
            skip: 0,
            fresh: 0,
            breaks: 0,
        };
        blob.answer = Some(blob.open().await?);
        Ok(blob)
    }

    /// A whole blob in memory.
    ///
    /// # Errors
    /// Also when its descriptor promises more than `limit_bytes`.
    pub async fn blob(
        &self,
        descriptor: &Descriptor,
        limit_bytes: u64,
    ) -> Result<Bytes, RegistryError> {
        if descriptor.size() > limit_bytes {
            return Err(RegistryError::Content {
                what: format!(
                    "fetching the blob {}",
                    self.label(descriptor.digest().as_ref())
                ),
                property: "size",
                expected: format!("at most {limit_bytes}"),
                found: descriptor.size().to_string(),
            });
        }
        let mut blob = self.blob_stream(descriptor).await?;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = blob.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// Stores a blob from memory unless it is there.
    ///
    /// # Errors
    /// When the registry does not accept it.
    pub async fn push_bytes(
        &self,
        descriptor: &Descriptor,
        bytes: Bytes,
    ) -> Result<(), RegistryError> {
        if self.blob_exists(descriptor.digest().as_ref()).await? {
            return Ok(());
        }
        let what = self.pushing(descriptor);
        let target = self.begin_upload(&what, descriptor).await?;
        let request = Request::put(target.as_str()).bytes(bytes);
        self.finish_upload(&what, descriptor, &target, request)
            .await
    }

    /// Stores a blob as it comes. Ask [`Repository::blob_exists`] first: a stream can be sent once.
    ///
    /// # Errors
    /// When the registry does not accept it, or the stream fails.
    pub async fn push_blob(
        &self,
        descriptor: &Descriptor,
        stream: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), RegistryError> {
        let what = self.pushing(descriptor);
        let target = self.begin_upload(&what, descriptor).await?;
        let request = Request::put(target.as_str()).stream(descriptor.size(), stream);
        self.finish_upload(&what, descriptor, &target, request)
            .await
    }

    /// Lets the registry take over a blob from another repository of its own; false when it does not, for whatever reason: it may
    /// know no mounts, or who may write here may not read there. The blob is then to be sent.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn mount_blob(&self, digest: &str, from_path: &str) -> Result<bool, RegistryError> {
        let what = format!("mounting the blob {} from {from_path}", self.label(digest));
        let url = self.url(&format!("blobs/uploads/?mount={digest}&from={from_path}"));
        let build = || begin(&url);
        let answer = self
            .fetch(&what, Access::Push, ANSWER_LIMIT_BYTES, build)
            .await;
        let answer = match answer {
            Err(RegistryError::Refused { .. } | RegistryError::Login { .. }) => return Ok(false),
            answer => answer?,
        };
        if answer.status == StatusCode::ACCEPTED {
            self.abandon(&what, &url, &answer).await;
        }
        Ok(answer.status == StatusCode::CREATED)
    }

    /// A 202 opened an upload that nobody wants. A registry that keeps it removes it later by itself.
    async fn abandon(&self, what: &str, url: &str, answer: &Fetched) {
        let location = answer.header(LOCATION.as_str());
        if let Some(Ok(target)) = location.map(|location| self.resolve(what, url, location)) {
            let request = Request::delete(target.as_str());
            drop(self.send_once(what, &target, request).await);
        }
    }

    fn pushing(&self, descriptor: &Descriptor) -> String {
        format!(
            "storing the blob {}",
            self.label(descriptor.digest().as_ref())
        )
    }

    /// Opens an upload and gives the URL to send the content to.
    async fn begin_upload(
        &self,
        what: &str,
        descriptor: &Descriptor,
    ) -> Result<Url, RegistryError> {
        let url = self.url("blobs/uploads/");
        let answer = self
            .fetch(what, Access::Push, ANSWER_LIMIT_BYTES, || begin(&url))
            .await?;
        if answer.status != StatusCode::ACCEPTED {
            return Err(RegistryError::unexpected(what, &answer));
        }
        let location = answer.header(LOCATION.as_str());
        let location = location
            .ok_or_else(|| RegistryError::malformed(what, "it named no upload (no Location)"))?;
        let mut target = self.resolve(what, &url, location)?;
        let digest = descriptor.digest().to_string();
        target.query_pairs_mut().append_pair("digest", &digest);
        Ok(target)
    }

    async fn finish_upload(
        &self,
        what: &str,
        descriptor: &Descriptor,
        target: &Url,
        request: Request,
    ) -> Result<(), RegistryError> {
        let request = request.header(CONTENT_TYPE, "application/octet-stream");
        let answer = self.send_once(what, target, request).await?;
        match answer.status {
            StatusCode::CREATED => Ok(()),
            // The specification once said 204 for 201; 202 is also the answer to a part of a blob.
            status
                if status.is_success()
                    && self.blob_exists(descriptor.digest().as_ref()).await? =>
            {
                Ok(())
            }
            _ => Err(RegistryError::unexpected(what, &answer)),
        }
    }
}

/// The request for an upload or a mount. It has no content, and some registries (Google's) want that said.
fn begin(url: &str) -> Request {
    Request::post(url).header(CONTENT_LENGTH, "0")
}
