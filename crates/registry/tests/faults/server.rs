//! A server that answers as its script says.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};

/// An answer of the script.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Without this value of `Authorization` it is a 401 with this challenge.
    guarded: Option<(String, String)>,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn guarded(mut self, authorization: &str, challenge: String) -> Self {
        self.guarded = Some((authorization.into(), challenge));
        self
    }
}

/// Method, path and query, and `Authorization` of a request.
pub type Asked = (String, Option<String>);

#[derive(Clone, Default)]
pub struct Server {
    script: Arc<Mutex<HashMap<String, Answer>>>,
    requests: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub async fn start() -> (Self, SocketAddr) {
        let server = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("it works on loopback");
        let address = listener.local_addr().expect("it works on loopback");
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, address)
    }

    pub fn on(&self, request: &str, answer: Answer) {
        self.script
            .lock()
            .expect("no panic before")
            .insert(request.into(), answer);
    }

    pub fn requests(&self, start: &str) -> Vec<Asked> {
        let requests = self.requests.lock().expect("no panic before").clone();
        let wanted = |(request, _): &Asked| request.starts_with(start);
        requests.into_iter().filter(wanted).collect()
    }
}

async fn answer(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    _body: Bytes,
) -> Response {
    let request = format!("{method} {uri}");
    let authorization = headers.get("authorization");
    let authorization = authorization.map(|value| value.to_str().expect("text").to_owned());
    let log = (request.clone(), authorization.clone());
    server.requests.lock().expect("no panic before").push(log);
    let found = server
        .script
        .lock()
        .expect("no panic before")
        .get(&request)
        .cloned();
    let Some(found) = found else {
        return (StatusCode::NOT_FOUND, "{}").into_response();
    };
    if let Some((expected, challenge)) = found.guarded
        && authorization != Some(expected)
    {
        let headers = [("www-authenticate", challenge)];
        return (StatusCode::UNAUTHORIZED, headers, "{}").into_response();
    }
    let mut response = found.body.into_response();
    *response.status_mut() = StatusCode::from_u16(found.status).expect("it works on loopback");
    for (name, value) in found.headers {
        response
            .headers_mut()
            .insert(name, value.parse().expect("well-formed"));
    }
    response
}
