//! The client and its retry loop.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{Method, StatusCode};
use tokio::time::timeout;
use tracing::{debug, info};
use url::Url;

use crate::{
    Backoff, Body, Fetched, Proxies, Request, Streamed, TransportError, Trouble, is_loopback,
    is_reserved, redacted, retry, retry::PATIENCE, roots,
};

/// How long a connection may take, its TLS handshake included.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const REDIRECTS_LIMIT: usize = 10;

/// How requests are made.
#[derive(Clone, Default)]
pub struct Options {
    /// Certificate authorities (PEM) beside those of the system.
    pub ca_certs: Vec<String>,
    /// Accept every certificate.
    pub insecure: bool,
    /// The proxy; default from the environment.
    pub proxy: Option<String>,
    /// No proxy, whatever the environment says: for a request with a credential that only this machine is to see.
    pub direct: bool,
    /// How we name ourselves; default `trireme/VERSION`.
    pub user_agent: Option<String>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

/// The HTTP client; cheap to clone, one pool of connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    proxies: Arc<Proxies>,
    /// How long a server that limits its rate is waited for, beyond the budget of all other failures.
    patience: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// One attempt without a usable answer.
enum Failure {
    Status(Box<Streamed>),
    Error(Box<dyn std::error::Error + Send + Sync>, Trouble),
}

impl Client {
    /// A client with these options.
    ///
    /// # Errors
    /// [`TransportError::Options`] when a certificate, the proxy or the user agent cannot be used.
    pub fn new(options: Options) -> Result<Self, TransportError> {
        let agent = options
            .user_agent
            .unwrap_or_else(|| concat!("trireme/", env!("CARGO_PKG_VERSION")).into());
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(roots::tls(&options.ca_certs, options.insecure)?)
            .connect_timeout(CONNECT_DEADLINE)
            .redirect(redirects())
            .user_agent(agent);
        let proxies = match &options.proxy {
            Some(proxy) => Proxies::named(proxy)?,
            None if options.direct => Proxies::none(),
            None => Proxies::of_environment(),
        };
        let proxies = Arc::new(proxies);
        builder = builder.proxy(through(Arc::clone(&proxies)));
        Ok(Self {
            http: builder.build().map_err(|e| refused("the HTTP client", e))?,
            proxies,
            patience: Duration::ZERO,
        })
    }

    /// The same client for a step that has time: a server that limits its rate (429) is waited for up to an hour, as it asks, and
    /// people are told each minute.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self {
            patience: PATIENCE,
            ..self.clone()
        }
    }

    /// Waits until what failed may be tried again: for what this client cannot try again itself, since its body can be sent once.
    /// False when attempts or time are used up.
    pub async fn pause_after(&self, backoff: &mut Backoff, error: &TransportError) -> bool {
        match error {
            TransportError::Unavailable {
                status, asked, url, ..
            } => self.pause(backoff, Some(*status), *asked, url).await,
            _ => backoff.pause(None).await,
        }
    }

    async fn pause(
        &self,
        backoff: &mut Backoff,
        status: Option<StatusCode>,
        asked: Option<Duration>,
        url: &str,
    ) -> bool {
        if self.patience.is_zero() || status != Some(StatusCode::TOO_MANY_REQUESTS) {
            return backoff.pause(asked).await;
        }
        let tell = |left: Duration| {
            let seconds = left.as_secs();
            info!(object = %format_args!("request {url}"), "answered 429 Too Many Requests; it is sent again in {seconds} s");
        };
        backoff.wait_for_rate(asked, self.patience, tell).await
    }

    /// Sends a request and reads the whole answer. A body that breaks off is read again from the start.
    ///
    /// # Errors
    /// When no answer comes within the retry budget, or its body is larger than `limit_bytes`.
    pub async fn fetch(
        &self,
        request: Request,
        limit_bytes: u64,
    ) -> Result<Fetched, TransportError> {
        let again = request.again().filter(|r| r.method == Method::GET);
        let first = self.stream(request).await?.collect(limit_bytes).await;
        match (first, again) {
            // One more time: a server that breaks every body off is not transient.
            (Err(TransportError::BodyBroken { .. }), Some(again)) => {
                self.stream(again).await?.collect(limit_bytes).await
            }
            (first, _) => first,
        }
    }

    /// Sends a request and gives the answer once its head is there.
    ///
    /// # Errors
    /// When the proxy for it cannot be used, when no answer comes within the retry budget, or the last one is 429 or 5xx
    /// of the transient kind.
    pub async fn stream(&self, request: Request) -> Result<Streamed, TransportError> {
        let url = parse(&request.url)?;
        if let Ok(uri) = url.as_str().parse() {
            self.proxies.leading_to(&uri)?;
        }
        let mut backoff = Backoff::default();
        let mut request = request;
        loop {
            let attempt = backoff.attempt();
            let copy = request.again();
            let method = request.method.clone();
            // Boxed: every caller's future would hold the whole state of reqwest's.
            let failure = match Box::pin(self.attempt(&url, request, attempt)).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let copy = copy.filter(|_| failure.may_pass());
            let (status, asked) = (failure.status(), failure.asked());
            let shown = redacted(&url);
            let again = copy.is_some() && self.pause(&mut backoff, status, asked, &shown).await;
            let (Some(copy), true) = (copy, again) else {
                return Err(failure.give_up(method, &url, attempt).await);
            };
            request = copy;
        }
    }

    async fn attempt(
        &self,
        url: &Url,
        request: Request,
        attempt: u32,
    ) -> Result<Streamed, Failure> {
        let method = request.method.clone();
        let started = Instant::now();
        let deadline = request.deadline();
        let sent = timeout(deadline, self.build(url, request).send()).await;
        let response = sent.as_ref().ok().and_then(|sent| sent.as_ref().ok());
        let status = response.map(|response| response.status().as_u16());
        log_request(&method, &redacted(url), status, started.elapsed(), attempt);
        match sent {
            Err(elapsed) => Err(self.failure(url, elapsed.into()).await),
            Ok(Err(error)) => Err(self.failure(url, error.without_url().into()).await),
            Ok(Ok(response)) => {
                let answer = Streamed::new(response);
                if retry::is_transient(answer.status, &method, attempt) {
                    Err(Failure::Status(answer.into()))
                } else {
                    Ok(answer)
                }
            }
        }
    }

    async fn failure(&self, url: &Url, error: Box<dyn std::error::Error + Send + Sync>) -> Failure {
        let Ok(server) = url.as_str().parse() else {
            return Failure::Error(error, Trouble::Unknown);
        };
        let proxy = self.proxies.leading_to(&server).ok().flatten();
        let trouble = Trouble::on_the_way(error.as_ref(), &server, proxy.as_ref()).await;
        Failure::Error(error, trouble)
    }

    fn build(&self, url: &Url, request: Request) -> reqwest::RequestBuilder {
        let builder = self
            .http
            .request(request.method, url.clone())
            .headers(request.headers);
        match request.body {
            Body::Empty => builder,
            Body::Bytes(bytes) => builder.body(bytes),
            Body::Stream { length, stream } => builder
                .header(http::header::CONTENT_LENGTH, length)
                .body(reqwest::Body::wrap_stream(stream)),
        }
    }
}

