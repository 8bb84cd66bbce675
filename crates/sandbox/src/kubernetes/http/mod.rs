//! The API over HTTPS: authentication, authorization, and which module answers.

mod answer;
mod call;
mod discovery;
pub(super) mod faults;
mod list;
mod list_options;
mod on;
mod protobuf;
mod resources;
mod reviews;
mod table;
mod watch;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use tokio::time::sleep;

use self::{
    answer::Body,
    call::{Call, Target},
    faults::{Fault, Faults, Sort},
};
use super::{
    access::{self, Identity, Tokens},
    failure::Failure,
    kinds,
    store::Store,
};
use crate::connections::{self, Dropped, Handler};

/// The largest body of a request, as the real server has it (`MaxRequestBodyBytes`, 3 MiB).
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Service {
    pub store: Arc<Store>,
    pub tokens: Tokens,
    /// The version that is reported while there is no control plane node.
    pub version: String,
    /// Which requests fail or are slow, if any.
    pub faults: Option<Faults>,
    /// The certificate authority, which pods and clients are told.
    pub ca_pem: String,
}

/// The handler of all connections.
pub(crate) fn handler(service: Arc<Service>) -> Handler {
    Arc::new(move |request| {
        let service = Arc::clone(&service);
        Box::pin(async move {
            let response = service.answer(request).await?;
            Ok(response.map(axum::body::Body::new))
        })
    })
}

impl Service {
    /// Answers one request, unless its connection drops.
    async fn answer(&self, request: Request<axum::body::Body>) -> Result<Response<Body>, Dropped> {
        let Some(fault) = self.fault(&request) else {
            return Ok(self.answer_at_once(request).await);
        };
        match fault {
            Fault::Late(time) => sleep(time).await,
            Fault::Error => return Ok(faults::error()),
            Fault::TooMany => return Ok(faults::too_many()),
            Fault::Dropped => return Err(Dropped),
            _ => {}
        }
        let response = self.answer_at_once(request).await;
        match fault {
            Fault::LateAnswer(time) => sleep(time).await,
            Fault::TimedOut => return Ok(faults::timed_out()),
            Fault::AnswerLost => return Err(Dropped),
            Fault::Short(time) => return Ok(faults::shortened(response, time)),
            _ => {}
        }
        Ok(response)
    }

    fn fault(&self, request: &Request<axum::body::Body>) -> Option<Fault> {
        let faults = self.faults.as_ref()?;
        let who = self.authenticate(request).ok()?;
        let call = Call::of(request).ok()?;
        let sort = match [Method::GET, Method::HEAD].contains(&call.method) {
            true if call.is_watch() => Sort::Watch,
            true => Sort::Read,
            false => Sort::Write,
        };
        faults.next(&who.name, sort)
    }

    /// Answers one request; a refusal is an answer too.
    async fn answer_at_once(&self, request: Request<axum::body::Body>) -> Response<Body> {
        match self.try_answer(request).await {
            Ok(response) => response,
            Err(failure) => answer::failure(&failure),
        }
    }

    async fn try_answer(
        &self,
        request: Request<axum::body::Body>,
    ) -> Result<Response<Body>, Failure> {
        let sender = self.authenticate(&request)?;
        let who = self
            .store
            .with(|world| access::impersonated(world, sender, request.headers()))?;
        let call = Call::of(&request)?;
        let question = call.question();
        if !self
            .store
            .with(|world| access::allows(world, &who, &question))
        {
            let details = call.denied_details();
            return Err(Failure::denied(question.refusal(&who), details));
        }
        match &call.target {
            Target::Path => discovery::answer(self, &call),
            Target::Resource { group, .. } if !kinds::serves_group(group) => {
                Ok(answer::not_found_page())
            }
            Target::Resource { kind: None, .. } => Err(Failure::no_such_resource()),
            Target::Resource { .. } => {
                let body = read_body(request).await?;
                resources::answer(self, &who, &call, &body)
            }
        }
    }

    /// A request without a token is anonymous; one with a wrong token is refused.
    fn authenticate(&self, request: &Request<axum::body::Body>) -> Result<Identity, Failure> {
        let header = request.headers().get(header::AUTHORIZATION);
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::trim)
            .filter(|token| !token.is_empty());
        let Some(token) = token else {
            return Ok(Identity::anonymous());
        };
        let known = self.tokens.identify(token, Timestamp::now());
        known.ok_or_else(Failure::unauthorized)
    }
}

async fn read_body(request: Request<axum::body::Body>) -> Result<Bytes, Failure> {
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(Bytes::new());
    }
    let body = Limited::new(request.into_body(), BODY_LIMIT);
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Failure::too_large(BODY_LIMIT))
        }
        Err(error) if connections::is_late(&*error) => Err(Failure::bare(
            408,
            "the body of the request did not arrive in time",
        )),
        Err(error) => Err(Failure::bad_request(format!("reading the body: {error}"))),
    }
}
