//! The record of a world: its ports and its password. They are chosen once, so that clients find it again after a restart.

use std::{
    fs, io,
    io::Read as _,
    net::{IpAddr, TcpListener},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{Listen, SandboxError, untidy::Untidy};

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
    /// Where it is served.
    #[serde(default)]
    pub(crate) listen: Listen,
}

impl Record {
    /// Reads the record of a world, or begins a new one. One that was begun keeps the address and the name where it is served.
    pub(crate) fn load_or_begin(
        folder: &Path,
        untidy: Option<Untidy>,
        listen: Option<&Listen>,
    ) -> Result<Self, SandboxError> {
        let untidy = untidy.map(|untidy| (untidy.seed, untidy.held_pod));
        let Some(record) = Self::load(folder)? else {
            return Self::begin(folder, untidy, listen.cloned().unwrap_or_default());
        };
        let listen = listen.unwrap_or(&record.listen);
        if (record.untidy, &record.listen) != (untidy, listen) {
            return Err(wrong(
                folder,
                format!(
                    "it was begun {}, and is to be started {}",
                    told(record.untidy, &record.listen),
                    told(untidy, listen)
                ),
            ));
        }
        Ok(record)
    }

    /// The record of a world, if one was begun.
    pub(crate) fn load(folder: &Path) -> Result<Option<Self>, SandboxError> {
        let path = folder.join("world.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(SandboxError::file("read", &path))?,
        };
        let record: Self =
            serde_json::from_slice(&text).map_err(|error| wrong(folder, error.to_string()))?;
        if record.format != FORMAT {
            let reason = format!("expected format {FORMAT}, found {}", record.format);
            return Err(wrong(folder, reason));
        }
        Ok(Some(record))
    }

    fn begin(
        folder: &Path,
        untidy: Option<(u64, bool)>,
        listen: Listen,
    ) -> Result<Self, SandboxError> {
        let [registry_port, files_port, kubernetes_port] = free_ports(listen.address)?;
        let password = password().map_err(SandboxError::file("read", "/dev/urandom"))?;
        let record = Self {
            format: FORMAT,
            registry_port,
            files_port,
            kubernetes_port,
            password,
            untidy,
            listen,
        };
        let (path, draft) = (folder.join("world.json"), folder.join("world.json.draft"));
        let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        fs::write(&draft, text).map_err(SandboxError::file("write", &draft))?;
        fs::rename(&draft, &path).map_err(SandboxError::file("write", path))?;
        Ok(record)
    }
}

fn wrong(folder: &Path, reason: String) -> SandboxError {
    SandboxError::World {
        path: folder.join("world.json"),
        reason,
    }
}

/// The options of a world, as a person gives them.
fn told(untidy: Option<(u64, bool)>, listen: &Listen) -> String {
    let untidy = match untidy {
        None => "without --untidy".into(),
        Some((seed, false)) => format!("with --untidy {seed}"),
        Some((seed, true)) => format!("with --untidy {seed} --held-pod"),
    };
    match &listen.name {
        _ if *listen == Listen::default() => untidy,
        None => format!("{untidy} --listen {}", listen.address),
        Some(name) => format!("{untidy} --listen {} --name {name}", listen.address),
    }
}

/// Three ports that are free now; held open together so that they differ.
fn free_ports(address: IpAddr) -> Result<[u16; 3], SandboxError> {
    let address = std::net::SocketAddr::from((address, 0));
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
        let load = |untidy, listen| Record::load_or_begin(folder.path(), untidy, listen);
        let elsewhere = Listen {
            address: IpAddr::from([127, 0, 0, 2]),
            name: None,
        };
        let first = load(None, Some(&elsewhere)).unwrap();
        let again = load(None, None).unwrap();
        assert_eq!(again.listen, elsewhere);
        let here = Listen::default();
        let error = load(None, Some(&here)).err().unwrap();
        assert!(
            error.to_string().contains("--listen 127.0.0.2, and"),
            "{error}"
        );
        let untidy = Untidy {
            seed: 7,
            held_pod: true,
        };
        let error = load(Some(untidy), None).err().unwrap().to_string();
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
        let error = load(None, None).err().unwrap().to_string();
        assert!(error.contains("expected format 1, found 9"), "{error}");
    }
}
