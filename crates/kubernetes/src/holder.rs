//! Who holds the Lease, for people and for other runs.

use std::env;

use jiff::Timestamp;

/// The name of this run: the build where Concourse runs it, else host and process; in any case unlike every other run.
pub(crate) fn holder() -> String {
    let value = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let place = build(value).unwrap_or_else(|| {
        let host = value("HOSTNAME").unwrap_or_else(|| "trireme".into());
        format!("host {host}")
    });
    let began = Timestamp::now().as_nanosecond();
    format!("{place}, process {}-{began}", std::process::id())
}

/// E.g. `build prod/repair/roll 42 (https://ci.example/builds/1234)`. A build of no job has only its id.
fn build(value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let id = value("BUILD_ID");
    let path = ["BUILD_TEAM_NAME", "BUILD_PIPELINE_NAME", "BUILD_JOB_NAME"];
    let path: Vec<_> = path.into_iter().filter_map(&value).collect();
    let name = value("BUILD_NAME").or_else(|| id.clone())?;
    let mut text = format!("build {} {name}", path.join("/"));
    if path.is_empty() {
        text = format!("build {name}");
    }
    if let (Some(url), Some(id)) = (value("ATC_EXTERNAL_URL"), id) {
        text += &format!(" ({}/builds/{id})", url.trim_end_matches('/'));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_names_the_build_where_there_is_one() {
        let build = |known: &[(&str, &str)]| {
            build(|name| {
                let found = known.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let all = [
            ("BUILD_TEAM_NAME", "prod"),
            ("BUILD_PIPELINE_NAME", "repair"),
            ("BUILD_JOB_NAME", "roll"),
            ("BUILD_NAME", "42"),
            ("BUILD_ID", "1234"),
            ("ATC_EXTERNAL_URL", "https://ci.example/"),
        ];
        assert_eq!(
            build(&all).unwrap(),
            "build prod/repair/roll 42 (https://ci.example/builds/1234)"
        );
        assert_eq!(build(&all[4..5]).unwrap(), "build 1234");
        assert_eq!(build(&[]), None);
    }

    #[test]
    fn two_runs_have_two_names() {
        assert_ne!(holder(), holder());
    }
}
