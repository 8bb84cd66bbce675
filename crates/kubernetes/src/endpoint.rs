//! What the address of an API and the certificates behind it must look like, wherever they were given.

use http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::Error;

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
