//! The registry's ways to say no, with the codes of the distribution specification.

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};
use serde_json::json;

use super::{answer::with, route::Unroutable};

/// What a handler makes of a request, once its route is known and allowed.
pub(super) type Answer = Result<Response<Body>, Refusal>;

/// Why a request was not served. Each is one error code and status of the specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No credentials, or wrong ones.
    #[error("authentication required")]
    Unauthorized,
    /// The credentials are valid but do not allow the request.
    #[error("requested access to the resource is denied: {reason}")]
    Denied {
        /// Which rule said no.
        reason: &'static str,
    },
    /// Nothing was ever pushed to that name.
    #[error("repository name not known to registry")]
    NameUnknown,
    /// Not in the grammar of names.
    #[error("invalid repository name")]
    NameInvalid,
    /// No such manifest here.
    #[error("manifest unknown")]
    ManifestUnknown,
    /// The manifest is malformed.
    #[error("manifest invalid: {reason}")]
    ManifestInvalid {
        /// Which rule it breaks.
        reason: String,
    },
    /// The manifest refers to content that the repository does not have.
    #[error("manifest references a manifest or blob unknown to the repository: {digest}")]
    ManifestBlobUnknown {
        /// The first that is missing.
        digest: String,
    },
    /// No such blob here.
    #[error("blob unknown to registry")]
    BlobUnknown,
    /// The session is over or was never begun.
    #[error("blob upload unknown to registry")]
    UploadUnknown,
    /// A chunk does not follow the one before.
    #[error("the chunk starts at {found}, the upload has {expected} bytes")]
    RangeInvalid {
        /// Bytes collected so far.
        expected: u64,
        /// Where the chunk says it starts.
        found: u64,
    },
    /// The requested range lies outside of the blob.
    #[error("the range is not within the {size} bytes of the blob")]
    RangeUnsatisfiable {
        /// Of the blob, in bytes.
        size: u64,
    },
    /// Content and digest do not fit.
    #[error("provided digest did not match uploaded content: expected {expected}, found {found}")]
    DigestInvalid {
        /// As the client said.
        expected: String,
        /// As the content says.
        found: String,
    },
    /// The asked number of entries is not a page size.
    #[error("invalid number of results requested")]
    PageInvalid,
    /// Neither a tag nor a digest.
    #[error("invalid tag or digest")]
    ReferenceInvalid,
    /// A body over the limit.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The client stopped sending.
    #[error("the body did not arrive as a whole, or not in time")]
    BodyCut,
    /// The specification allows it, this registry does not do it.
    #[error("the operation is unsupported")]
    Unsupported,
    /// No path of the API.
    #[error("not found")]
    NotFound,
    /// The disk failed us.
    #[error("internal error")]
    Internal,
}

impl Refusal {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::Denied { .. } => (StatusCode::FORBIDDEN, "DENIED"),
            Self::NameUnknown => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            Self::NameInvalid => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
            Self::ManifestUnknown => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Self::ManifestInvalid { .. } | Self::ReferenceInvalid => {
                (StatusCode::BAD_REQUEST, "MANIFEST_INVALID")
            }
            Self::ManifestBlobUnknown { .. } => (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
            Self::BlobUnknown => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            Self::UploadUnknown => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            Self::RangeInvalid { .. } | Self::RangeUnsatisfiable { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID")
            }
            Self::DigestInvalid { .. } => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            Self::PageInvalid => (StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID"),
            Self::BodyCut => (StatusCode::REQUEST_TIMEOUT, "UNKNOWN"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
            Self::Unsupported => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Self::NotFound => (StatusCode::NOT_FOUND, "UNSUPPORTED"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        }
    }

    /// The answer to the client.
    pub fn response(&self) -> Response<Body> {
        let (status, code) = self.code();
        let body =
            json!({ "errors": [{ "code": code, "message": self.to_string(), "detail": null }] })
                .to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        match self {
            Self::Unauthorized => {
                let challenge = header::HeaderValue::from_static("Basic realm=\"trireme sandbox\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
            Self::RangeUnsatisfiable { size } => {
                with(response, "content-range", format!("bytes */{size}"))
            }
            _ => response,
        }
    }
}

impl From<Unroutable> for Refusal {
    fn from(reason: Unroutable) -> Self {
        match reason {
            Unroutable::Unknown => Self::NotFound,
            Unroutable::Upload => Self::UploadUnknown,
            Unroutable::Name => Self::NameInvalid,
            Unroutable::Digest => Self::DigestInvalid {
                expected: "sha256 and 64 hexadecimal digits".into(),
                found: "another form".into(),
            },
            Unroutable::Reference => Self::ReferenceInvalid,
        }
    }
}

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::Internal
    }
}
