//! How a source says where a registry or another server is, and how it is reached.
//!
//! The keys are the same everywhere: [`server_source!`] and [`registry_source!`] put them into a struct beside its own, and
//! [`Connection`] and [`RegistryConnection`] make of them the client that every other request goes through. (serde's `flatten`
//! would put them there too, but its errors have lost their place and the names that are expected.)

mod source;

pub use trireme_protocol::Secret;
use trireme_protocol::{Fault, redact};
use trireme_registry::{Credentials, Repository, RepositoryName};
use trireme_transport::{Client, Options};

/// How a server is reached.
#[derive(Clone, Copy)]
pub struct Connection<'a> {
    /// Where its keys stand, e.g. `source`, for messages.
    pub place: &'static str,
    /// Certificate authorities (PEM) beside those of the system.
    pub ca_certs: &'a [String],
    /// Plain HTTP for a registry, and no check of certificates.
    pub insecure: bool,
    /// The proxy; default from the environment.
    pub proxy: Option<&'a str>,
}

impl Connection<'_> {
    /// The client for it.
    ///
    /// # Errors
    /// A configuration fault when a certificate or the proxy cannot be used.
    pub fn client(&self) -> Result<Client, Fault> {
        self.client_named(None)
    }

    /// The same, that names itself so.
    ///
    /// # Errors
    /// As [`Connection::client`].
    pub fn client_named(&self, user_agent: Option<&str>) -> Result<Client, Fault> {
        let client = Client::new(Options {
            ca_certs: self.ca_certs.to_vec(),
            insecure: self.insecure,
            proxy: self.proxy.map(String::from),
            user_agent: user_agent.map(String::from),
            ..Options::default()
        });
        client.map_err(|error| {
            let place = self.place;
            Fault::config(format!("the settings of {place} for HTTP cannot be used"))
                .with_source(error)
        })
    }
}

/// A repository, who we are to its registry, and how that is reached.
#[derive(Clone, Copy)]
pub struct RegistryConnection<'a> {
    /// How it is reached.
    pub connection: Connection<'a>,
    /// `HOST[:PORT]/PATH`, without tag and digest.
    pub repository: &'a str,
    /// User name for the registry.
    pub username: Option<&'a str>,
    /// Password or token for the registry.
    pub password: Option<&'a Secret>,
}

impl RegistryConnection<'_> {
    /// The repository.
    ///
    /// # Errors
    /// A configuration fault when its name, the credentials or the connection cannot be used.
    pub fn open(&self) -> Result<Repository, Fault> {
        self.open_with(self.connection.client()?)
    }

    /// The same through a client of the connection that is there already.
    ///
    /// # Errors
    /// A configuration fault when its name or the credentials cannot be used.
    pub fn open_with(&self, client: Client) -> Result<Repository, Fault> {
        let place = self.connection.place;
        let name: RepositoryName = self.repository.parse().map_err(|error| {
            Fault::config(format!("{place}.repository cannot be used")).with_source(error)
        })?;
        let password = self.password.map(Secret::expose);
        let credentials = Credentials::pair(place, self.username, password)
            .map_err(|error| Fault::config(error.to_string()))?;
        Ok(Repository::new(
            client,
            name,
            credentials,
            self.connection.insecure,
            redact::register_secret,
        ))
    }
}
