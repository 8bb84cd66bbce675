//! The record of a world: its ports and its password. They are chosen once, so that clients find it again after a restart.

use std::{fs, io, io::Read as _, net::TcpListener, path::Path};

use serde::{Deserialize, Serialize};

use crate::{SandboxError, untidy::Untidy};

const FORMAT: u32 = 1;

/// The file `world.json`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    pub(crate) registry_port: u16,
    pub(crate) files_port: u16,
    pub(crate) kubernetes_port: u16,
    /// Of the registry's one user.
    pub(crate) password: String,
    /// The seed of an untidy world, and whether it has the pod that is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    untidy: Option<(u64, bool)>,
}

impl Record {
    /// Reads the record of a world, or begins a new one.
    pub(crate) fn load_or_begin(
        folder: &Path,
        untidy: Option<Untidy>,
    ) -> Result<Self, SandboxError> {
        let untidy = untidy.map(|untidy| (untidy.seed, untidy.held_pod));
        let path = folder.join("world.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Self::begin(folder, untidy);
            }
            read => read.map_err(SandboxError::file("read", &path))?,
        };
        let wrong = |reason| SandboxError::World {
            path: path.clone(),
            reason,
        };
        let record: Self =
            serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if record.format != FORMAT {
            return Err(wrong(format!(
                "expected format {FORMAT}, found {}",
                record.format
            )));
        }
        if record.untidy != untidy {
            return Err(wrong(format!(
                "it was begun {}, and is to be started {}",
                told(record.untidy),
                told(untidy)
            )));
        }
        Ok(record)
    }

    fn begin(folder: &Path, untidy: Option<(u64, bool)>) -> Result<Self, SandboxError> {
        let [registry_port, files_port, kubernetes_port] = free_ports()?;
        let password = password().map_err(SandboxError::file("read", "/dev/urandom"))?;
        let record = Self {
            format: FORMAT,
            registry_port,
            files_port,
            kubernetes_port,
            password,
            untidy,
        };
        let (path, draft) = (folder.join("world.json"), folder.join("world.json.draft"));
        let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        fs::write(&draft, text).map_err(SandboxError::file("write", &draft))?;
        fs::rename(&draft, &path).map_err(SandboxError::file("write", path))?;
        Ok(record)
    }
}

/// The options of a world, as a person gives them.
fn told(untidy: Option<(u64, bool)>) -> String {
    match untidy {
        None => "without --untidy".into(),
        Some((seed, false)) => format!("with --untidy {seed}"),
        Some((seed, true)) => format!("with --untidy {seed} --held-pod"),
    }
}

/// Three ports that are free now; held open together so that they differ.
fn free_ports() -> Result<[u16; 3], SandboxError> {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let failed = |source| SandboxError::Listen {
        service: "sandbox",
        address,
        source,
    };
    let bind = || TcpListener::bind(address).map_err(failed);
    let held = [bind()?, bind()?, bind()?];
    let port = |listener: &TcpListener| listener.local_addr().map(|a| a.port()).map_err(failed);
    Ok([port(&held[0])?, port(&held[1])?, port(&held[2])?])
}

fn password() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_keeps_its_ports_and_refuses_another_format() {
        let folder = tempfile::tempdir().unwrap();
        let first = Record::load_or_begin(folder.path(), None).unwrap();
        let again = Record::load_or_begin(folder.path(), None).unwrap();
        let untidy = Untidy {
            seed: 7,
            held_pod: true,
        };
        let error = Record::load_or_begin(folder.path(), Some(untidy)).err();
        let error = error.unwrap().to_string();
        assert!(
            error.contains("without --untidy") && error.contains("--untidy 7 --held-pod"),
            "{error}"
        );
        assert_eq!(first.password, again.password);
        assert_eq!(first.kubernetes_port, again.kubernetes_port);
        let path = folder.path().join("world.json");
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace("\"format\": 1", "\"format\": 9");
        fs::write(&path, text).unwrap();
        let error = Record::load_or_begin(folder.path(), None)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("expected format 1, found 9"), "{error}");
    }
}
