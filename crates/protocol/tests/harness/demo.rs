//! A resource that does what its source says, so that the tests can see how the protocol takes it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{debug, error, info, info_span, warn};
use trireme_protocol::{Fault, Outcome, Resource, Secret, StepContext};

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

/// Shows the password in every way in which an event can.
#[allow(
    clippy::cognitive_complexity,
    reason = "the expansion of each macro of tracing counts"
)]
fn tell(password: &str) {
    let encoded = STANDARD.encode(format!("robot:{password}"));
    let wrapped: Vec<&str> = encoded
        .as_bytes()
        .chunks(8)
        .map(|line| std::str::from_utf8(line).unwrap_or_default())
        .collect();
    let url = utf8_percent_encode(password, NON_ALPHANUMERIC).to_string();
    let failed = anyhow::anyhow!("{password} is wrong").context("cannot log in");
    let failed: &(dyn std::error::Error + 'static) = failed.as_ref();
    warn!(object = %format_args!("user {password}"), "has {password}");
    info!(object = "demo", done = true, encoded, url, quoted = ?[password], "all forms");
    error!(object = "demo", error = failed, "goes on");
    info!(object = "demo", "{}", wrapped.join("\n"));
    debug!(target: "hyper", password, "not ours");
    warn!(target: "hyper", password, "not ours");
    debug!(target: "trireme::request", object = "request", method = "GET", url = %format_args!("https://robot:{url}@host/"));
    let span = info_span!("login", object = password);
    span.in_scope(|| debug!("in a span"));
}

impl Source {
    async fn act(&self, step: &StepContext) -> anyhow::Result<Outcome<Version>> {
        let outcome = Outcome::new(Version {
            text: self.text.clone(),
        });
        let password = self.password.as_ref().map_or("", Secret::expose);
        let Policy {
            severity,
            fixed_only,
        } = &self.policy;
        debug!(object = "policy", "{severity:?} {fixed_only}");
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
                tell(password);
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

    fn validate_version(version: &Version) -> Result<(), Fault> {
        match version.text.as_str() {
            "garbled" => Err(Fault::data("version.text is garbled")),
            _ => Ok(()),
        }
    }

    async fn check(
        &self,
        step: &StepContext,
        source: Source,
        version: Option<Version>,
    ) -> anyhow::Result<Vec<Version>> {
        let outcome = source.act(step).await?;
        Ok(version.into_iter().chain([outcome.version]).collect())
    }

    async fn get(
        &self,
        step: &StepContext,
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
        step: &StepContext,
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
