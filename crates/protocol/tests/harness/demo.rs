//! A resource that does what its source says, so that the tests can see how the protocol takes it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trireme_protocol::{Fault, Outcome, Resource, Secret, Step};

struct Demo;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Source {
    /// What the version's `text` is.
    text: String,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    policy: Policy,
    #[serde(default)]
    act: Act,
    #[serde(default)]
    debug: bool,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    fixed_only: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Act {
    #[default]
    Answer,
    /// Fail after the files were written.
    Fail,
    Deny,
    /// Wait for the signal, then end tidily.
    Wait,
    /// Never end, whatever is asked.
    Hang,
    /// Show the password in every line, the error and the metadata.
    Tell,
    /// Put the password into the version.
    Leak,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Version {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PutParams {
    #[allow(dead_code, reason = "only its presence matters")]
    file: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetParams {
    #[serde(default)]
    name: Option<String>,
}

impl Source {
    async fn act(&self, step: &Step) -> anyhow::Result<Outcome<Version>> {
        let outcome = Outcome::new(Version {
            text: self.text.clone(),
        });
        let password = self.password.as_ref().map_or("", Secret::expose);
        step.debug(
            "policy",
            format!("{:?} {}", self.policy.severity, self.policy.fixed_only),
        );
        match self.act {
            Act::Answer => Ok(outcome.with("debug", self.debug.to_string())),
            Act::Fail => Err(anyhow::anyhow!("the disk is full").context("writing `digest`")),
            Act::Deny => Ok(outcome.deny("2 findings are critical")),
            Act::Wait => {
                step.info("demo", "waiting");
                step.cancelled().await;
                step.info("demo", "stopped tidily");
                Err(Fault::interrupted("stopped at node w-2").into())
            }
            Act::Hang => {
                step.info("demo", "waiting");
                std::future::pending().await
            }
            Act::Tell => {
                step.warn(format!("user {password}"), format!("has {password}"));
                Ok(outcome.with("password", password))
            }
            Act::Leak => Ok(Outcome::new(Version {
                text: password.to_owned(),
            })),
        }
    }
}

impl Resource for Demo {
    const NAME: &'static str = "demo";
    const GRACE: Duration = Duration::from_secs(1);
    type Source = Source;
    type Version = Version;
    type GetParams = GetParams;
    type PutParams = PutParams;

    fn recognise(version: &Version) -> Result<(), Fault> {
        match version.text.as_str() {
            "garbled" => Err(Fault::data("version.text is garbled")),
            _ => Ok(()),
        }
    }

    async fn check(
        &self,
        step: &Step,
        source: Source,
        version: Option<Version>,
    ) -> anyhow::Result<Vec<Version>> {
        let outcome = source.act(step).await?;
        Ok(version.into_iter().chain([outcome.version]).collect())
    }

    async fn get(
        &self,
        step: &Step,
        source: Source,
        _version: Version,
        params: GetParams,
        dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        std::fs::create_dir(dir.join("rootfs"))?;
        std::fs::write(dir.join("rootfs/hosts"), "")?;
        std::fs::write(
            dir.join(params.name.as_deref().unwrap_or("digest")),
            &source.text,
        )?;
        source.act(step).await
    }

    async fn put(
        &self,
        step: &Step,
        source: Source,
        _params: PutParams,
        _dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        source.act(step).await
    }
}

fn main() -> ExitCode {
    trireme_protocol::main(Demo)
}
