//! The platform on a real control plane, for benchmarks: `platform FOLDER WORKERS` (in each of three zones) starts both,
//! writes the kubeconfigs of those who use them into the folder, and at last the file `ready`. Ends with its standard input.

use std::{env, error::Error, fs, io, path::PathBuf};

use trireme_peers::ControlPlane;
use trireme_sandbox::{
    client::connect,
    platform::{self, Size, actor::Actor},
};

/// Who works on the nodes in a benchmark: namespace and name of an account, and its file.
const ACCOUNTS: [(&str, &str, &str); 2] = [
    ("trireme-system", "trireme", "roller.kubeconfig"),
    ("sandbox", "drainer", "drainer.kubeconfig"),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(folder), Some(workers)) = (arguments.next(), arguments.next()) else {
        return Err("usage: platform FOLDER WORKERS".into());
    };
    let (folder, workers) = (PathBuf::from(folder), workers.parse()?);
    let plane = ControlPlane::start()?;
    let size = Size {
        workers,
        ..Size::thirty()
    };
    platform::seed(&connect(&plane.admin_kubeconfig()).await?, &size).await?;
    add_drainer(&plane)?;
    let actor = plane.kubeconfig_for("sandbox", "actor")?;
    let _actor = Actor::start(&connect(&actor).await?);
    for (namespace, account, file) in ACCOUNTS {
        let kubeconfig = plane.kubeconfig_for(namespace, account)?;
        fs::write(folder.join(file), kubeconfig)?;
    }
    fs::write(folder.join("admin.kubeconfig"), plane.admin_kubeconfig())?;
    std::os::unix::fs::symlink(plane.audit_log(), folder.join("audit.log"))?;
    fs::write(folder.join("ready"), "")?;
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    Ok(())
}

/// An account of its own for kubectl, so that the audit log tells its requests from others'.
fn add_drainer(plane: &ControlPlane) -> Result<(), Box<dyn Error>> {
    let create = ["create", "serviceaccount", "drainer", "-n", "sandbox"];
    plane.kubectl(&create)?.succeed()?;
    let grant = ["create", "clusterrolebinding", "drainer"];
    let rights = "--clusterrole=cluster-admin --serviceaccount=sandbox:drainer";
    let arguments: Vec<&str> = grant.into_iter().chain(rights.split(' ')).collect();
    plane.kubectl(&arguments)?.succeed()?;
    Ok(())
}
