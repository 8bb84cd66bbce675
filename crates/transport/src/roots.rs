//! TLS: whom to trust.

use std::{
    collections::HashSet,
    fs,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::WebPkiServerVerifier,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
};

use crate::TransportError;

/// Where Debian keeps its bundle, and where Concourse mounts the certificates of its workers.
const CERTIFICATE_FOLDER: &str = "/etc/ssl/certs";
/// A bundle of all public authorities has 250 kB.
const CERTIFICATE_FILE_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// The certificate authorities of the system, and of every file in `/etc/ssl/certs`.
///
/// What is wrong with one certificate of the system must not stop the others: those that no TLS client of ours could use
/// are left out, and a missing one shows as an unknown issuer where it is needed.
pub fn system_roots() -> Vec<CertificateDer<'static>> {
    let mut found: HashSet<CertificateDer<'static>> = HashSet::new();
    found.extend(rustls_native_certs::load_native_certs().certs);
    found.extend(folder());
    let usable = |root: &CertificateDer<'static>| RootCertStore::empty().add(root.clone()).is_ok();
    found.into_iter().filter(usable).collect()
}

/// The TLS settings of a client; with `insecure`, every certificate is accepted.
pub(crate) fn tls(ca_certs: &[String], insecure: bool) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| TransportError::Options {
            what: "TLS",
            reason: e.to_string(),
        })?;
    let mut named = RootCertStore::empty();
    for text in ca_certs {
        add(&mut named, text)?;
    }
    let verifier: Arc<dyn ServerCertVerifier> = if insecure {
        Arc::new(AcceptAny(provider))
    } else {
        Arc::new(LazyRoots {
            named,
            provider,
            verifier: OnceLock::new(),
        })
    };
    let config = config
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The roots of the system, in files that are read when the first certificate is to be judged: reading the 290 files of
/// a Debian system takes 45 ms, more than a whole `check` on a plain connection.
#[derive(Debug)]
struct LazyRoots {
    named: RootCertStore,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Arc<WebPkiServerVerifier>, rustls::Error>>,
}

impl LazyRoots {
    fn verifier(&self) -> Result<&WebPkiServerVerifier, rustls::Error> {
        let verifier = self.verifier.get_or_init(|| {
            let mut roots = self.named.clone();
            roots.add_parsable_certificates(system_roots());
            judge(roots, Arc::clone(&self.provider))
        });
        verifier.as_ref().map(Arc::as_ref).map_err(Clone::clone)
    }
}

/// Who judges certificates by these roots.
fn judge(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    let refused = rustls::Error::General;
    if roots.is_empty() {
        let nobody = format!(
            "no certificate authority is known: none in `ca_certs`, none of the system, none in {CERTIFICATE_FOLDER}"
        );
        return Err(refused(nobody));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|e| refused(e.to_string()))
}

impl ServerCertVerifier for LazyRoots {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verifier = self.verifier()?;
        verifier.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A certificate that a person names must be one.
fn add(store: &mut RootCertStore, pem: &str) -> Result<(), TransportError> {
    let refused = |reason: String| TransportError::Options {
        what: "a certificate in ca_certs",
        reason,
    };
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| refused(problem(&error).into()))?;
        store.add(certificate).map_err(|e| refused(e.to_string()))?;
        found += 1;
    }
    if found == 0 {
        return Err(refused(
            "expected -----BEGIN CERTIFICATE-----, found none".into(),
        ));
    }
    Ok(())
}

/// What is wrong with a PEM, without a byte of it: what stands there by mistake may be a private key.
fn problem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::IllegalSectionStart { .. } | pem::Error::MissingSectionEnd { .. } => {
            "its marks do not stand on lines of their own: it was cut off, or its line breaks were lost; in YAML write `|`, which \
             keeps them, and not `>`"
        }
        pem::Error::Base64Decode(_) => "what is between its marks is not base64",
        _ => "it is not PEM",
    }
}

fn folder() -> Vec<CertificateDer<'static>> {
    let Ok(entries) = fs::read_dir(CERTIFICATE_FOLDER) else {
        return Vec::new();
    };
    let mut certificates = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let readable = fs::metadata(&path)
            .is_ok_and(|m| m.is_file() && m.len() <= CERTIFICATE_FILE_LIMIT_BYTES);
        if readable && let Ok(pem) = fs::read(&path) {
            certificates.extend(CertificateDer::pem_slice_iter(&pem).flatten());
        }
    }
    certificates
}

/// `insecure: true`.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_by_name() {
        for text in [
            "",
            "not PEM",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        ] {
            let error = tls(&[text.into()], false).unwrap_err();
            assert!(error.to_string().contains("ca_certs"), "{error}");
        }
        assert!(tls(&[], false).is_ok() && tls(&[], true).is_ok());
    }

    #[test]
    fn a_certificate_on_one_line_is_told_by_that_and_not_shown() {
        let lines = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n";
        let bytes = format!("{:?}", b"Y2FuYXJ5");
        let bytes = bytes.trim_matches(['[', ']']);
        for (text, words) in [
            (lines.replace('\n', " "), "line breaks were lost"),
            (lines.replace('\n', "\\n"), "line breaks were lost"),
            (lines[..40].to_owned(), "was cut off"),
            (lines.replace("Y2", "!2"), "not base64"),
        ] {
            let error = tls(&[text], false).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(
                !error.contains("FuYXJ5") && !error.contains(&bytes[5..]),
                "{error}"
            );
        }
    }

    #[test]
    fn without_a_single_root_the_places_that_have_none_are_named() {
        let provider = Arc::new(ring::default_provider());
        let error = judge(RootCertStore::empty(), provider).unwrap_err();
        assert!(error.to_string().contains(CERTIFICATE_FOLDER), "{error}");
    }
}
