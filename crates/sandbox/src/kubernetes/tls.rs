//! The certificate authority of the sandbox's API and its server certificate, made once and kept.

use std::{fs, io, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

/// The authority's certificate, and what serves with it.
pub(crate) struct Identity {
    pub ca_pem: String,
    pub acceptor: TlsAcceptor,
}

/// The names under which loopback is reached.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Loads the identity kept in `dir`, or makes one. The authority's key is not kept: it signs once.
///
/// # Errors
/// When the folder cannot be read or written, or does not contain a certificate.
pub(crate) fn load_or_make(dir: &Path) -> io::Result<Identity> {
    let [ca, chain, key] = ["ca.pem", "server.pem", "server.key"].map(|name| dir.join(name));
    // The key is written last: with it the three are whole.
    if !key.exists() {
        let made = make().map_err(io::Error::other)?;
        for (path, text) in [(&ca, &made.ca), (&chain, &made.chain), (&key, &made.key)] {
            let beside = path.with_extension("new");
            fs::write(&beside, text)?;
            fs::rename(beside, path)?;
        }
    }
    let chain = CertificateDer::pem_file_iter(&chain).map_err(io::Error::other)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Identity {
        ca_pem: fs::read_to_string(&ca)?,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    })
}

struct Made {
    ca: String,
    chain: String,
    key: String,
}

fn make() -> Result<Made, rcgen::Error> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Trireme sandbox");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let ca_key = KeyPair::generate()?;
    let ca = params.self_signed(&ca_key)?;
    let issuer = Issuer::new(params, ca_key);
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let server = params.signed_by(&key, &issuer)?;
    Ok(Made {
        ca: ca.pem(),
        chain: server.pem(),
        key: key.serialize_pem(),
    })
}
