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

/// Loads the identity kept in `dir`, or makes one, also for these `names`. The authority's key is not kept: it signs once.
///
/// # Errors
/// When the folder cannot be read or written, or does not contain a certificate.
pub(crate) fn load_or_make(dir: &Path, names: &[String]) -> io::Result<Identity> {
    let [ca, chain, key] = ["ca.pem", "server.pem", "server.key"].map(|name| dir.join(name));
    // The key is written last: with it the three are whole.
    if !key.exists() {
        let made = make(names).map_err(io::Error::other)?;
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

fn make(names: &[String]) -> Result<Made, rcgen::Error> {
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
    let mut params = CertificateParams::new([&NAMES.map(str::to_owned), names].concat())?;
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

#[cfg(test)]
mod tests {
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;

    #[tokio::test]
    async fn the_certificate_has_the_names_that_it_was_made_for_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["sandbox.test".to_owned(), "198.18.7.1".to_owned()];
        let identity = load_or_make(folder.path(), &names).unwrap();
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(identity.ca_pem.as_bytes());
        roots.add(ca.unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        for (name, is_its) in [
            ("sandbox.test", true),
            ("198.18.7.1", true),
            ("127.0.0.1", true),
            ("other.test", false),
            ("198.18.7.2", false),
        ] {
            let (client, server) = tokio::io::duplex(1 << 16);
            let accept = identity.acceptor.accept(server);
            let greet = connector.connect(name.try_into().unwrap(), client);
            let (_, greeted) = tokio::join!(accept, greet);
            assert_eq!(greeted.is_ok(), is_its, "{name}");
        }
    }
}
