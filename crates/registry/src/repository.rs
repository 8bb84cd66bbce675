//! One repository, and how every request to it is made.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{StatusCode, header::WWW_AUTHENTICATE};
use trireme_transport::{Client, Fetched, Request, Streamed, TransportError, Trouble};
use url::Url;

use crate::{
    Credentials, RegistryError, RepositoryName,
    auth::{Access, Auth},
};

/// The most that an answer other than a manifest, a blob or a list may have.
pub(crate) const ANSWER_LIMIT_BYTES: u64 = 64 * 1024;

/// A repository in a registry; cheap to clone.
#[derive(Clone)]
pub struct Repository {
    client: Client,
    name: RepositoryName,
    /// Whether plain HTTP is spoken; for good where the caller says so.
    is_plain: Arc<AtomicBool>,
    may_speak_tls: bool,
    /// Whether an answer in plain HTTP has come.
    spoke_plain: Arc<AtomicBool>,
    auth: Arc<Auth>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.name)
    }
}

impl Repository {
    /// The repository `name`. With `insecure`, plain HTTP is spoken. Without it that is tried on loopback, and TLS where a server
    /// there turns out to speak that. `learn` is told of
    /// every token that a token service hands out: a registry may repeat it in an error, which must not show it.
    pub fn new(
        client: Client,
        name: RepositoryName,
        credentials: Option<Credentials>,
        insecure: bool,
        learn: fn(&str),
    ) -> Self {
        Self {
            is_plain: Arc::new((insecure || name.is_here()).into()),
            may_speak_tls: !insecure,
            spoke_plain: Arc::default(),
            client,
            name,
            auth: Arc::new(Auth::new(credentials, learn)),
        }
    }

    /// The same repository for a step that has time: a registry that limits its rate is waited for up to an hour
    /// ([`Client::patient`]).
    #[must_use]
    pub fn patiently(self) -> Self {
        Self {
            client: self.client.patient(),
            ..self
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Its name.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// `BASE/v2/PATH` and what follows it.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("{}/{rest}", self.base())
    }

    fn base(&self) -> String {
        self.name.base_url(self.is_plain.load(Ordering::Relaxed))
    }

    /// A `Location` or `Link` target, which may be relative to the `request` (its URL) that it answers.
    pub(crate) fn resolve(
        &self,
        what: &str,
        request: &str,
        target: &str,
    ) -> Result<Url, RegistryError> {
        let request = Url::parse(request).map_err(|e| RegistryError::malformed(what, e));
        let mut request = request?;
        if !self.is_plain.load(Ordering::Relaxed) {
            // The registry has turned out to speak TLS by its answer. Only a URL without a host could refuse.
            let _ = request.set_scheme("https");
        }
        let found = request.join(target).map_err(|e| {
            RegistryError::malformed(what, format!("it points to a malformed URL: {e}"))
        })?;
        self.secured(what, &request, found)
    }

    /// What is asked over TLS leads to nothing without: a registry behind a proxy that does not know of it is asked as before.
    fn secured(&self, what: &str, request: &Url, mut target: Url) -> Result<Url, RegistryError> {
        if request.scheme() != "https" || target.scheme() == "https" {
            return Ok(target);
        }
        let is_same_server = target.host_str() == request.host_str();
        if is_same_server
            && target
                .port()
                .is_none_or(|port| request.port() == Some(port))
        {
            let _ = target.set_scheme("https");
            return Ok(target);
        }
        let reason = "it leads from https to plain HTTP on another server";
        Err(RegistryError::malformed(what, reason))
    }

    /// Sends what `build` makes, again after authenticating when a 401 of the registry itself asks for it.
    pub(crate) async fn stream(
        &self,
        what: &str,
        access: Access,
        build: impl Fn() -> Request + Send,
    ) -> Result<Streamed, RegistryError> {
        let answer = self.send(access, &build).await;
        let answer = answer.map_err(RegistryError::transport(what))?;
        if answer.status != StatusCode::UNAUTHORIZED || !self.is_own(answer.url()) {
            return Ok(answer);
        }
        let challenges = challenges(&answer);
        let registry = self.resolve(what, &self.base(), "")?;
        self.auth
            .obtain(&self.client, what, &challenges, &registry, access)
            .await?;
        let answer = self.send(access, &build).await;
        answer.map_err(RegistryError::transport(what))
    }

    /// Sends what `build` makes. A server on this machine that wants no plain HTTP is asked over TLS, from then on alone.
    async fn send(
        &self,
        access: Access,
        build: &(impl Fn() -> Request + Send),
    ) -> Result<Streamed, TransportError> {
        let request = || self.auth.authorize(build(), access);
        let over_tls = || self.client.stream(request().over_tls());
        if !self.may_speak_tls {
            return self.client.stream(request()).await;
        }
        if !self.is_plain.load(Ordering::Relaxed) {
            return over_tls().await;
        }
        let plain = self.client.stream(request()).await;
        if !wants_tls(&plain) || self.spoke_plain.load(Ordering::Relaxed) {
            // Only what answered a request of ours otherwise than with 400 is known to speak plain HTTP.
            self.spoke_plain.fetch_or(plain.is_ok(), Ordering::Relaxed);
            return plain;
        }
        let answer = over_tls().await;
        if !speaks_tls(&answer) {
            return plain;
        }
        self.is_plain.store(false, Ordering::Relaxed);
        answer
    }

    /// The same with the whole body.
    pub(crate) async fn fetch(
        &self,
        what: &str,
        access: Access,
        limit_bytes: u64,
        build: impl Fn() -> Request + Send,
    ) -> Result<Fetched, RegistryError> {
        let answer = self.stream(what, access, build).await?;
        let fetched = answer.collect(limit_bytes).await;
        fetched.map_err(RegistryError::transport(what))
    }

    /// Sends a request whose body cannot be sent again. The upload was begun with the same right just before, so its
    /// grant is at hand. It goes to where the registry says; the grant only if that is the registry itself.
    pub(crate) async fn send_once(
        &self,
        what: &str,
        target: &Url,
        request: Request,
    ) -> Result<Fetched, RegistryError> {
        let request = if self.is_own(target) {
            self.auth.authorize(request, Access::Push)
        } else {
            request
        };
        let fetched = self.client.fetch(request, ANSWER_LIMIT_BYTES).await;
        fetched.map_err(RegistryError::transport(what))
    }

    pub(crate) fn is_own(&self, target: &Url) -> bool {
        Url::parse(&self.base()).is_ok_and(|base| base.origin() == target.origin())
    }
}

/// What servers that expect TLS do with plain HTTP: answer 400, or something that is not HTTP.
fn wants_tls(answer: &Result<Streamed, TransportError>) -> bool {
    match answer {
        Ok(answer) => answer.status == StatusCode::BAD_REQUEST,
        Err(error) => error.trouble() == Some(&Trouble::NoHttp),
    }
}

fn speaks_tls(answer: &Result<Streamed, TransportError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => matches!(
            error.trouble(),
            Some(Trouble::Untrusted | Trouble::Certificate(_))
        ),
    }
}

fn challenges(answer: &Streamed) -> Vec<String> {
    let values = answer.headers.get_all(WWW_AUTHENTICATE).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .map(String::from)
        .collect()
}
