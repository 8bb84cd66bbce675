//! `load_var`: a file of an artifact becomes a local var.

use super::Scope;
use super::leaf::reported;
use crate::files;
use crate::pipeline::{LoadFormat, LoadVar, Step};
use crate::report::{Status, StepKind};
use crate::{value, yaml};
use serde_json::Value;
use std::path::Path;

/// A var is a word, a list or a small document; more is a mistake in the path.
const MAX_BYTES: u64 = 1024 * 1024;

pub(super) async fn run(load: &LoadVar, step: &Step, scope: &Scope) -> Status {
    reported(
        StepKind::LoadVar,
        &load.name.text,
        step,
        scope,
        async |_| {
            let load = scope.reread(&load.node, &step.context, LoadVar::read)?;
            let (artifact, path) = files::split_artifact(&load.file.text).ok_or_else(|| {
                format!("`file: {}` must be ARTIFACT/path/to/file", load.file.text)
            })?;
            let text = files::read_text(&scope.need_artifact(artifact)?, path, MAX_BYTES)?;
            let format = load.format.unwrap_or_else(|| by_ending(path));
            let value =
                parse(&text, format).map_err(|reason| format!("{}: {reason}", load.file.text))?;
            if !load.reveal {
                let mut texts = Vec::new();
                value::texts(&value, &mut texts);
                scope.build.hide(texts);
            }
            scope.set_local(&load.name.text, value);
            Ok(())
        },
    )
    .await
}

fn by_ending(path: &Path) -> LoadFormat {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => LoadFormat::Json,
        Some("yml" | "yaml") => LoadFormat::Yaml,
        Some("raw") => LoadFormat::Raw,
        _ => LoadFormat::Trim,
    }
}

fn parse(text: &str, format: LoadFormat) -> Result<Value, String> {
    match format {
        LoadFormat::Json => serde_json::from_str(text).map_err(|error| error.to_string()),
        LoadFormat::Yaml => yaml::parse(text)
            .map(|node| node.to_json())
            .map_err(|problem| format!("{}: {}", problem.at, problem.message)),
        LoadFormat::Trim => Ok(Value::from(text.trim())),
        LoadFormat::Raw => Ok(Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_format_follows_the_ending() {
        let rows = [
            ("v.json", "[1, \"a\"]", json!([1, "a"])),
            ("v.yml", "a: yes", json!({"a": true})),
            ("v", " v1.37.2\n", json!("v1.37.2")),
            ("v.txt", "\n", json!("")),
            ("v.raw", " x\n", json!(" x\n")),
        ];
        for (path, text, expected) in rows {
            assert_eq!(
                parse(text, by_ending(Path::new(path))),
                Ok(expected),
                "{path}"
            );
        }
        assert_eq!(parse(" x\n", LoadFormat::Raw), Ok(json!(" x\n")));
        assert!(parse("{", LoadFormat::Json).is_err());
    }
}
