//! What kept an answer from coming, in plain words and with what to do.

use std::{error::Error, fmt};

use http::{StatusCode, Uri};
use rustls::{CertificateError, Error as TlsError};

use crate::proxy;

type BoxError = Box<dyn Error + Send + Sync>;

/// Certificates that OpenSSL may make and rustls does not take, by its name for what is wrong with them.
const UNFIT: [(&str, &str); 2] = [
    (
        "UnsupportedCertVersion",
        "its certificate is of X.509 version 1, which is not accepted: have it made again with version 3 (`openssl x509 -req` \
         needs -extfile for that)",
    ),
    (
        "CaUsedAsEndEntity",
        "its certificate is that of a CA, which is not accepted for a server: have it made again with `-addext \
         basicConstraints=critical,CA:FALSE` of `openssl req -x509`, or signed by that CA",
    ),
];

/// What kept an answer from coming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing that we know more of than the error itself.
    Unknown,
    /// What answers there does not speak TLS.
    NoTls,
    /// What answers there does not speak HTTP.
    NoHttp,
    /// The certificate of the server is none that a server can have: what it is, and what to do.
    Certificate(&'static str),
    /// TLS failed otherwise; mostly the certificate is not trusted.
    Untrusted,
    /// The way leads through a proxy.
    Proxy {
        /// Its address, without credentials; or who names it, where it did not answer and is no number.
        address: String,
        /// What it answered when it was asked for the way, if it refused.
        status: Option<StatusCode>,
    },
}

impl Trouble {
    /// What an error says of itself.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref() {
                return Self::of_tls(error);
            }
            let parsed = error.downcast_ref::<hyper::Error>();
            if parsed.is_some_and(hyper::Error::is_parse) {
                return Self::NoHttp;
            }
            // The source of an I/O error is that of what it wraps, which itself would be passed over.
            let wrapped = error
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref);
            cause = match wrapped {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        Self::Unknown
    }

    fn of_tls(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidMessage(_) => Self::NoTls,
            TlsError::InvalidCertificate(CertificateError::Other(other)) => {
                let reason = other.to_string();
                let known = UNFIT.iter().find(|(name, _)| reason.contains(name));
                known.map_or(Self::Untrusted, |(_, words)| Self::Certificate(words))
            }
            _ => Self::Untrusted,
        }
    }

    /// The same, and where the error says nothing, the proxy that leads to `server`, and what it answers if it refuses.
    pub(crate) async fn on_the_way(
        error: &(dyn Error + Send + Sync + 'static),
        server: &Uri,
        proxy: Option<&Uri>,
    ) -> Self {
        match (Self::of(error).at(server, proxy), proxy) {
            (Self::Unknown, Some(proxy)) => {
                let status = match proxy::is_refusal(error) {
                    true => proxy::refusal(proxy, server).await,
                    false => None,
                };
                // A name that nobody answers to may be a secret in the wrong place.
                let is_shown = status.is_some() || proxy::is_number(proxy);
                Self::Proxy {
                    address: match is_shown {
                        true => proxy::shown(proxy),
                        false => "that `proxy` or the environment names".into(),
                    },
                    status,
                }
            }
            (trouble, _) => trouble,
        }
    }

    /// What it is of, as far as that is known: behind a proxy, or one that speaks TLS itself, both may be meant.
    fn at(self, server: &Uri, proxy: Option<&Uri>) -> Self {
        let has_tls = |uri: &Uri| uri.scheme_str() == Some("https");
        match self {
            Self::NoHttp if proxy.is_some() || has_tls(server) => Self::Unknown,
            Self::NoTls | Self::Untrusted | Self::Certificate(_) if proxy.is_some_and(has_tls) => {
                Self::Unknown
            }
            known => known,
        }
    }

    /// Whether waiting may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unknown | Self::Proxy { status: None, .. } => true,
            Self::Proxy {
                status: Some(status),
                ..
            } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::NoTls | Self::NoHttp | Self::Certificate(_) | Self::Untrusted => false,
        }
    }

    /// What follows in a message, or nothing.
    pub(crate) fn clause(&self) -> String {
        match self {
            Self::Unknown => String::new(),
            known => format!("; {known}"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no answer came",
            Self::NoTls => {
                "it speaks no TLS: a registry that speaks plain HTTP needs `insecure: true`, another server an address that begins with http://"
            }
            Self::NoHttp => "it speaks no plain HTTP: is it https?",
            Self::Certificate(words) => words,
            Self::Untrusted => "if the certificate is right, add its authority to ca_certs",
            Self::Proxy { address, status: None } => return write!(f, "the way leads through the proxy {address}"),
            Self::Proxy { address, status: Some(status) } => return write!(f, "the proxy {address} refused the way with {status}"),
        })
    }
}

/// An error of a connection, and what is known of it.
#[derive(Debug, thiserror::Error)]
#[error("{trouble}")]
struct Explained {
    trouble: Trouble,
    source: BoxError,
}

/// Whether an error is one of [`explained`] that waiting does not mend.
pub fn is_lasting(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    let explained = causes.find_map(|error| error.downcast_ref::<Explained>());
    explained.is_some_and(|found| !found.trouble.may_pass())
}

/// An error of another HTTP client on the way to `server`, through `proxy` if there is one, in plain words where we have some.
pub async fn explained(error: BoxError, server: &Uri, proxy: Option<&Uri>) -> BoxError {
    match Trouble::on_the_way(error.as_ref(), server, proxy).await {
        // What to do about the others, that client's own settings tell.
        Trouble::Unknown | Trouble::Untrusted => error,
        trouble => Box::new(Explained {
            trouble,
            source: error,
        }),
    }
}
