//! `trireme check`, `get` and `put`: one resource, its JSON on standard output.

use crate::cli::{CheckArgs, GetArgs, PipelineArgs, PutArgs, version};
use crate::linked;
use anyhow::Context;
use std::io::Write;
use trireme_protocol::redact::redact;
use trireme_runner::{Interrupt, Single, SingleOptions, run_single};

/// `trireme check`.
pub async fn check(args: &CheckArgs, interrupt: &Interrupt) -> anyhow::Result<u8> {
    let single = Single::Check {
        from: version(&args.from),
    };
    run(&args.pipeline, &args.resource, single, interrupt).await
}

/// `trireme get`.
pub async fn get(args: &GetArgs, interrupt: &Interrupt) -> anyhow::Result<u8> {
    let (version, params, dir) = (
        version(&args.version),
        args.params.clone(),
        args.dir.clone(),
    );
    run(
        &args.pipeline,
        &args.resource,
        Single::Get {
            version,
            params,
            dir,
        },
        interrupt,
    )
    .await
}

/// `trireme put`.
pub async fn put(args: &PutArgs, interrupt: &Interrupt) -> anyhow::Result<u8> {
    let (params, dir) = (args.params.clone(), args.dir.clone());
    run(
        &args.pipeline,
        &args.resource,
        Single::Put { params, dir },
        interrupt,
    )
    .await
}

async fn run(
    pipeline: &PipelineArgs,
    resource: &str,
    single: Single,
    interrupt: &Interrupt,
) -> anyhow::Result<u8> {
    let options = SingleOptions {
        file: pipeline.file.clone(),
        vars: pipeline.vars()?,
        supply: pipeline.supply(),
        catalogue: linked::catalogue()?,
        resource: resource.to_owned(),
    };
    let said = run_single(&options, &single, interrupt).await?;
    if let Some(answer) = said.answer {
        let text = redact(&serde_json::to_string_pretty(&answer)?);
        writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")?;
    }
    // A code beyond 255 cannot be: the kernel gives eight bits.
    Ok(u8::try_from(said.exit).unwrap_or(1))
}
