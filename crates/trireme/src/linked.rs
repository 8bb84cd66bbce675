//! The resources that this program has linked in.

use serde_json::Value;
use std::ffi::OsString;
use std::process::ExitCode;
use trireme_cluster::Cluster;
use trireme_image::Image;
use trireme_image_scan::ImageScan;
use trireme_image_signature::ImageSignature;
use trireme_kubernetes_release::KubernetesRelease;
use trireme_protocol::{Resource, main_with, schema};
use trireme_runner::{Catalogue, Linked};

/// One linked resource: its name, its schema, its program.
struct Entry {
    name: &'static str,
    schema: fn() -> Value,
    main: fn(&[String]) -> ExitCode,
}

const fn entry<R: Resource>(main: fn(&[String]) -> ExitCode) -> Entry {
    Entry {
        name: R::NAME,
        schema: schema::<R>,
        main,
    }
}

/// A new resource is one more line here.
const LINKED: &[Entry] = &[
    entry::<Cluster>(|arguments| main_with(Cluster, arguments)),
    entry::<Image>(|arguments| main_with(Image, arguments)),
    entry::<ImageScan>(|arguments| main_with(ImageScan, arguments)),
    entry::<ImageSignature>(|arguments| main_with(ImageSignature, arguments)),
    entry::<KubernetesRelease>(|arguments| main_with(KubernetesRelease, arguments)),
];

/// The linked resources, for the runner: each is this same program, called as `trireme resource NAME`.
///
/// # Errors
/// This program does not know where it lies.
pub fn catalogue() -> std::io::Result<Catalogue> {
    let program = std::env::current_exe()?.into_os_string();
    let parent = OsString::from(std::process::id().to_string());
    let words = |command: &str| {
        vec![
            program.clone(),
            command.into(),
            "--parent".into(),
            parent.clone(),
        ]
    };
    let linked = |entry: &Entry| {
        let mut command = words("resource");
        command.push(entry.name.into());
        (
            entry.name.to_owned(),
            Linked {
                schema: (entry.schema)(),
                command,
            },
        )
    };
    let mut launcher = words("exec");
    launcher.push("--".into());
    Ok(Catalogue {
        resources: LINKED.iter().map(linked).collect(),
        launcher,
    })
}

/// Runs a linked resource as its own program would; `None` when it is not linked in.
pub fn run(name: &str, arguments: &[String]) -> Option<ExitCode> {
    let entry = LINKED.iter().find(|entry| entry.name == name)?;
    let program = std::iter::once(format!("trireme-{name}"));
    let all: Vec<String> = program.chain(arguments.iter().cloned()).collect();
    Some((entry.main)(&all))
}