impl Failure {
    fn may_pass(&self) -> bool {
        match self {
            Self::Status(_) => true,
            Self::Error(error, trouble) => {
                trouble.may_pass() && !is_refused_redirect(error.as_ref())
            }
        }
    }

    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(answer) => Some(answer.status),
            Self::Error(..) => None,
        }
    }

    /// The wait that the server asks for.
    fn asked(&self) -> Option<Duration> {
        match self {
            Self::Status(answer) => retry::retry_after(&answer.headers, SystemTime::now()),
            Self::Error(..) => None,
        }
    }

    async fn give_up(self, method: Method, url: &Url, attempts: u32) -> TransportError {
        let url = redacted(url);
        let asked = self.asked();
        match self {
            Self::Status(answer) => TransportError::Unavailable {
                method,
                url,
                attempts,
                status: answer.status,
                asked,
                detail: answer.describe().await,
            },
            Self::Error(source, trouble) => TransportError::NoAnswer {
                method,
                url,
                attempts,
                trouble: trouble.into(),
                source,
            },
        }
    }
}

/// Logs one attempt for people who debug: an event with the target `trireme::request`. The URL must be redacted already.
/// Without a status, no answer came.
pub fn log_request(method: &Method, url: &str, status: Option<u16>, took: Duration, attempt: u32) {
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    debug!(
        target: "trireme::request",
        object = "request",
        method = method.as_str(),
        url,
        status,
        milliseconds,
        attempt,
    );
}

/// Whether we do not go where the server sends us: it will send us there again.
fn is_refused_redirect(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<reqwest::Error>();
    error.is_some_and(reqwest::Error::is_redirect)
}

pub(crate) fn parse(text: &str) -> Result<Url, TransportError> {
    let refused = |reason: String| TransportError::Url {
        url: text
            .split('?')
            .next()
            .unwrap_or_default()
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .into(),
        reason,
    };
    let url = Url::parse(text).map_err(|e| refused(e.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(refused(format!("its scheme is {other}"))),
    }
}

/// In the place of a proxy that cannot be used: no connection is made (RFC 6761, section 6.4).
const NO_WAY: &str = "http://proxy-that-cannot-be-used.invalid";

/// Asked anew for every connection, those of redirects included. Where a proxy is wanted and cannot be used, nothing goes past it.
fn through(proxies: Arc<Proxies>) -> reqwest::Proxy {
    reqwest::Proxy::custom(move |url| {
        let Ok(server) = url.as_str().parse() else {
            return Some(NO_WAY.to_owned());
        };
        match proxies.leading_to(&server) {
            Ok(proxy) => proxy.map(|proxy| proxy.to_string()),
            Err(_) => Some(NO_WAY.to_owned()),
        }
    })
}

/// reqwest takes credentials off when host or port change; this adds that https never becomes http, and that nobody leads to
/// this machine or to the metadata of a cloud but who is there.
fn redirects() -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(|attempt| {
        let previous = attempt.previous().last();
        let was_https = previous.is_some_and(|url| url.scheme() == "https");
        let was_here = previous.is_some_and(is_here);
        if was_https && attempt.url().scheme() != "https" {
            attempt.error("a redirect from https to http is not followed")
        } else if is_inside(attempt.url()) && !(was_here && is_here(attempt.url())) {
            attempt.error("a redirect to this machine, or to a link-local address, is not followed")
        } else if attempt.previous().len() > REDIRECTS_LIMIT {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}

/// Whether the host is a number that [`is_reserved`].
fn is_inside(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    is_here(url) || address.is_ok_and(is_reserved)
}

fn is_here(url: &Url) -> bool {
    is_loopback(url.host_str().unwrap_or_default())
}

fn refused(what: &'static str, error: reqwest::Error) -> TransportError {
    TransportError::Options {
        what,
        reason: error.without_url().to_string(),
    }
}
