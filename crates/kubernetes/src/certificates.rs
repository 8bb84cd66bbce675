//! The certificates that a server's must come from. What no connection could use is named before one is tried.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name, X509Version};

use crate::Error;

/// A subject is free text, and a message needs the start of it.
const NAME_LIMIT_CHARS: usize = 80;

/// The certificates of a PEM text, of which there must be one at least.
///
/// # Errors
/// [`Error::Access`] when there is no certificate, or one is malformed.
pub(crate) fn read(key: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Access(format!(
            "{key} has no certificate; expected PEM, as -----BEGIN CERTIFICATE-----"
        ))),
    }
}

/// The certificate authorities of a PEM text.
///
/// # Errors
/// [`Error::Access`] when there is no certificate, or when each is of a server and none of a CA: kubectl takes the
/// certificate of the server itself, rustls finds "UnknownIssuer".
pub(crate) fn authorities(key: &str, pem: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let certificates = read(key, pem)?;
    let leaves: Option<Vec<_>> = certificates.iter().map(|der| leaf(der)).collect();
    if let Some((subject, issuer)) = leaves.as_ref().and_then(|leaves| leaves.first()) {
        return Err(Error::Access(format!(
            "{key} is not a CA: the certificate of \"{subject}\" may not sign another one. Give the certificate of its \
             issuer, \"{issuer}\""
        )));
    }
    Ok(certificates.into_iter().map(|der| der.to_vec()).collect())
}

/// Subject and issuer of a certificate that cannot be a trust anchor: RFC 5280 (4.2.1.9) forbids it to sign, and it did not
/// sign itself. `None` also for what cannot be parsed: rustls says what is wrong with that.
fn leaf(der: &[u8]) -> Option<(String, String)> {
    let certificate = parse(der)?;
    let signs = certificate.version() != X509Version::V3 || certificate.is_ca();
    let signed_itself = certificate.subject().as_raw() == certificate.issuer().as_raw();
    let names = (shown(certificate.subject()), shown(certificate.issuer()));
    (!signs && !signed_itself).then_some(names)
}

/// A certificate, if all of it can be read.
pub(crate) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        _ => None,
    }
}

fn shown(name: &X509Name<'_>) -> String {
    let name = name.to_string();
    let readable = name.chars().filter(|character| !character.is_control());
    readable.take(NAME_LIMIT_CHARS).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    /// A CA for tests.
    pub(crate) struct Authority {
        pub(crate) pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    impl Authority {
        pub(crate) fn new() -> Self {
            let key = KeyPair::generate().unwrap();
            let params = named("the CA", IsCa::Ca(BasicConstraints::Unconstrained));
            let pem = params.self_signed(&key).unwrap().pem();
            let issuer = Issuer::new(params, key);
            Self { pem, issuer }
        }

        /// A certificate that it signed, for `key`.
        pub(crate) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> String {
            params.signed_by(key, &self.issuer).unwrap().pem()
        }
    }

    pub(crate) fn named(name: &str, is_ca: IsCa) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = is_ca;
        params
    }

    #[test]
    fn a_server_certificate_is_not_a_ca_unless_a_ca_is_beside_it() {
        let authority = Authority::new();
        let key = KeyPair::generate().unwrap();
        for is_ca in [IsCa::ExplicitNoCa, IsCa::NoCa] {
            let params = named("10.0.0.1", is_ca);
            let leaf = authority.sign(&params, &key);
            let refused = authorities("`ca`", leaf.as_bytes())
                .unwrap_err()
                .to_string();
            assert_eq!(
                refused,
                "`ca` is not a CA: the certificate of \"CN=10.0.0.1\" may not sign another one. Give the certificate of its \
                 issuer, \"CN=the CA\""
            );
            let both = format!("{leaf}{}", authority.pem);
            assert_eq!(authorities("`ca`", both.as_bytes()).unwrap().len(), 2);
            // A server's own certificate is its CA when it signed itself.
            let own = params.self_signed(&key).unwrap().pem();
            assert!(authorities("`ca`", own.as_bytes()).is_ok());
        }
    }

    #[test]
    fn an_intermediate_ca_and_a_ca_of_version_1_are_taken() {
        let authority = Authority::new();
        let key = KeyPair::generate().unwrap();
        let params = named("below", IsCa::Ca(BasicConstraints::Constrained(0)));
        let below = authority.sign(&params, &key);
        assert!(authorities("`ca`", below.as_bytes()).is_ok());
        let old = include_bytes!("../testdata/x509-v1.pem");
        assert!(authorities("`ca`", old).is_ok());
    }

    #[test]
    fn text_without_a_certificate_is_refused() {
        for text in [
            "",
            "hi",
            "-----BEGIN CERTIFICATE-----\n#\n-----END CERTIFICATE-----",
        ] {
            let refused = read("`ca`", text.as_bytes()).unwrap_err().to_string();
            assert!(
                refused.starts_with("`ca` has no certificate; expected PEM"),
                "{refused}"
            );
        }
    }
}
