//! The client certificate and key of a kubeconfig. What no connection could use is named before one is tried; of the key
//! nothing is ever shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use kube::config::AuthInfo;
use rustls::InconsistentKeys;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{ASN1Time, X509Version};

use crate::{Error, certificates};

const CERTIFICATE: &str = "`client-certificate-data` of `kubeconfig`";
const KEY: &str = "`client-key-data` of `kubeconfig`";

/// How wrong our clock may be before we trust it against the dates of a certificate: the API server judges them by its own.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// Checks the certificate data and the key data of `user`, and removes the line breaks that base64 may have.
///
/// # Errors
/// [`Error::Access`] when one of them is missing or malformed, when they do not belong together, when the certificate is of
/// X.509 version 1, and when it is not valid `now` and nothing else says who the user is.
pub(crate) fn check(user: &mut AuthInfo, now: Timestamp) -> Result<(), Error> {
    let shown = serde_json::to_value(&*user).unwrap_or_default();
    let text = |key: &str| shown[key].as_str().map(str::to_owned);
    let (certificate, key) = match (text("client-certificate-data"), text("client-key-data")) {
        (None, None) => return Ok(()),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => return Err(missing(CERTIFICATE, "client-key-data")),
        (None, Some(_)) => return Err(missing(KEY, "client-certificate-data")),
    };
    let pem = decoded(CERTIFICATE, &certificate)?;
    let chain = certificates::read(CERTIFICATE, &pem)?;
    check_version(&chain)?;
    let has_token = shown["token"].is_string() || shown["password"].is_string();
    if !has_token {
        check_dates(&chain, now)?;
    }
    let key = decoded(KEY, &key)?;
    check_key(&chain, &key)?;
    user.client_certificate_data = Some(STANDARD.encode(&pem));
    user.client_key_data = Some(STANDARD.encode(&key).into());
    Ok(())
}

/// Base64 as kubectl reads it: line breaks do not count.
///
/// # Errors
/// [`Error::Access`]. It does not say where the text is wrong, since that would show a character of it.
pub(crate) fn decoded(key: &str, text: &str) -> Result<Vec<u8>, Error> {
    let text: String = text.split_ascii_whitespace().collect();
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| {
        wrong(format!(
            "{key} is not base64; encode the PEM file with `base64`"
        ))
    })
}

fn check_version(chain: &[CertificateDer<'_>]) -> Result<(), Error> {
    let own = chain.first().and_then(|der| certificates::parse(der));
    match own.is_some_and(|own| own.version() == X509Version::V1) {
        false => Ok(()),
        true => Err(wrong(
            "the client certificate of `kubeconfig` is X.509 v1, which TLS does not accept; make it again with an extension \
             (v3; `openssl x509 -req` needs -extfile for that), or use a token",
        )),
    }
}

fn check_dates(chain: &[CertificateDer<'_>], now: Timestamp) -> Result<(), Error> {
    let Some(own) = chain.first().and_then(|der| certificates::parse(der)) else {
        return Ok(());
    };
    let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let (begin, end) = (
        time(own.validity().not_before),
        time(own.validity().not_after),
    );
    let problem = match (begin, end) {
        (_, Some(end)) if now - CLOCK_TOLERANCE > end => format!("expired at {end}"),
        (Some(begin), _) if now + CLOCK_TOLERANCE < begin => format!("is not valid before {begin}"),
        _ => return Ok(()),
    };
    Err(wrong(format!(
        "the client certificate of `kubeconfig` {problem}, and it is {now:.0} now; make a new one, or use a token"
    )))
}

fn check_key(chain: &[CertificateDer<'static>], pem: &[u8]) -> Result<(), Error> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        wrong(format!(
            "{KEY} has no private key; expected PEM without a password, as -----BEGIN PRIVATE KEY-----"
        ))
    })?;
    let certified = CertifiedKey::from_der(chain.to_vec(), key, &default_provider());
    match certified {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(wrong(format!(
            "{KEY} does not belong to the client certificate; give the key that the certificate was made for"
        ))),
        Err(rustls::Error::InvalidCertificate(error)) => {
            Err(wrong(format!("{CERTIFICATE} cannot be used: {error:?}")))
        }
        Err(_) => Err(wrong(format!(
            "{KEY} cannot be used; expected an RSA key of 2048 bits or more, an ECDSA key (P-256, P-384) or an Ed25519 key"
        ))),
    }
}

