//! The requests of one watch: their answers are proof that the API server is there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use kube::Client;
use kube::client::Body;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tower::{BoxError, service_fn};

use crate::cluster::REQUEST_TIMEOUT;
use crate::health::Health;

/// A server or a proxy that ends every watch at once is asked again after this.
const PAUSE: Duration = Duration::from_secs(1);

type HeardBody = UnsyncBoxBody<Bytes, kube::Error>;

/// A client of which every answer, down to each part of it, tells `health` that the API server is there. Who waits for
/// `changed` is woken when a trouble is over.
pub(crate) fn heard(client: Client, health: Arc<Health>, changed: Arc<Notify>) -> Client {
    let namespace = client.default_namespace().to_owned();
    let heard = Heard {
        client,
        health,
        changed,
        watched_at: Arc::default(),
    };
    let service = service_fn(move |request| heard.clone().ask(request));
    Client::new(service, namespace)
}

#[derive(Clone)]
struct Heard {
    client: Client,
    health: Arc<Health>,
    changed: Arc<Notify>,
    /// When the last watch was asked for.
    watched_at: Arc<Mutex<Option<Instant>>>,
}

impl Heard {
    async fn ask(self, request: Request<Body>) -> Result<Response<HeardBody>, BoxError> {
        let query = request.uri().query().unwrap_or_default();
        let is_watch = query.split('&').any(|part| part.starts_with("watch="));
        if is_watch {
            self.pause().await;
        }
        let answer = timeout(REQUEST_TIMEOUT, self.client.send(request)).await??;
        self.health.heard();
        if is_watch && answer.status().is_success() && self.health.connected() {
            self.changed.notify_one();
        }
        let health = self.health;
        Ok(answer.map(|body| {
            let body = body.map_frame(move |frame| {
                health.heard();
                frame
            });
            body.boxed_unsync()
        }))
    }

    /// Watches of one kind follow one another, not faster than one in [`PAUSE`].
    async fn pause(&self) {
        let watched_at = || {
            self.watched_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let last = *watched_at();
        if let Some(last) = last {
            sleep_until(last + PAUSE).await;
        }
        *watched_at() = Some(Instant::now());
    }
}
