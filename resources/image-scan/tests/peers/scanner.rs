//! The same layer and the same advisories, before our program and before osv-scanner.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use trireme_peers::Tool;

use crate::world::{Program, World, digest, zip_of};

/// (advisory, source package).
pub type Findings = BTreeSet<(String, String)>;

/// The advisories of `tests/data/osv`, by ecosystem.
pub fn recorded() -> Database {
    let families = ["Debian", "Alpine", "Go", "crates.io"];
    let zipped = families.map(|family| (family.to_owned(), zip_of(family, &[])));
    zipped.into()
}

/// A zip file for each ecosystem.
pub type Database = Vec<(String, Vec<u8>)>;

/// What our program did with an image of this layer.
pub fn put(layer: &[u8], database: &Database) -> Program {
    let world = World::start();
    for (family, zip) in database {
        let path = format!("/osv/{family}/all.zip");
        world.serve(&path, 200, "application/zip", zip.clone());
    }
    let digest = world.image("v1", "amd64", &[layer.to_vec()]);
    let params = json!({"image": "app", "on_deny": "report"});
    let put = Program::put(&world.source(), &params, &[("app/digest", &digest)]);
    assert_eq!(put.code, 0, "{}", put.stderr);
    put
}

/// What our program finds.
pub fn ours(layer: &[u8], database: &Database) -> Findings {
    let verdict = put(layer, database).file(".image-scan/verdict.json");
    let lists = ["findings", "suppressed"]
        .map(|list| verdict[list].as_array().cloned().unwrap_or_default());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut findings = Findings::new();
    for finding in lists.concat() {
        for advisory in finding["advisories"].as_array().into_iter().flatten() {
            findings.insert((text(advisory), text(&finding["package"])));
        }
    }
    findings
}

/// What osv-scanner finds in the same layer, with the same advisories.
pub fn theirs(layer: &[u8], database: &Database) -> Findings {
    let folder = tempfile::tempdir().expect("a folder");
    for (family, zip) in database {
        let database = folder.path().join("osv-scanner").join(family);
        fs::create_dir_all(&database).expect("made");
        fs::write(database.join("all.zip"), zip).expect("written");
    }
    let archive = docker_archive(folder.path(), layer);
    let ran = Tool::new("osv-scanner")
        .expect("tests/peers/install built it")
        .env("OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY", folder.path())
        .args([
            "scan",
            "image",
            "--offline",
            "--all-packages",
            "--format",
            "json",
            "--archive",
        ])
        .args([archive.as_os_str()])
        .run()
        .expect("it runs");
    let report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no report: {}", ran.stderr));
    let mut findings = Findings::new();
    for package in each(&report["results"], "packages") {
        let name = package["package"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        for advisory in package["vulnerabilities"].as_array().into_iter().flatten() {
            findings.insert((
                advisory["id"].as_str().unwrap_or_default().to_owned(),
                name.clone(),
            ));
        }
    }
    findings
}

fn each(results: &Value, key: &str) -> Vec<Value> {
    results
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|result| result[key].as_array().cloned().unwrap_or_default())
        .collect()
}

/// The layer as `docker save` would write an image.
fn docker_archive(folder: &Path, gzip: &[u8]) -> PathBuf {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip), &mut plain)
        .expect("a layer");
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(&plain)]},
        "history": [{"created_by": "test"}],
    })
    .to_string();
    let manifest =
        json!([{"Config": "config.json", "RepoTags": ["app:v1"], "Layers": ["layer.tar"]}])
            .to_string();
    let path = folder.join("image.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).expect("a file"));
    let files = [
        ("config.json", config.as_bytes()),
        ("layer.tar", &plain[..]),
        ("manifest.json", manifest.as_bytes()),
    ];
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, content)
            .expect("an entry");
    }
    builder.finish().expect("an archive");
    path
}
