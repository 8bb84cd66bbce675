//! Large files, written as they come.

use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256, Sha512};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::{Client, Request, TransportError, Validator, redacted};

/// What was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// SHA-512 in hexadecimal digits.
    pub sha512: String,
    /// Bytes.
    pub size: u64,
    /// Tells later whether the server still has these very bytes ([`Client::is_unchanged`]); none if it sent nothing
    /// that could.
    pub validator: Option<Validator>,
}

impl Client {
    /// Writes what `url` answers to `writer` and gives its checksums, for the caller to compare. After an error the
    /// writer holds a part.
    ///
    /// # Errors
    /// Also for any status but 200, and when the body is larger than `limit_bytes`.
    pub async fn download(
        &self,
        url: &str,
        writer: &mut (impl AsyncWrite + Unpin),
        limit_bytes: u64,
    ) -> Result<Downloaded, TransportError> {
        let mut answer = self.stream(Request::get(url)).await?;
        let shown = redacted(&answer.url);
        if answer.status != StatusCode::OK {
            return Err(TransportError::Unexpected {
                method: Method::GET,
                url: shown,
                status: answer.status,
                expected: "200",
                detail: answer.describe().await,
            });
        }
        let (mut sha256, mut sha512) = (Sha256::new(), Sha512::new());
        while let Some(chunk) = answer.chunk().await? {
            if answer.received > limit_bytes {
                return Err(TransportError::TooLarge {
                    url: shown,
                    limit_bytes,
                });
            }
            sha256.update(&chunk);
            sha512.update(&chunk);
            let written = writer.write_all(&chunk).await;
            written.map_err(|source| TransportError::Write {
                url: shown.clone(),
                source,
            })?;
        }
        let flushed = writer.flush().await;
        flushed.map_err(|source| TransportError::Write { url: shown, source })?;
        Ok(Downloaded {
            sha256: hex::encode(sha256.finalize()),
            sha512: hex::encode(sha512.finalize()),
            size: answer.received,
            validator: Validator::strong(&answer.headers),
        })
    }
}
