//! The version of a running API server, from its `/version`.
//!
//! Read with the HTTP client of every other request: a Kubernetes client would make this resource three times as large for one
//! small document.

use serde_json::{Map, Value};
use trireme_connection::Connection;
use trireme_protocol::Fault;
use trireme_release::{ParseError, Version};
use trireme_transport::{Client, Request, TransportError};

use crate::running::ApiServerSource;

/// A real answer has some 500 bytes; the rest of the limit is room to recognise a page for people.
const VERSION_LIMIT_BYTES: u64 = 64 << 10;

/// Why an API server did not say what it is.
#[derive(Debug, thiserror::Error)]
pub enum ApiServerError {
    /// No usable answer came.
    #[error("reading the version of the API server that source.from names failed")]
    Transport(#[from] TransportError),
    /// It wants to know who asks, or does not let us.
    #[error("GET {url}: the API server answered {status}: {detail}; {remedy}")]
    Refused {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The start of the body.
        detail: String,
        /// What to try.
        remedy: &'static str,
    },
    /// An answer that `/version` of an API server does not have.
    #[error(
        "GET {url}: answered {status}, expected 200: {detail}; is source.from.server the address of an API server?"
    )]
    Unexpected {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// The start of the body.
        detail: String,
    },
    /// The answer is not the document that an API server has there.
    #[error(
        "GET {url}: expected JSON with `gitVersion`, found {found}; is source.from.server the address of an API server?"
    )]
    NotAnApiServer {
        /// What was asked for.
        url: String,
        /// What came instead.
        found: String,
    },
    /// The API server names a version that is not one.
    #[error("GET {url}: `gitVersion` is not a version")]
    NotAVersion {
        /// What was asked for.
        url: String,
        /// Why it is not one.
        #[source]
        source: ParseError,
    },
}

/// An API server.
pub(crate) struct ApiServer {
    client: Client,
    url: String,
    token: Option<String>,
}

impl ApiServer {
    /// The API server of `source`.
    ///
    /// # Errors
    /// A configuration fault when its address, token or certificates cannot be used.
    pub(crate) fn open(source: &ApiServerSource) -> Result<Self, Fault> {
        let connection = Connection {
            place: "source.from",
            ca_certs: &source.ca_certs,
            insecure: source.insecure,
            proxy: None,
        };
        Ok(Self {
            client: connection.client()?,
            url: format!("{}/version", source.address()?),
            token: source.token()?.map(str::to_owned),
        })
    }

    /// The version that it says it is, with the suffix of its vendor.
    ///
    /// # Errors
    /// When it does not answer, or not as an API server does.
    pub(crate) async fn version(&self) -> Result<Version, ApiServerError> {
        let mut request = Request::get(&self.url);
        if let Some(token) = &self.token {
            let name = http::header::AUTHORIZATION;
            request = request.secret_header(name, format!("Bearer {token}"));
        }
        let answer = self.client.fetch(request, VERSION_LIMIT_BYTES).await?;
        let (url, detail) = (self.url.clone(), answer.describe());
        match answer.status.as_u16() {
            200 => {}
            status @ (401 | 403) => {
                let remedy = self.remedy();
                return Err(ApiServerError::Refused {
                    url,
                    status,
                    detail,
                    remedy,
                });
            }
            status => {
                return Err(ApiServerError::Unexpected {
                    url,
                    status,
                    detail,
                });
            }
        }
        let info: Option<Map<String, Value>> = serde_json::from_slice(&answer.body).ok();
        let version = info
            .as_ref()
            .and_then(|info| info.get("gitVersion")?.as_str());
        let Some(version) = version else {
            return Err(ApiServerError::NotAnApiServer { url, found: detail });
        };
        let version = version.parse();
        version.map_err(|source| ApiServerError::NotAVersion { url, source })
    }

    /// What to try when it refuses us.
    fn remedy(&self) -> &'static str {
        match self.token {
            None => "it wants a token: set source.from.token",
            Some(_) => {
                "is source.from.token still valid? Its account needs ClusterRole system:public-info-viewer"
            }
        }
    }
}
