//! Which proxy leads to an API server.
//!
//! The rule is that of every other connection of ours, because it is the same code (reqwest's own, from hyper-util):
//! `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in either case, the upper case first. kube's own reading of
//! the environment is not used: version 5 holds `no_proxy` against the address of the proxy instead of the server's, and
//! refuses a `no_proxy` with an empty part. One thing is added, as kubectl has it: loopback is always reached directly.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::Error;

/// The proxy that the environment has for `server`, with its credentials.
///
/// # Errors
/// When it is not an HTTP proxy.
pub(crate) fn of_environment(server: &Uri) -> Result<Option<Uri>, Error> {
    choose(&Matcher::from_env(), server)
}

/// The `proxy-url` of a kubeconfig, which holds whatever the environment says.
///
/// # Errors
/// When it is not the address of an HTTP proxy. Its text is not shown: it may hold a password.
pub(crate) fn of_kubeconfig(text: &str) -> Result<Uri, Error> {
    let proxy = text.parse::<Uri>().ok();
    let proxy = proxy.filter(|proxy| proxy.authority().is_some());
    let proxy = proxy.ok_or_else(|| {
        let message = "`kubeconfig`: `proxy-url` is no address; expected e.g. http://10.0.0.1:3128";
        Error::Access(message.into())
    })?;
    of_http("`proxy-url` of the kubeconfig", proxy)
}

/// The password in the address of a proxy, as it stands there and decoded.
pub(crate) fn secrets(url: &str) -> Vec<String> {
    let user = url.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.rsplit_once(':').map_or("", |(_, password)| password);
    let decoded = percent_decode_str(password).decode_utf8_lossy();
    let mut found = vec![password.to_owned(), decoded.into_owned()];
    found.dedup();
    found.retain(|secret| !secret.is_empty());
    found
}

fn choose(proxies: &Matcher, server: &Uri) -> Result<Option<Uri>, Error> {
    if is_loopback(server) {
        return Ok(None);
    }
    let Some(found) = proxies.intercept(server) else {
        return Ok(None);
    };
    let proxy = of_http("the proxy of the environment", found.uri().clone())?;
    Ok(Some(with_credentials(proxy, &found)))
}

fn is_loopback(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn of_http(what: &str, proxy: Uri) -> Result<Uri, Error> {
    match proxy.scheme_str() {
        Some("http" | "https") => Ok(proxy),
        other => {
            let scheme = other.unwrap_or("none");
            let message = format!(
                "{what} cannot be used: its scheme is {scheme}, expected http or https (no_proxy names servers that need none)"
            );
            Err(Error::Access(message))
        }
    }
}

/// Puts what [`Matcher`] took out of the address back into it: there kube looks for it.
fn with_credentials(proxy: Uri, found: &Intercept) -> Uri {
    let basic = found.basic_auth().and_then(|basic| basic.to_str().ok());
    let basic = basic.and_then(|basic| STANDARD.decode(basic.strip_prefix("Basic ")?).ok());
    let (Some(basic), Some(authority)) = (basic, proxy.authority()) else {
        return proxy;
    };
    let basic = percent_encode(&basic, NON_ALPHANUMERIC);
    let whole = Uri::builder()
        .scheme(proxy.scheme_str().unwrap_or("http"))
        .authority(format!("{basic}@{authority}"))
        .path_and_query("/")
        .build();
    whole.unwrap_or(proxy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(proxy: &str, no: &str, server: &str) -> Result<Option<String>, String> {
        let proxies = Matcher::builder().https(proxy).no(no).build();
        let chosen = choose(&proxies, &server.parse().unwrap());
        chosen
            .map(|proxy| proxy.map(|proxy| proxy.to_string()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_proxy_is_for_servers_that_no_proxy_does_not_name() {
        let proxy = "http://10.0.0.1:3128";
        for (no, server, through) in [
            ("", "https://api.example:6443", true),
            ("10.0.0.1", "https://api.example:6443", true),
            (".example,", "https://api.example:6443", false),
            ("localhost, 10.0.0.0/8", "https://10.9.9.9:6443", false),
            ("*", "https://api.example:6443", false),
            ("", "https://127.0.0.1:6443", false),
            ("", "https://[::1]:6443", false),
            ("", "https://localhost:6443", false),
            // The proxy for https says nothing of http.
            ("", "http://api.example:6443", false),
        ] {
            let chosen = of(proxy, no, server).unwrap();
            assert_eq!(chosen.is_some(), through, "{server}, no_proxy {no:?}");
        }
    }

    #[test]
    fn credentials_of_the_proxy_are_kept_for_it_alone() {
        let server = "https://api.example:6443";
        let chosen = of("http://me:p%40ss@10.0.0.1:3128", "", server);
        assert_eq!(
            chosen.unwrap().unwrap(),
            "http://me%3Ap%40ss@10.0.0.1:3128/"
        );
        let refused = of("socks5://me:secret@10.0.0.1", "", server).unwrap_err();
        assert!(refused.contains("its scheme is socks5"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
        for text in [
            "http://me:sec ret@10.0.0.1",
            "socks5://me:sec@10.0.0.1",
            "/sec",
        ] {
            let refused = of_kubeconfig(text).unwrap_err().to_string();
            assert!(refused.contains("`proxy-url`"), "{refused}");
            assert!(!refused.contains("sec"), "{refused}");
        }
    }
}
