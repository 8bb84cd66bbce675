//! `trireme validate`.

use crate::cli::PipelineArgs;
use crate::linked;
use trireme_runner::Problem;

/// Shows warnings and notes, or fails with all errors at once.
pub fn run(args: &PipelineArgs) -> anyhow::Result<u8> {
    let vars = args.vars()?;
    let valid = trireme_runner::validate(&args.file, &vars, &linked::catalogue()?, &args.supply())?;
    for (kind, problems) in [("warning", &valid.warnings), ("note", &valid.notes)] {
        for Problem { at, message } in problems {
            eprintln!("{}:{at}: {kind}: {message}", args.file.display());
        }
    }
    for name in &valid.vars.unnamed {
        eprintln!("warning: the pipeline names no ((var)) `{name}`");
    }
    if !valid.vars.without_value.is_empty() {
        eprintln!(
            "no value is given for {}: Concourse asks its credential manager for them, `trireme run` needs them",
            valid.vars.without_value.join(", ")
        );
    }
    eprintln!("{}: valid", args.file.display());
    Ok(0)
}
