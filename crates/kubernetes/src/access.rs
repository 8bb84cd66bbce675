//! The way to a Kubernetes API.

use std::time::Duration;

use http::Uri;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::{Error, kubeconfig, proxy};

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

/// A client for `access`, through the proxy of the kubeconfig or else of the environment ([`proxy`]). Async because it
/// needs the runtime: its worker starts here.
///
/// # Errors
/// [`Error::Access`] when the kubeconfig cannot be read, has no such context, or would start a program or read files (a
/// container has neither), and when its certificates or the proxy cannot be used.
pub async fn connect(access: Access<'_>) -> Result<Client, Error> {
    // A second call finds the provider of the first: both are ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = match access {
        Access::Kubeconfig(text) => kubeconfig::read(text)?,
        Access::Token {
            server,
            token,
            ca_certs,
        } => from_token(server, token, ca_certs)?,
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    // An eviction that a budget refuses is an answer (429), not a reason to ask again.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| Error::Access(format!("the way to the API: {error}")))
}

fn from_token(server: &str, token: &str, ca_certs: &[String]) -> Result<Config, Error> {
    let server = address(server)?;
    let proxy_url = proxy::of_environment(&server)?;
    let mut config = Config::new(server);
    config.proxy_url = proxy_url;
    config.auth_info.token = Some(kubeconfig::bearer(token)?.into());
    if !ca_certs.is_empty() {
        let text = ca_certs.join("\n");
        config.root_cert = Some(certificates("`ca_certs`", text.as_bytes())?);
    }
    Ok(config)
}

/// The address of an API server.
pub(crate) fn address(text: &str) -> Result<Uri, Error> {
    let server: Option<Uri> = text.parse().ok();
    let server = server.filter(|server| matches!(server.scheme_str(), Some("https" | "http")));
    server.ok_or_else(|| {
        let message =
            "the way to the API: `server` is no address; expected e.g. https://10.0.0.1:6443";
        Error::Access(message.into())
    })
}

/// The certificates of a PEM text, of which there must be one at least.
pub(crate) fn certificates(key: &str, pem: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
        .collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Access(format!(
            "the way to the API: {key} has no certificate; expected PEM, as -----BEGIN CERTIFICATE-----"
        ))),
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

    #[tokio::test]
    async fn text_that_is_no_kubeconfig_is_refused_without_showing_it() {
        let Err(error) = connect(Access::Kubeconfig("secret: [")).await else {
            panic!("taken");
        };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
