//! Gathers the advisories under `tests/data/osv` into one table, so that the program carries them.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?)
        .join("../../tests/data/osv")
        .canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut table = String::from("&[\n");
    for ecosystem in sorted(&folder)?.into_iter().filter(|entry| entry.is_dir()) {
        for record in sorted(&ecosystem)?
            .into_iter()
            .filter(|file| file.extension().is_some_and(|e| e == "json"))
        {
            let name = |path: &Path| {
                path.file_name()
                    .map(|n| n.to_string_lossy().into_owned())
                    .unwrap_or_default()
            };
            writeln!(
                table,
                "({:?}, {:?}, include_str!({record:?})),",
                name(&ecosystem),
                name(&record)
            )?;
        }
    }
    table.push(']');
    fs::write(
        Path::new(&env::var("OUT_DIR")?).join("advisories.rs"),
        table,
    )?;
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<std::path::PathBuf>, Box<dyn Error>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
