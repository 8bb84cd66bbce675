//! Which proxy leads to a server.
//!
//! The rule is that of reqwest, because it is the same code (hyper-util's): `https_proxy`, `http_proxy`, `all_proxy` and
//! `no_proxy`, in either case, the upper case first. One thing is added, as kubectl and Go have it: a proxy of the
//! environment is never asked for loopback. A proxy that a source or a kubeconfig names holds whatever the environment says.

use std::{env, error::Error, net::IpAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    Method, Request, StatusCode, Uri,
    header::{HOST, PROXY_AUTHORIZATION},
};
use hyper::client::conn::http1;
use hyper_util::{
    client::proxy::matcher::{Intercept, Matcher},
    rt::TokioIo,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tokio::{net::TcpStream, time::timeout};
use url::Url;

use crate::TransportError;

/// A proxy that refused is asked once more, for its reason.
const REASON_DEADLINE: Duration = Duration::from_secs(5);

/// The longest part of the name of a host, in bytes (RFC 1035, section 2.3.4).
const LABEL_MAX: usize = 63;

/// The proxies of the environment, or one that a source names.
pub struct Proxies {
    matcher: Matcher,
    is_named: bool,
}

impl Proxies {
    /// As the environment has them now.
    pub fn of_environment() -> Self {
        Self {
            matcher: Matcher::from_env(),
            is_named: false,
        }
    }

    /// For no server.
    pub(crate) fn none() -> Self {
        Self {
            matcher: Matcher::builder().build(),
            is_named: false,
        }
    }

    /// This one, for all servers that `no_proxy` does not name.
    ///
    /// # Errors
    /// [`TransportError::Options`] when it is not an HTTP proxy: nothing may go another way because it is not understood.
    pub(crate) fn named(proxy: &str) -> Result<Self, TransportError> {
        let proxy = address(proxy)?;
        let all = || Matcher::builder().all(proxy.to_string());
        let found = all().build().intercept(&Uri::from_static(ANY_SERVER));
        let found = found.ok_or_else(|| refused("it is not the address of a proxy"))?;
        http_proxy(NAMED, found.uri().clone())?;
        let no = env::var("NO_PROXY").or_else(|_| env::var("no_proxy"));
        Ok(Self {
            matcher: all().no(no.unwrap_or_default()).build(),
            is_named: true,
        })
    }

    /// The proxy for `server`, with its credentials; `None` where none is wanted.
    ///
    /// # Errors
    /// [`TransportError::Options`] when it is not an HTTP proxy.
    pub fn leading_to(&self, server: &Uri) -> Result<Option<Uri>, TransportError> {
        if !self.is_named && is_loopback(server.host().unwrap_or_default()) {
            return Ok(None);
        }
        let Some(found) = self.matcher.intercept(server) else {
            return Ok(None);
        };
        let what = match self.is_named {
            true => NAMED,
            false => "the proxy of the environment",
        };
        let proxy = http_proxy(what, found.uri().clone())?;
        Ok(Some(with_credentials(proxy, &found)))
    }
}

/// A proxy that a source names, in messages.
const NAMED: &str = "the proxy";
/// A server that no proxy is kept from.
const ANY_SERVER: &str = "https://server.invalid";

fn refused(reason: impl Into<String>) -> TransportError {
    TransportError::Options {
        what: NAMED,
        reason: reason.into(),
    }
}

/// The address of a proxy, as curl and others take it: without a scheme it is http. Its text is not shown.
fn address(text: &str) -> Result<Url, TransportError> {
    let text = text.trim();
    let found = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    };
    let found = found.ok().filter(Url::has_host);
    found.ok_or_else(|| refused("it is no URL; expected http://HOST:PORT"))
}

/// Whether a host is this machine by its very name.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether an address is this machine's own, or one that only its link knows: where clouds answer with credentials
/// (169.254.169.254), and what nobody on a network can be meant by.
pub fn is_reserved(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    address.is_loopback() || address.is_unspecified() || is_link_local
}

/// An address that `what` says is that of a proxy, if we can go through it.
///
/// # Errors
/// [`TransportError::Options`] when it is not an HTTP proxy. Its text is not shown: it may hold a password.
pub fn http_proxy(what: &'static str, proxy: Uri) -> Result<Uri, TransportError> {
    let refused = |reason| Err(TransportError::Options { what, reason });
    let scheme = proxy.scheme_str().unwrap_or("none");
    if !matches!(scheme, "http" | "https") {
        return refused(format!(
            "its scheme is {scheme}, expected http or https (no_proxy names servers that need none)"
        ));
    }
    let mut labels = proxy.host().unwrap_or_default().split('.');
    if labels.any(|label| label.len() > LABEL_MAX) {
        // A secret that lost its place, mostly: as the name of a host it would be shown.
        return refused("what stands there is longer than the name of a host can be".into());
    }
    Ok(proxy)
}