fn missing(given: &str, key: &str) -> Error {
    wrong(format!("{given} is there, but `{key}` is not; give both"))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::Access(message.into())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;
    use crate::certificates::tests::{Authority, named};

    fn user(certificate: &str, key: &str) -> AuthInfo {
        AuthInfo {
            client_certificate_data: Some(STANDARD.encode(certificate)),
            client_key_data: Some(STANDARD.encode(key).into()),
            ..AuthInfo::default()
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn refusal(mut user: AuthInfo) -> String {
        match check(&mut user, at("2026-01-01T00:00:00Z")) {
            Ok(()) => panic!("taken"),
            Err(error) => error.to_string(),
        }
    }

    fn certified(params: &CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let pem = Authority::new().sign(params, &key);
        (pem, key.serialize_pem())
    }

    fn client() -> (String, String) {
        certified(&named("me", IsCa::NoCa))
    }

    #[test]
    fn a_certificate_with_its_key_is_taken_also_with_line_breaks() {
        let (certificate, key) = client();
        let mut user = user(&certificate, &key);
        let broken = STANDARD.encode(&certificate).replacen('L', "\n  L", 3);
        user.client_certificate_data = Some(broken);
        check(&mut user, at("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(
            user.client_certificate_data,
            Some(STANDARD.encode(&certificate))
        );
    }

    #[test]
    fn a_certificate_of_version_1_is_named_as_such() {
        let (_, key) = client();
        let old = include_str!("../testdata/x509-v1.pem");
        let mut with_token = user(old, &key);
        with_token.token = Some("t".to_owned().into());
        for user in [user(old, &key), user(old, "not read any more"), with_token] {
            let refused = refusal(user);
            for said in ["is X.509 v1", "with an extension (v3", "use a token"] {
                assert!(refused.contains(said), "{refused}");
            }
        }
    }

    #[test]
    fn dates_count_beyond_what_a_clock_may_be_wrong_and_only_without_a_token() {
        let mut params = named("me", IsCa::NoCa);
        params.not_before = date_time_ymd(2025, 3, 1);
        params.not_after = date_time_ymd(2025, 9, 1);
        let (certificate, key) = certified(&params);
        for (now, said) in [
            (
                "2025-02-28T22:59:59Z",
                "is not valid before 2025-03-01T00:00:00Z, and it is 2025-02-28T22:59:59Z now",
            ),
            ("2025-02-28T23:00:01Z", ""),
            ("2025-09-01T00:59:59Z", ""),
            (
                "2025-09-01T01:00:01Z",
                "expired at 2025-09-01T00:00:00Z, and it is 2025-09-01T01:00:01Z now; make a new one",
            ),
        ] {
            let mut user = user(&certificate, &key);
            let found = check(&mut user, at(now))
                .err()
                .map(|error| error.to_string());
            assert_eq!(found.is_some(), !said.is_empty(), "{now}: {found:?}");
            assert!(found.unwrap_or_default().contains(said), "{now}");
            user.token = Some("t".to_owned().into());
            assert!(check(&mut user, at(now)).is_ok(), "{now}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_without_showing_it() {
        let (certificate, key) = client();
        let (_, other) = client();
        let (begin, rest) = key.split_at(60);
        let cut = format!("{begin}{}", &rest[20..]);
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (key, said) in [
            (other.as_str(), "does not belong to the client certificate"),
            (&cut, "cannot be used; expected an RSA key"),
            (&encrypted, "expected PEM without a password"),
            ("CANARY", "has no private key"),
            (
                "-----BEGIN PRIVATE KEY-----\nCANARY#\n-----END PRIVATE KEY-----",
                "has no private key",
            ),
        ] {
            let refused = refusal(user(&certificate, key));
            assert!(refused.contains(said), "{refused}");
            assert!(refused.starts_with("`client-key-data`"), "{refused}");
            let lines = key.lines().filter(|line| !line.starts_with('-'));
            for line in lines {
                assert!(!refused.contains(line), "{refused}");
            }
        }
        let mut no_base64 = user(&certificate, &key);
        no_base64.client_key_data = Some("CANARY#\u{e4}".to_owned().into());
        let refused = refusal(no_base64);
        assert_eq!(
            refused,
            "`client-key-data` of `kubeconfig` is not base64; encode the PEM file with `base64`"
        );
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said() {
        let (certificate, key) = client();
        let half = AuthInfo {
            client_key_data: None,
            ..user(&certificate, &key)
        };
        assert!(refusal(half).contains("but `client-key-data` is not; give both"));
        let half = AuthInfo {
            client_certificate_data: None,
            ..user(&certificate, &key)
        };
        assert!(refusal(half).contains("but `client-certificate-data` is not; give both"));
        assert!(refusal(user("hi", &key)).contains("has no certificate"));
        let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        let refused = refusal(user(not_der, &key));
        assert!(
            refused.starts_with("`client-certificate-data`"),
            "{refused}"
        );
    }
}
