//! Two real OCI registries that differ where it matters: one without and one with the referrers API.

use std::{fs, process::Command};

use tempfile::TempDir;

use crate::{PeerError, Server, program};

/// A registry on loopback, plain HTTP, in memory, without authentication; it ends with this value.
#[derive(Debug)]
pub struct Registry {
    server: Server,
    _config: Option<TempDir>,
}

impl Registry {
    /// The CNCF distribution registry: no referrers API, so clients keep the fallback tag.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn distribution() -> Result<Self, PeerError> {
        let dir = config_dir()?;
        let file = dir.path().join("registry.yml");
        fs::write(&file, DISTRIBUTION_CONFIG).map_err(start_error)?;
        let mut command = Command::new(program("registry")?);
        command.arg("serve").arg(&file);
        let server = Server::start("registry", command, |line| {
            port_after(line, "listening on 127.0.0.1:")
        })?;
        Ok(Self {
            server,
            _config: Some(dir),
        })
    }

    /// The in-memory registry of crane's library with its referrers API on. Its list gives each referrer the media
    /// type of its config as `artifactType`, so a client must read the manifests to know what they are.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn referrers() -> Result<Self, PeerError> {
        let command = Command::new(program("referrers-registry")?);
        let server = Server::start("referrers-registry", command, |line| {
            port_after(line, "serving on port ")
        })?;
        Ok(Self {
            server,
            _config: None,
        })
    }

    /// `localhost:PORT`, as it stands before the repository in a reference.
    pub fn host(&self) -> String {
        self.server.address().replace("127.0.0.1", "localhost")
    }
}

/// Port 0: the log line names the port that was given. Deleting is on, as tests remove manifests.
const DISTRIBUTION_CONFIG: &str = "version: 0.1
log: {level: info}
storage: {inmemory: {}, delete: {enabled: true}}
http: {addr: \"127.0.0.1:0\"}
";

fn config_dir() -> Result<TempDir, PeerError> {
    tempfile::tempdir().map_err(start_error)
}

fn start_error(source: std::io::Error) -> PeerError {
    PeerError::Start {
        name: "registry".into(),
        source,
    }
}

fn port_after(line: &str, marker: &str) -> Option<u16> {
    let rest = line.split_once(marker)?.1;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::port_after;

    #[test]
    fn a_port_is_read_from_the_lines_that_the_registries_write() {
        let distribution = r#"level=info msg="listening on 127.0.0.1:39971" go.version=go1.26.8"#;
        assert_eq!(
            port_after(distribution, "listening on 127.0.0.1:"),
            Some(39971)
        );
        let crane = "2026/11/24 11:29:50 serving on port 39429";
        assert_eq!(port_after(crane, "serving on port "), Some(39429));
        assert_eq!(port_after("redis not configured", "serving on port "), None);
    }
}
