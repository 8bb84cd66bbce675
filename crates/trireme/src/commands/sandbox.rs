//! `trireme sandbox`, and the sandbox of `trireme run --sandbox`.

use crate::cli::{ReleaseArgs, SandboxArgs};
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use trireme_runner::Interrupt;
use trireme_sandbox::kubernetes::Timings;
use trireme_sandbox::{Listen, Sandbox, SandboxOptions, Untidy, publishing};
use trireme_transport::{Client, Options, Request};

const ANSWER_LIMIT_BYTES: u64 = 64 << 10;

/// Starts the sandbox of a state folder, and says what is untidy in it.
///
/// # Errors
/// See [`Sandbox::start`].
pub async fn start(
    state: &Path,
    untidy: Option<Untidy>,
    listen: Option<Listen>,
) -> anyhow::Result<Sandbox> {
    let options = SandboxOptions {
        state: state.to_owned(),
        timings: Timings::default(),
        untidy,
        listen,
    };
    if let Some(untidy) = untidy {
        eprintln!("untidy         {}", untidy.summary());
    }
    Ok(Sandbox::start(options).await?)
}

/// Keeps a sandbox up until it is interrupted.
pub async fn sandbox(args: &SandboxArgs, interrupt: &Interrupt) -> anyhow::Result<u8> {
    let sandbox = start(&args.state, args.untidy(), args.listen()?).await?;
    let kubeconfig = args.state.join("sandbox/admin.kubeconfig");
    keep(&kubeconfig, &sandbox.api().admin_kubeconfig()?)?;
    let vars = sandbox.vars()?;
    let var = |name: &str| vars.get(name).and_then(Value::as_str).unwrap_or_default();
    let registry = sandbox.registry();
    let password = args.state.join("sandbox/registry-password");
    keep(&password, var("registry_password"))?;
    let vars_file = args.state.join("sandbox/vars.json");
    keep(&vars_file, &serde_json::to_string_pretty(&vars)?)?;
    eprintln!(
        "pipelines      trireme check pipelines/repair.yml release --load-vars-from pipelines/vars/sandbox.yml --load-vars-from {}",
        vars_file.display()
    );
    eprintln!(
        "registry       crane auth login {registry} -u {} --password-stdin < {}",
        var("registry_username"),
        password.display()
    );
    let insecure = match vars["insecure"] == true {
        true => " --insecure",
        false => "",
    };
    eprintln!("               crane ls{insecure} {}/shop", var("upstream"));
    eprintln!(
        "kubernetes     kubectl --kubeconfig {} get nodes",
        kubeconfig.display()
    );
    eprintln!(
        "releases       curl {}/stable.txt",
        sandbox.release_server()
    );
    eprintln!("advisories     curl {}/ecosystems.txt", sandbox.database());
    eprintln!(
        "Ctrl-C ends it; its world stays in {}",
        args.state.join("sandbox").display()
    );
    interrupt.fired().await;
    Ok(0)
}

/// Publishes a release in the sandbox that serves the state folder.
pub async fn release(args: &ReleaseArgs) -> anyhow::Result<u8> {
    let publishing = publishing(&args.state, &args.version)?;
    let request = Request::put(publishing.url)
        .secret_header(http::header::AUTHORIZATION, publishing.authorization);
    // A sandbox is on this machine: its password is nothing for a proxy, also where it does not listen on loopback.
    let options = Options {
        direct: true,
        ..Options::default()
    };
    let client = Client::new(options)?;
    let answer = client.fetch(request, ANSWER_LIMIT_BYTES).await;
    let answer =
        answer.context("is a sandbox up on this state folder? `trireme sandbox` starts it")?;
    if answer.status != http::StatusCode::CREATED {
        bail!(
            "the sandbox answered {}: {}",
            answer.status,
            answer.describe()
        );
    }
    eprintln!(
        "{} is published, with its images: the next check of a `kubernetes-release` can find it",
        args.version
    );
    Ok(0)
}

/// Writes a file that only its owner may read.
fn keep(path: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content.as_bytes())
}
