//! From a kubeconfig to a client, and the few requests that are made as plain JSON.

use http::{Method, Request};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

use crate::SandboxError;

/// A client with the credentials of a kubeconfig, given as content.
///
/// # Errors
/// The kubeconfig is malformed, or its certificates are.
pub async fn connect(kubeconfig: &str) -> Result<Client, SandboxError> {
    let invalid = |error| SandboxError::Kubeconfig(Box::new(error));
    let parsed = Kubeconfig::from_yaml(kubeconfig).map_err(invalid)?;
    let mut config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
        .await
        .map_err(invalid)?;
    // The server is on loopback: a proxy of the environment must not be used.
    config.proxy_url = None;
    Client::try_from(config).map_err(SandboxError::kubernetes(
        "make a client from the kubeconfig",
    ))
}

/// Creates an object below a collection, unless one of that name is there already.
pub(crate) async fn ensure(
    client: &Client,
    collection: &str,
    body: &Value,
) -> Result<(), SandboxError> {
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    match send(client, Method::POST, collection, "application/json", body).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        answer => answer.map(|_| ()).map_err(SandboxError::kubernetes(format!(
            "create {collection}/{name}"
        ))),
    }
}

/// Merges fields into an object.
pub(crate) async fn merge(
    client: &Client,
    path: &str,
    body: &Value,
) -> Result<Value, SandboxError> {
    let sent = send(
        client,
        Method::PATCH,
        path,
        "application/merge-patch+json",
        body,
    )
    .await;
    sent.map_err(SandboxError::kubernetes(format!("patch {path}")))
}

async fn send(
    client: &Client,
    method: Method,
    path: &str,
    kind: &str,
    body: &Value,
) -> Result<Value, kube::Error> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind);
    let request = request
        .body(body.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}