/// The address of a proxy, without credentials.
pub(crate) fn shown(proxy: &Uri) -> String {
    let authority = proxy.authority().map_or("", |authority| authority.as_str());
    let (_, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    format!("{}://{address}", proxy.scheme_str().unwrap_or("http"))
}

/// Whether the host of a proxy is an IP address.
pub(crate) fn is_number(proxy: &Uri) -> bool {
    let host = proxy.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok()
}

/// Whether a proxy was reached and did not open the way. hyper-util, through which all our clients go, says that in words alone,
/// and not with which status.
pub(crate) fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let words = [
        "tunnel error: unsuccessful",
        "tunnel error: proxy authorization required",
    ];
    causes
        .map(ToString::to_string)
        .any(|said| words.contains(&&*said))
}

/// With which status an HTTP proxy refuses the way to a server. `None` when it does not refuse it now, or cannot be asked.
pub(crate) async fn refusal(proxy: &Uri, server: &Uri) -> Option<StatusCode> {
    let asked = timeout(REASON_DEADLINE, ask(proxy, server)).await;
    asked.ok().flatten().filter(|status| !status.is_success())
}

async fn ask(proxy: &Uri, server: &Uri) -> Option<StatusCode> {
    let matcher = Matcher::builder().all(proxy.to_string()).build();
    let found = matcher.intercept(server)?;
    let host = found.uri().host()?.trim_matches(['[', ']']);
    let address = (host, found.uri().port_u16().unwrap_or(80));
    if found.uri().scheme_str() != Some("http") {
        return None;
    }
    let target = format!("{}:{}", server.host()?, server.port_u16().unwrap_or(443));
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(&target)
        .header(HOST, &target);
    if let Some(basic) = found.basic_auth() {
        request = request.header(PROXY_AUTHORIZATION, basic);
    }
    let request = request.body(String::new()).ok()?;
    let stream = TokioIo::new(TcpStream::connect(address).await.ok()?);
    let (mut sender, connection) = http1::handshake(stream).await.ok()?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    connection.abort();
    answer.ok().map(|answer| answer.status())
}

/// Puts what [`Matcher`] took out of the address back into it: there clients look for it.
fn with_credentials(proxy: Uri, found: &Intercept) -> Uri {
    let basic = found.basic_auth().and_then(|basic| basic.to_str().ok());
    let basic = basic.and_then(|basic| STANDARD.decode(basic.strip_prefix("Basic ")?).ok());
    let (Some(basic), Some(authority)) = (basic, proxy.authority()) else {
        return proxy;
    };
    let encoded: Vec<String> = basic
        .splitn(2, |byte| *byte == b':')
        .map(|part| percent_encode(part, NON_ALPHANUMERIC).to_string())
        .collect();
    let whole = Uri::builder()
        .scheme(proxy.scheme_str().unwrap_or("http"))
        .authority(format!("{}@{authority}", encoded.join(":")))
        .path_and_query("/")
        .build();
    whole.unwrap_or(proxy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(proxy: &str, no: &str, server: &str) -> Result<Option<String>, String> {
        let proxies = Proxies {
            matcher: Matcher::builder().https(proxy).no(no).build(),
            is_named: false,
        };
        let chosen = proxies.leading_to(&server.parse().unwrap());
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
        for (given, kept) in [
            ("me:p%40s%3As", "me:p%40s%3As"),
            ("m%2Fe:", "m%2Fe:"),
            ("me", "me:"),
        ] {
            let chosen = of(&format!("http://{given}@10.0.0.1:3128"), "", server);
            let expected = format!("http://{kept}@10.0.0.1:3128/");
            assert_eq!(chosen.unwrap().unwrap(), expected);
        }
        let refused = of("socks5://me:secret@10.0.0.1", "", server).unwrap_err();
        assert!(refused.contains("its scheme is socks5"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }

    #[test]
    fn a_named_proxy_is_gone_through_or_refused_and_never_passed_by() {
        let server: Uri = "https://api.example".parse().unwrap();
        for (text, through) in [
            ("http://10.0.0.1:3128\n", "http://10.0.0.1:3128/"),
            ("proxy.corp:3128", "http://proxy.corp:3128/"),
            ("proxy.corp:3128/", "http://proxy.corp:3128/"),
            ("http://me:a|b@10.0.0.1", "http://me:a%7Cb@10.0.0.1/"),
        ] {
            let proxies = Proxies::named(text).unwrap();
            let chosen = proxies.leading_to(&server).unwrap().unwrap();
            assert_eq!(chosen.to_string(), through, "{text}");
        }
        for text in [
            "",
            "socks5://canary",
            "ftp://canary",
            "http://",
            "http://[canary",
        ] {
            let refused = Proxies::named(text).err().unwrap().to_string();
            assert!(!refused.contains("canary"), "{refused}");
        }
    }

    #[test]
    fn what_is_too_long_for_a_host_is_no_proxy_and_is_not_shown() {
        let host = |length| format!("http://{}.example:3128", "a".repeat(length));
        let server = "https://api.example:6443";
        assert!(of(&host(63), "", server).unwrap().is_some());
        let refused = of(&host(64), "", server).unwrap_err();
        assert!(!refused.contains("aaa"), "{refused}");
    }
}
