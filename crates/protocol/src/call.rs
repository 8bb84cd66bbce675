//! What a program was asked to do: by its name, or by its arguments.

use std::path::{Path, PathBuf};

use crate::{Fault, Resource};

/// What the program was asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Check,
    Get(PathBuf),
    Put(PathBuf),
    Schema,
    Version,
    Help,
}

/// The step that follows from argv. Concourse calls one of three names; by hand it is `trireme-NAME` with a word. Whatever other
/// name the program has got, it must not be taken for either.
pub(crate) fn call<R: Resource>(arguments: &[String]) -> Result<Call, Fault> {
    let program = arguments.first().map(String::as_str).unwrap_or_default();
    let name = Path::new(program)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let by_hand = name == format!("trireme-{}", R::NAME);
    let rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match (name, rest.as_slice()) {
        ("check", []) => Ok(Call::Check),
        ("in", [dir]) => Ok(Call::Get(dir.into())),
        ("out", [dir]) => Ok(Call::Put(dir.into())),
        ("check" | "in" | "out", _) => Err(Fault::usage(format!(
            "{program}: wrong arguments {rest:?}; expected `check`, `in DIR` or `out DIR`"
        ))),
        (_, ["check"]) if by_hand => Ok(Call::Check),
        (_, ["in", dir]) if by_hand => Ok(Call::Get(dir.into())),
        (_, ["out", dir]) if by_hand => Ok(Call::Put(dir.into())),
        (_, ["schema"]) if by_hand => Ok(Call::Schema),
        (_, ["--version" | "-V"]) if by_hand => Ok(Call::Version),
        (_, ["--help" | "-h" | "help"]) if by_hand => Ok(Call::Help),
        _ => Err(Fault::usage(format!(
            "{program} {rest:?} is not a call of trireme-{}\n{}",
            R::NAME,
            help::<R>()
        ))),
    }
}

pub(crate) fn help<R: Resource>() -> String {
    let name = R::NAME;
    let [concourse, hand, schema] = [
        "/opt/resource/check | in DIR | out DIR".to_owned(),
        format!("trireme-{name} check | in DIR | out DIR"),
        format!("trireme-{name} schema"),
    ];
    let width = concourse.len().max(hand.len());
    format!(
        "trireme-{name} {}: a Concourse resource.

  {concourse:width$}  as Concourse calls it
  {hand:width$}  the same, by hand
  {schema:width$}  JSON Schema of source, version and params
  trireme-{name} --version | --help

Each step reads one JSON object with `source`, `version` and `params` from standard input and writes one JSON value to
standard output.
Exit codes: 0 done, 1 failed (may pass on retry), 2 denied, 64 wrong call, 65 malformed input,
75 interrupted (call again to resume), 78 bad or unknown key in source or params.",
        R::RELEASE
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exit, Outcome, StepContext};

    struct Nothing;

    #[derive(serde::Deserialize, serde::Serialize, schemars::JsonSchema, Clone)]
    struct Empty {}

    impl Resource for Nothing {
        const NAME: &'static str = "nothing";
        type Source = Empty;
        type Version = Empty;
        type GetParams = Empty;
        type PutParams = Empty;

        async fn check(
            &self,
            _: &StepContext,
            _: Empty,
            _: Option<Empty>,
        ) -> anyhow::Result<Vec<Empty>> {
            Ok(Vec::new())
        }

        async fn get(
            &self,
            _: &StepContext,
            _: Empty,
            _: Empty,
            _: Empty,
            _: &Path,
        ) -> anyhow::Result<Outcome<Empty>> {
            Ok(Outcome::new(Empty {}))
        }

        async fn put(
            &self,
            _: &StepContext,
            _: Empty,
            _: Empty,
            _: &Path,
        ) -> anyhow::Result<Outcome<Empty>> {
            Ok(Outcome::new(Empty {}))
        }
    }

    fn called(words: &str) -> Result<Call, Exit> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        call::<Nothing>(&words).map_err(|fault| fault.exit())
    }

    #[test]
    fn the_step_follows_from_argv() {
        assert_eq!(called("/opt/resource/check"), Ok(Call::Check));
        assert_eq!(
            called("/opt/resource/in /tmp/build/get"),
            Ok(Call::Get("/tmp/build/get".into()))
        );
        assert_eq!(
            called("/opt/resource/out /tmp/build/put"),
            Ok(Call::Put("/tmp/build/put".into()))
        );
        assert_eq!(called("trireme-nothing in d"), Ok(Call::Get("d".into())));
        assert_eq!(called("trireme-nothing schema"), Ok(Call::Schema));
        assert_eq!(called("/opt/resource/in"), Err(Exit::Usage));
        assert_eq!(called("/opt/resource/chek"), Err(Exit::Usage));
        assert_eq!(called("trireme-nothing out"), Err(Exit::Usage));
        for words in ["check", "in d", "out d", "schema", "--version", "--help"] {
            for name in ["/opt/resource/chek", "trireme-other", "trireme-nothing2"] {
                let call = format!("{name} {words}");
                assert_eq!(called(&call), Err(Exit::Usage), "{call}");
            }
        }
    }
}
