//! Which proxy leads to an API server: the one in the kubeconfig, or the one that every other connection of ours uses.
//!
//! kube's own reading of the environment is not used: version 5 holds `no_proxy` against the address of the proxy instead
//! of the server's, and refuses a `no_proxy` with an empty part.

use http::Uri;
use percent_encoding::percent_decode_str;
use trireme_transport::{Proxies, http_proxy};

use crate::Error;

/// The proxy that the environment has for `server`, with its credentials.
///
/// # Errors
/// When it is not an HTTP proxy.
pub(crate) fn of_environment(server: &Uri) -> Result<Option<Uri>, Error> {
    let proxy = Proxies::of_environment().leading_to(server);
    proxy.map_err(|error| Error::Environment(error.to_string()))
}

/// The `proxy-url` of a kubeconfig, which holds whatever the environment says.
///
/// # Errors
/// When it is not the address of an HTTP proxy. Its text is not shown: it may hold a password.
pub(crate) fn of_kubeconfig(text: &str) -> Result<Uri, Error> {
    let proxy = text.parse::<Uri>().ok();
    let proxy = proxy.filter(|proxy| proxy.authority().is_some());
    let proxy = proxy.ok_or_else(|| {
        let message =
            "`kubeconfig`: `proxy-url` is not an address; expected e.g. http://10.0.0.1:3128";
        Error::Access(message.into())
    })?;
    http_proxy("`proxy-url` of the kubeconfig", proxy)
        .map_err(|error| Error::Access(error.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_url_that_is_none_is_refused_without_showing_it() {
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
