//! The way to a Kubernetes API.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig};
use kube::config::{NamedAuthInfo, NamedCluster, NamedContext};
use kube::{Client, Config};

use crate::Error;

/// A TCP and TLS handshake that takes longer does not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Watches are asked to end after 60 s, and real servers send something at least that often.
const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// How to reach an API, and as whom. Has no `Debug`: it holds secrets.
pub enum Access<'a> {
    /// The content of a kubeconfig file; its current context counts.
    Kubeconfig(&'a str),
    /// An address, a bearer token, and PEM certificates that the server's must come from (none: the platform's).
    Token {
        /// E.g. `https://10.0.0.1:6443`.
        server: &'a str,
        /// The bearer token.
        token: &'a str,
        /// PEM certificates.
        ca_certs: &'a [String],
    },
}

/// A client for `access`.
///
/// # Errors
/// [`Error::Access`] when the kubeconfig cannot be read, has no such context, or would start a program or read files:
/// a container has neither.
pub async fn connect(access: Access<'_>) -> Result<Client, Error> {
    // A second call finds the provider of the first: both are ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = match access {
        Access::Kubeconfig(text) => read(text)?,
        Access::Token {
            server,
            token,
            ca_certs,
        } => from_token(server, token, ca_certs),
    };
    let wrong =
        |error: &dyn std::fmt::Display| Error::Access(format!("the way to the API: {error}"));
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| wrong(&error))?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    // An eviction that a budget refuses is an answer (429), not a reason to ask again.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| wrong(&error))
}

/// What is secret in a kubeconfig, each by itself: tokens, passwords and keys (as they stand there, and decoded). None of
/// text that is no kubeconfig.
pub fn secrets(kubeconfig: &str) -> Vec<String> {
    let users = Kubeconfig::from_yaml(kubeconfig).map(|kubeconfig| kubeconfig.auth_infos);
    let users = users.unwrap_or_default();
    let users = users
        .iter()
        .filter_map(|user| serde_json::to_value(user.auth_info.as_ref()?).ok());
    users.flat_map(|user| secrets_of(&user)).collect()
}

fn secrets_of(user: &serde_json::Value) -> Vec<String> {
    let found = ["token", "password", "client-key-data"]
        .into_iter()
        .filter_map(|key| user[key].as_str());
    let mut found: Vec<String> = found.map(str::to_owned).collect();
    let key = user["client-key-data"].as_str();
    let key = key.and_then(|key| STANDARD.decode(key).ok());
    found.extend(key.and_then(|key| String::from_utf8(key).ok()));
    found
}

fn read(text: &str) -> Result<Kubeconfig, Error> {
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| {
        Error::Access(
            "`kubeconfig` is not a kubeconfig; expected the content of one, as YAML".into(),
        )
    })?;
    for user in &kubeconfig.auth_infos {
        let Some(auth) = &user.auth_info else {
            continue;
        };
        let refused = [
            (
                auth.exec.is_some(),
                "exec",
                "a container has no plugin to start",
            ),
            (
                auth.auth_provider.is_some(),
                "auth-provider",
                "Kubernetes removed it",
            ),
            (
                auth.token_file.is_some(),
                "tokenFile",
                "a container has no such file",
            ),
            (
                auth.client_certificate.is_some(),
                "client-certificate",
                "give client-certificate-data",
            ),
            (
                auth.client_key.is_some(),
                "client-key",
                "give client-key-data",
            ),
        ];
        if let Some((_, key, why)) = refused.into_iter().find(|(found, ..)| *found) {
            let name = &user.name;
            let message = format!(
                "`kubeconfig`: user {name} has `{key}`, which is not supported ({why}); use a token"
            );
            return Err(Error::Access(message));
        }
    }
    Ok(kubeconfig)
}

fn from_token(server: &str, token: &str, ca_certs: &[String]) -> Kubeconfig {
    let name = "trireme".to_owned();
    let bundle = (!ca_certs.is_empty()).then(|| STANDARD.encode(ca_certs.join("\n")));
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: name.clone(),
            cluster: Some(Cluster {
                server: Some(server.into()),
                certificate_authority_data: bundle,
                ..Cluster::default()
            }),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: name.clone(),
            auth_info: Some(AuthInfo {
                token: Some(token.to_owned().into()),
                ..AuthInfo::default()
            }),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: name.clone(),
            context: Some(Context {
                cluster: name.clone(),
                user: Some(name.clone()),
                ..Context::default()
            }),
            ..NamedContext::default()
        }],
        current_context: Some(name),
        ..Kubeconfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kubeconfig_that_would_start_a_program_or_read_a_file_is_refused() {
        for key in [
            "exec: {command: sh}",
            "tokenFile: /etc/token",
            "client-key: /etc/key",
        ] {
            let text = format!("users: [{{name: me, user: {{{key}}}}}]");
            let Err(error) = connect(Access::Kubeconfig(&text)).await else {
                panic!("{key} was taken");
            };
            let name = key.split(':').next().unwrap();
            assert!(
                error.to_string().contains(&format!("user me has `{name}`")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_secret_in_a_kubeconfig_is_known_by_itself() {
        let text = "users: [{name: a, user: {token: t0, client-key-data: a2V5}}, {name: b, user: {password: p0}}]";
        assert_eq!(secrets(text), ["t0", "a2V5", "key", "p0"]);
        assert_eq!(secrets("users: ["), [""; 0]);
    }

    #[tokio::test]
    async fn text_that_is_no_kubeconfig_is_refused_without_showing_it() {
        let Err(error) = connect(Access::Kubeconfig("secret: [")).await else {
            panic!("taken");
        };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
