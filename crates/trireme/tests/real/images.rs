//! The distribution registry with the images of a release, and the sites that a pipeline reads.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use axum::Router;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use trireme_peers::{Registry, Tool, cache, programs};
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
    /// crane fills the registry: release images from the sandbox's, `node-act` from a debootstrap root file system, each with a
    /// program that Go or `cargo auditable` built.
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
    let real =
        ["amd64", "arm64"].map(|architecture| (architecture, go_program(architecture, "v0.50.0")));
    for tag in RELEASES {
        for name in images::CONTROL_PLANE {
            let image = format!("{}/upstream/{name}:{tag}", registry.host());
            replace_program(&image, name, &real, folder);
        }
    }
    let layer = layer_with("shop", &go_program("amd64", "v0.10.0"), folder);
    let shop = format!("{}/upstream/shop:stable", registry.host());
    append(&shop, &shop, "amd64", &layer);
}

/// Built by Go, with one module; that of 2023 has advisories.
fn go_program(architecture: &str, version: &str) -> Vec<u8> {
    let modules = [("golang.org/x/net", version)];
    programs::of_go(architecture, &modules).expect("a program of Go")
}

/// Puts real programs over those of the sandbox: one for each platform of the image.
fn replace_program(image: &str, name: &str, real: &[(&str, Vec<u8>)], folder: &TempDir) {
    let mut index = crane(&["index", "append", "-t", image]);
    for (architecture, program) in real {
        let layer = layer_with(name, program, folder);
        let of_platform = format!("{image}-{architecture}");
        append(image, &of_platform, architecture, &layer);
        index = index.args(["-m", &of_platform]);
    }
    index.succeed().expect("an index");
}

/// A layer with this program.
fn layer_with(name: &str, program: &[u8], folder: &TempDir) -> PathBuf {
    let root = tempfile::tempdir_in(folder).expect("a folder");
    let bin = root.path().join("usr/local/bin");
    fs::create_dir_all(&bin).expect("a folder");
    let path = bin.join(name);
    fs::write(&path, program).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    let layer = folder.path().join("program.tar");
    let tar = Tool::system("tar").args(["-C".as_ref(), root.path().as_os_str()]);
    let tar = tar.args(["-cf".as_ref(), layer.as_os_str(), "usr".as_ref()]);
    tar.succeed().expect("a layer");
    layer
}

/// Pushes the image of one platform under a tag, with one more layer.
fn append(base: &str, tag: &str, architecture: &str, layer: &Path) {
    let platform = format!("linux/{architecture}");
    let append = crane(&[
        "append",
        "--platform",
        &platform,
        "-b",
        base,
        "-t",
        tag,
        "-f",
    ]);
    append
        .args([layer.as_os_str()])
        .succeed()
        .expect("crane appends");
}

/// A layer with everything that debootstrap installed, and one with a program of Rust.
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
    let program = programs::of_rust(&[("time", "0.3.44")]).expect("a program of Rust");
    let program = layer_with("node-act", &program, folder);
    for tag in RELEASES {
        let name = format!("{}/upstream/node-act:{tag}", registry.host());
        let append = crane(&["append", "--oci-empty-base", "-t", &name]);
        let layers = [
            "-f".as_ref(),
            layer.as_os_str(),
            "-f".as_ref(),
            program.as_os_str(),
        ];
        append.args(layers).succeed().expect("crane appends");
    }
}
