//! Blobs out: whole, or one range of bytes.

use std::io::SeekFrom;

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode, header},
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::{Digest, Refusal, Registry, answer::with, refusal::Answer};

pub(super) async fn serve(
    registry: &Registry,
    name: &str,
    digest: &Digest,
    headers: &HeaderMap,
) -> Answer {
    let size = registry
        .store()
        .blob_size(name, digest)?
        .ok_or(Refusal::BlobUnknown)?;
    let asked = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let range = asked
        .map(|text| Range::parse(text, size))
        .transpose()?
        .flatten();
    let whole = Range {
        first: 0,
        length: size,
    };
    let Range { first, length } = range.unwrap_or(whole);
    let mut file = tokio::fs::File::open(registry.store().content(digest)).await?;
    file.seek(SeekFrom::Start(first)).await?;
    let mut response = Response::new(Body::from_stream(ReaderStream::new(file.take(length))));
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response = with(
            response,
            "content-range",
            format!("bytes {first}-{}/{size}", first + length - 1),
        );
    }
    let response = with(response, "docker-content-digest", digest);
    let response = with(response, "content-type", "application/octet-stream");
    Ok(with(
        with(response, "accept-ranges", "bytes"),
        "content-length",
        length,
    ))
}

/// A part of a blob that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    length: u64,
}

impl Range {
    /// Reads `bytes=FIRST-[LAST]`. Several ranges, or another unit, are answered with the whole, as HTTP allows.
    fn parse(text: &str, size: u64) -> Result<Option<Self>, Refusal> {
        let Some((first, last)) = text.strip_prefix("bytes=").and_then(|t| t.split_once('-'))
        else {
            return Ok(None);
        };
        let Ok(first) = first.parse::<u64>() else {
            return Ok(None);
        };
        let last = match last {
            "" => size.saturating_sub(1),
            text => match text.parse::<u64>() {
                Ok(last) => last.min(size.saturating_sub(1)),
                Err(_) => return Ok(None),
            },
        };
        if first >= size || last < first {
            return Err(Refusal::RangeUnsatisfiable { size });
        }
        Ok(Some(Self {
            first,
            length: last - first + 1,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_blob() {
        let range = |first, length| Ok(Some(Range { first, length }));
        assert_eq!(Range::parse("bytes=0-3", 10), range(0, 4));
        assert_eq!(Range::parse("bytes=4-", 10), range(4, 6));
        assert_eq!(Range::parse("bytes=4-99", 10), range(4, 6));
        assert_eq!(
            Range::parse("bytes=10-", 10),
            Err(Refusal::RangeUnsatisfiable { size: 10 })
        );
        assert_eq!(
            Range::parse("bytes=5-4", 10),
            Err(Refusal::RangeUnsatisfiable { size: 10 })
        );
        assert_eq!(
            Range::parse("bytes=0-", 0),
            Err(Refusal::RangeUnsatisfiable { size: 0 })
        );
        assert_eq!(Range::parse("bytes=0-1,3-4", 10), Ok(None));
        assert_eq!(Range::parse("bytes=-4", 10), Ok(None));
    }
}
