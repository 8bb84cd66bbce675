//! The distribution registry with the images of a release, and the sites that a pipeline reads.

use std::net::SocketAddr;

use axum::Router;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use trireme_peers::{Registry, Tool, cache};
use trireme_sandbox::{
    advisories, images,
    registry::{Access, Registry as Source, RegistryOptions},
    releases,
};

const RELEASES: [&str; 2] = [releases::FROM, releases::TO];

/// Ends with this value.
pub struct Registries {
    registry: Registry,
    sites: SocketAddr,
    _runtime: Runtime,
}

impl Registries {
    /// crane fills the registry: release images from the sandbox's, `node-act` from a debootstrap root file system.
    pub fn start() -> Self {
        let registry = Registry::distribution().expect("the distribution registry");
        let runtime = Runtime::new().expect("a runtime");
        let sites = Router::new()
            .nest_service("/dl", releases::site().router())
            .nest_service("/db", advisories::site().expect("advisories").router());
        let sites = runtime.block_on(serve(sites));
        let folder = tempfile::tempdir().expect("a folder");
        let source = runtime.block_on(serve(seeded(&folder).router()));
        mirror(&source, &registry, &folder);
        node_act(&registry, &folder);
        Self {
            registry,
            sites,
            _runtime: runtime,
        }
    }

    /// `localhost:PORT`
    pub fn host(&self) -> String {
        self.registry.host()
    }

    pub fn release_server(&self) -> String {
        format!("http://{}/dl/release", self.sites)
    }

    pub fn advisories(&self) -> String {
        format!("http://{}/db/osv", self.sites)
    }

    /// `REPOSITORY@DIGEST` of an image of the new release, as crane finds it.
    pub fn mirrored(&self, prefix: &str, name: &str) -> String {
        let repository = format!("{}/{prefix}/{name}", self.host());
        let tag = format!("{repository}:{}", releases::TO);
        let digest = crane(&["digest", &tag]).succeed().expect("an image");
        format!("{repository}@{}", digest.trim())
    }

    /// Copies an image of the new release, without its signatures.
    pub fn copy(&self, from: &str, to: &str, name: &str) -> String {
        let tag = |prefix| format!("{}/{prefix}/{name}:{}", self.host(), releases::TO);
        let copied = crane(&["copy", &tag(from), &tag(to)]).succeed();
        copied.expect("a copy");
        self.mirrored(to, name)
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn crane(arguments: &[&str]) -> Tool {
    Tool::new("crane").expect("crane").args(arguments)
}

fn seeded(folder: &TempDir) -> Source {
    let source = Source::open(RegistryOptions {
        folder: folder.path().join("source"),
        access: Access::new("trireme", "source"),
        page_size: 50,
    });
    let source = source.expect("a registry");
    images::seed(source.store()).expect("images");
    source
}

fn mirror(source: &SocketAddr, registry: &Registry, folder: &TempDir) {
    let crane = |arguments: &[&str]| {
        let crane = crane(arguments).env("DOCKER_CONFIG", folder.path());
        crane.succeed().expect("crane copies");
    };
    crane(&[
        "auth",
        "login",
        &source.to_string(),
        "-u",
        "trireme",
        "-p",
        "source",
    ]);
    let copy = |name: &str, tag: &str| {
        let image = format!("upstream/{name}:{tag}");
        crane(&[
            "copy",
            &format!("{source}/{image}"),
            &format!("{}/{image}", registry.host()),
        ]);
    };
    for tag in RELEASES {
        images::CONTROL_PLANE
            .iter()
            .for_each(|name| copy(name, tag));
    }
    copy("shop", "stable");
}

/// One layer with everything that debootstrap installed.
fn node_act(registry: &Registry, folder: &TempDir) {
    let layer = folder.path().join("rootfs.tar");
    let rootfs = cache().join("rootfs");
    let tar = Tool::system("tar").args(["--numeric-owner", "--exclude=./dev/*", "-C"]);
    let tar = tar.args([
        rootfs.as_os_str(),
        "-cf".as_ref(),
        layer.as_os_str(),
        ".".as_ref(),
    ]);
    tar.succeed().expect("tests/peers/install made the rootfs");
    for tag in RELEASES {
        let name = format!("{}/upstream/node-act:{tag}", registry.host());
        let append = crane(&["append", "--oci-empty-base", "-t", &name, "-f"]);
        append
            .args([layer.as_os_str()])
            .succeed()
            .expect("crane appends");
    }
}
