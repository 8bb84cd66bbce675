//! The whole sandbox as one running thing.

use std::{
    io::ErrorKind::AddrInUse,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::Router;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

use crate::{
    Listen, SandboxError,
    client::connect,
    connections::{self, Deadlines},
    folder_lock::FolderLock,
    images, kubernetes,
    platform::{self, ACTOR, ROLLER, Size, VIEWER, actor::Actor},
    publisher::Publisher,
    record::Record,
    registry::{Access, Quirks, Registry, RegistryOptions},
    sites::{Site, advisories, releases},
    untidy::Untidy,
    witnesses::Witness,
};

const USERNAME: &str = "trireme";
/// Made with `cosign generate-key-pair` for the sandbox alone; it protects nothing.
const COSIGN_KEY: &str = include_str!("../keys/cosign.key");
const COSIGN_PASSWORD: &str = "sandbox";
/// Longer lists go on at a `Link`, so that clients have to follow it.
const PAGE_SIZE: usize = 50;

/// How a sandbox is started.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The state folder; the world is in its `sandbox/`.
    pub state: PathBuf,
    /// How long pods and Jobs take.
    pub timings: kubernetes::Timings,
    /// Whether it is untidy, and with which seed; a world never changes this.
    pub untidy: Option<Untidy>,
    /// Where it is served; by default where it was begun, a new one on loopback. A world never changes this.
    pub listen: Option<Listen>,
}

/// A running sandbox; dropping it ends it. Its world stays in the state folder.
pub struct Sandbox {
    record: Record,
    advisories: Site,
    api: kubernetes::Api,
    _actor: Actor,
    _tasks: JoinSet<()>,
    /// Dropped last: no other process gets the world while a part of it is still served.
    _lock: FolderLock,
}

impl Sandbox {
    /// Starts a sandbox on the world in the state folder, or on a new one.
    ///
    /// # Errors
    /// Another sandbox has the folder, or it cannot be used; an address is taken; or the world could not be seeded.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let folder = options.state.join("sandbox");
        let lock = FolderLock::take(&folder).await?;
        let record = Record::load_or_begin(&folder, options.untidy, options.listen.as_ref())?;
        let port = async |service, port| listen(&folder, service, &record.listen, port).await;
        let registry_listener = port("registry", record.registry_port).await?;
        let files_listener = port("release server", record.files_port).await?;
        let api_listener = port("Kubernetes API", record.kubernetes_port).await?;
        let (releases, advisories) = (releases::site(), advisories::site()?);
        let mut tasks = JoinSet::new();
        let registry = open_registry(&folder, &record, options.untidy)?;
        serve(&mut tasks, registry_listener, registry.router());
        let publisher = Publisher::resume(access(&record), registry, releases.clone())?;
        let files = Router::new()
            .merge(publisher.router())
            .nest_service("/dl", releases.router())
            .nest_service("/db", advisories.router());
        serve(&mut tasks, files_listener, files);
        let api = start_kubernetes(&folder, api_listener, &options, &record.listen)?;
        let admin = api
            .admin_kubeconfig()
            .map_err(SandboxError::file("keep a token in", &folder))?;
        let size = Size {
            untidy: options.untidy,
            ..Size::small()
        };
        platform::seed(&connect(&admin).await?, &size).await?;
        let actor = api
            .kubeconfig_for(ACTOR)
            .map_err(SandboxError::file("keep a token in", &folder))?;
        let actor = Actor::start(&connect(&actor).await?);
        api.begin_faults();
        Ok(Self {
            record,
            advisories,
            api,
            _actor: actor,
            _tasks: tasks,
            _lock: lock,
        })
    }

    /// Where the registry is: `HOST:PORT`, plain HTTP.
    pub fn registry(&self) -> String {
        self.record.listen.host(self.record.registry_port)
    }

    /// Base address of the release server, laid out as `https://dl.k8s.io/release`.
    pub fn release_server(&self) -> String {
        format!("http://{}/dl/release", self.files())
    }

    /// Folder of the advisories: `DATABASE/ECOSYSTEM/all.zip`.
    pub fn database(&self) -> String {
        format!("http://{}/db/osv", self.files())
    }

    /// The advisories, to publish more.
    pub fn advisories(&self) -> &Site {
        &self.advisories
    }

    fn files(&self) -> String {
        self.record.listen.host(self.record.files_port)
    }

    /// The Kubernetes API.
    pub fn api(&self) -> &kubernetes::Api {
        &self.api
    }

    /// What the pipeline's `((vars))` need to reach this world.
    ///
    /// # Errors
    /// A token cannot be kept.
    pub fn vars(&self) -> Result<Map<String, Value>, SandboxError> {
        let api = self.record.listen.host(self.record.kubernetes_port);
        let kubeconfig = self
            .api
            .kubeconfig_at(&api, ROLLER)
            .map_err(SandboxError::file("keep a token in", "the world"))?;
        let vars = json!({
            "registry": format!("{}/platform", self.registry()),
            "upstream": format!("{}/upstream", self.registry()),
            "registry_username": USERNAME,
            "registry_password": self.record.password,
            "insecure": self.record.listen.is_elsewhere(),
            "ca_certs": [],
            "node_act": format!("{}/upstream/node-act", self.registry()),
            "application": format!("{}/upstream/shop", self.registry()),
            "release_server": self.release_server(),
            "advisories": self.database(),
            "api_server": {
                "server": format!("https://{api}"),
                "ca_certs": [self.api.ca_pem()],
            },
            "kubeconfig": kubeconfig,
            "signing_key": COSIGN_KEY,
            "signing_password": COSIGN_PASSWORD,
        });
        Ok(vars.as_object().cloned().unwrap_or_default())
    }

    /// Starts to watch and to measure, with credentials that can only look.
    ///
    /// # Errors
    /// A token cannot be kept, or no port is free.
    pub async fn witness(&self) -> Result<Witness, SandboxError> {
        let viewer = self
            .api
            .kubeconfig_for(VIEWER)
            .map_err(SandboxError::file("keep a token in", "the world"))?;
        Witness::start(&viewer).await
    }
}

