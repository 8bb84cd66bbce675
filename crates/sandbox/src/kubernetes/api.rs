//! The API as a running thing.

use std::{io, net::SocketAddr, sync::Arc};

use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    access::{self, Identity, Tokens},
    controllers,
    failure::Failure,
    http::{self, Service, faults::Faults},
    kinds::stored,
    options::KubernetesOptions,
    store::{Store, World},
    tls,
    write::{self, Mode},
};
use crate::connections::{self, Deadlines};

/// The namespaces that every cluster begins with.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// A running API; dropping it ends it and its controllers. Its world stays in the state folder.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    service: Arc<Service>,
    tasks: JoinSet<()>,
}

impl Api {
    /// Starts the API on the world in the state folder, or on a new one.
    ///
    /// # Errors
    /// When the folder cannot be used, its log is damaged, or the address is taken.
    pub async fn start(options: KubernetesOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        Self::serve(listener, options)
    }

    /// The same on a listener that is open already.
    ///
    /// # Errors
    /// When the folder cannot be used, or its log is damaged.
    pub(crate) fn serve(listener: TcpListener, options: KubernetesOptions) -> io::Result<Self> {
        let store = Store::open(&options.state_dir)?.with_clock_ahead(options.clock_ahead);
        let store = Arc::new(store);
        let identity = tls::load_or_make(&options.state_dir, &options.names)?;
        let address = listener.local_addr()?;
        store.with(seed).map_err(|failure| {
            io::Error::other(format!("seeding the world: {}", failure.status()))
        })?;
        let service = Arc::new(Service {
            store: Arc::clone(&store),
            tokens: Tokens::open(&options.state_dir)?,
            version: options.version,
            faults: options.faults.map(Faults::new),
            ca_pem: identity.ca_pem,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(controllers::run(store, options.timings));
        tasks.spawn(connections::serve(
            listener,
            Some(identity.acceptor),
            Deadlines::default(),
            http::handler(Arc::clone(&service)),
        ));
        Ok(Self {
            address,
            service,
            tasks,
        })
    }

    /// From now on requests meet the faults that it was started with, if any.
    pub fn begin_faults(&self) {
        if let Some(faults) = &self.service.faults {
            faults.begin();
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its authority, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.service.ca_pem
    }

    /// A token for a user with all rights (group `system:masters`).
    ///
    /// # Errors
    /// When the token cannot be kept.
    pub fn admin_token(&self) -> io::Result<String> {
        self.service
            .tokens
            .lasting(Identity::master("sandbox-admin"))
    }

    /// A token for a user or service account (`system:serviceaccount:NAMESPACE:NAME`), who may do what the roles and
    /// bindings in the API say. The same name gets the same token again, also after a restart.
    ///
    /// # Errors
    /// When the token cannot be kept.
    pub fn token_for(&self, user: &str) -> io::Result<String> {
        self.service.tokens.lasting(Identity::named(user))
    }

    /// The kubeconfig of [`Api::admin_token`], as content.
    ///
    /// # Errors
    /// When the token cannot be kept.
    pub fn admin_kubeconfig(&self) -> io::Result<String> {
        let server = self.address.to_string();
        Ok(self.kubeconfig(&server, "sandbox-admin", &self.admin_token()?))
    }

    /// The kubeconfig of [`Api::token_for`], as content.
    ///
    /// # Errors
    /// When the token cannot be kept.
    pub fn kubeconfig_for(&self, user: &str) -> io::Result<String> {
        self.kubeconfig_at(&self.address.to_string(), user)
    }

    /// The same for a client that reaches it at this `HOST:PORT`.
    ///
    /// # Errors
    /// When the token cannot be kept.
    pub fn kubeconfig_at(&self, server: &str, user: &str) -> io::Result<String> {
        Ok(self.kubeconfig(server, user, &self.token_for(user)?))
    }

    /// JSON, which is YAML too.
    fn kubeconfig(&self, server: &str, user: &str, token: &str) -> String {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let cluster = json!({
            "server": format!("https://{server}"),
            "certificate-authority-data": STANDARD.encode(&self.service.ca_pem),
        });
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "sandbox",
            "clusters": [{"name": "sandbox", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
        });
        format!("{config:#}\n")
    }

    /// Ends it and waits until its port is free and its log closed.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// What every cluster has, where it is not there yet.
fn seed(world: &mut World) -> Result<(), Failure> {
    for name in NAMESPACES {
        if world.get("namespaces", "", name).is_none() {
            let body = json!({"metadata": {"name": name}});
            write::create(world, stored("namespaces"), "", body, Mode::default())?;
        }
    }
    for (plural, body) in access::seed() {
        let name = super::object::name(&body).to_owned();
        if world.get(plural, "", &name).is_none() {
            write::create(world, stored(plural), "", body, Mode::default())?;
        }
    }
    Ok(())
}
