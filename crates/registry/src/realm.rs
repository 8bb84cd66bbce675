//! Where a password may go: which token services a registry may name.
//!
//! The rules are those of go-containerregistry (`pkg/v1/remote/transport/bearer.go`, `validateRealmURL`, its issue 2258), and one
//! of ours: a password never goes to a plain-HTTP address that is not the registry itself.

use std::net::IpAddr;

use trireme_transport::is_reserved;
use url::{Host, Url};

/// The address of the token service that a registry names, if it may be asked.
///
/// # Errors
/// Why not: it is no HTTP address, it is a step down from https to http, it would send the password in clear text over a
/// network, or it names an address inside of a network that the registry is not at.
pub(crate) fn token_service(
    realm: &str,
    registry: &Url,
    has_password: bool,
) -> Result<Url, String> {
    let url = Url::parse(realm).map_err(|error| format!("its address is malformed: {error}"))?;
    let is_registry = url.origin() == registry.origin();
    match url.scheme() {
        "https" => {}
        "http" if registry.scheme() != "http" => {
            return Err("the registry is spoken to over https, and its token service over plain http; it must have https".into());
        }
        "http" if has_password && !is_registry => {
            return Err("it would get the password over plain http; it must have https, or be at the registry's own address".into());
        }
        "http" => {}
        other => return Err(format!("its scheme is {other}, expected https")),
    }
    if !is_registry && is_private(&url) {
        return Err("it is an address of a private network that is not the registry's own; name it by a host name".into());
    }
    Ok(url)
}

/// Whether the host is a number that means something only inside of a network, or this machine. What a name resolves to is not
/// looked at.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_private() || is_reserved(address.into()),
        Some(Host::Ipv6(address)) => address.is_unique_local() || is_reserved(IpAddr::V6(address)),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked with a password, and without one.
    fn asked(realm: &str, registry: &str) -> (bool, bool) {
        let registry = Url::parse(registry).unwrap();
        let is_asked = |has_password| token_service(realm, &registry, has_password).is_ok();
        (is_asked(true), is_asked(false))
    }

    /// `TestValidateRealmURLUnspecified` of go-containerregistry.
    #[test]
    fn a_number_of_a_private_network_is_no_token_service() {
        for (realm, may) in [
            ("https://0.0.0.0/token", false),
            ("https://0.0.0.0:8443/token", false),
            ("https://[::]/token", false),
            ("https://[::]:8443/token", false),
            ("https://127.0.0.1/token", false),
            ("https://[::1]/token", false),
            ("https://10.0.0.1/token", false),
            ("https://172.16.0.1/token", false),
            ("https://192.168.1.1/token", false),
            ("https://169.254.169.254/token", false),
            ("https://[fe80::1]/token", false),
            ("https://[fd00:ec2::254]/token", false),
            ("https://[::ffff:169.254.169.254]/token", false),
            ("https://2852039166/token", false),
            ("https://localhost/token", false),
            ("https://8.8.8.8/token", true),
            ("https://registry.example.com/token", true),
        ] {
            assert_eq!(
                asked(realm, "https://other.example.com"),
                (may, may),
                "{realm}"
            );
        }
    }

    /// `TestValidateRealmURLSameHost` of go-containerregistry.
    #[test]
    fn the_registry_itself_may_be_its_token_service() {
        for (name, realm, registry, may) in [
            (
                "the same loopback address",
                "http://127.0.0.1:5000/auth",
                "http://127.0.0.1:5000",
                true,
            ),
            (
                "another port of it",
                "http://127.0.0.1:8080/auth",
                "http://127.0.0.1:5000",
                false,
            ),
            (
                "the same private address",
                "https://10.0.0.1/auth",
                "https://10.0.0.1",
                true,
            ),
            (
                "the same IPv6 address",
                "http://[::1]:5000/auth",
                "http://[::1]:5000",
                true,
            ),
            (
                "loopback for another host",
                "http://127.0.0.1:5000/auth",
                "http://registry.example.com",
                false,
            ),
            (
                "metadata for another host",
                "https://169.254.169.254/auth",
                "https://registry.example.com",
                false,
            ),
            (
                "the scheme counts on the same host",
                "http://127.0.0.1:5000/auth",
                "https://127.0.0.1:5000",
                false,
            ),
        ] {
            assert_eq!(asked(realm, registry), (may, may), "{name}");
        }
    }

    /// Realm, registry, and whether it is asked with and without credentials.
    const REALMS: [(&str, &str, bool, bool); 11] = [
        (
            "https://auth.example.com/token",
            "https://registry.example.com",
            true,
            true,
        ),
        (
            "https://auth.example.com/token",
            "http://registry.example.com",
            true,
            true,
        ),
        (
            "http://auth.example.com/token",
            "https://registry.example.com",
            false,
            false,
        ),
        (
            "http://registry.example.com/token",
            "https://registry.example.com",
            false,
            false,
        ),
        (
            "http://registry.example.com/token",
            "http://registry.example.com",
            true,
            true,
        ),
        (
            "http://registry.example.com:8080/token",
            "http://registry.example.com",
            false,
            true,
        ),
        (
            "http://auth.example.com/token",
            "http://registry.example.com",
            false,
            true,
        ),
        (
            "ftp://registry.example.com/token",
            "http://registry.example.com",
            false,
            false,
        ),
        (
            "file:///etc/passwd",
            "https://registry.example.com",
            false,
            false,
        ),
        ("/token", "https://registry.example.com", false, false),
        ("", "https://registry.example.com", false, false),
    ];

    #[test]
    fn a_password_goes_up_to_https_and_never_down_to_plain_http() {
        for (realm, registry, with, without) in REALMS {
            assert_eq!(
                asked(realm, registry),
                (with, without),
                "{realm} of {registry}"
            );
        }
    }
}