/// The credentials of the registry, which also publish a release.
pub(crate) fn access(record: &Record) -> Access {
    Access::new(USERNAME, &record.password)
}

fn open_registry(
    folder: &Path,
    record: &Record,
    untidy: Option<Untidy>,
) -> Result<Registry, SandboxError> {
    let options = RegistryOptions {
        folder: folder.join("registry"),
        access: access(record),
        page_size: PAGE_SIZE,
    };
    let quirks = untidy.map_or_else(Quirks::default, |untidy| Quirks {
        refuses_head: true,
        tags_late: untidy.tags_late(),
    });
    let registry = Registry::open_with(options, quirks)?;
    images::seed(registry.store())?;
    Ok(registry)
}

fn start_kubernetes(
    folder: &Path,
    listener: TcpListener,
    of: &SandboxOptions,
    listen: &Listen,
) -> Result<kubernetes::Api, SandboxError> {
    let folder = folder.join("kubernetes");
    let mut options = kubernetes::KubernetesOptions::new(&folder);
    options.names = listen.names();
    options.timings = of.timings;
    options.version = releases::FROM.into();
    if let Some(untidy) = of.untidy {
        options.clock_ahead = untidy.clock_ahead();
        options.faults = Some(kubernetes::FaultOptions::busy(untidy.seed));
    }
    kubernetes::Api::serve(listener, options).map_err(|source| SandboxError::Api { folder, source })
}

/// Listens on the port of the world. An earlier process that is just being killed may have it for a moment.
async fn listen(
    folder: &Path,
    service: &'static str,
    at: &Listen,
    port: u16,
) -> Result<TcpListener, SandboxError> {
    let address = at.at(port);
    let end = Instant::now() + PORT_WITHIN;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == AddrInUse && Instant::now() < end => {
                tokio::time::sleep(PORT_PAUSE).await;
            }
            Err(source) => {
                return Err(SandboxError::Taken {
                    service,
                    address,
                    folder: folder.to_owned(),
                    source,
                });
            }
        }
    }
}

/// A process that was killed lets go of its ports within milliseconds, on a machine that is busy within this.
const PORT_WITHIN: Duration = Duration::from_secs(2);
const PORT_PAUSE: Duration = Duration::from_millis(20);

fn serve(tasks: &mut JoinSet<()>, listener: TcpListener, router: Router) {
    let handler = connections::handler_of(router);
    tasks.spawn(connections::serve(
        listener,
        None,
        Deadlines::default(),
        handler,
    ));
}
