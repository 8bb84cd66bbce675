//! The command line.

use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use trireme_runner::{LocalInputs, RunnerError, Version, vars::Vars};
use trireme_sandbox::{Listen, Untidy};

const EXIT_CODES: &str = "\
Exit codes:
  0   done, or nothing was to do
  1   failed; trying again may help
  2   a job ended in a deny
  64  wrong use of this program
  75  interrupted; run it again and it goes on
  78  the pipeline, its vars or an option is wrong
check, get and put end with the code of the resource, which knows one more:
  65  malformed or too large input";

/// Runs Concourse pipelines of Trireme resources on one laptop.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the jobs of a pipeline in the order that `passed` and `trigger` imply
    Run(RunArgs),
    /// Say everything that is wrong with a pipeline, with line and column
    Validate(PipelineArgs),
    /// Ask one resource of a pipeline for its versions
    Check(CheckArgs),
    /// Fetch a version of one resource of a pipeline
    Get(GetArgs),
    /// Make a version of one resource of a pipeline
    Put(PutArgs),
    /// Keep a whole platform up, and say how to reach it
    Sandbox(SandboxArgs),
    /// A linked resource, called by the runner
    #[command(hide = true)]
    Resource(ResourceArgs),
    /// A task of a pipeline, started by the runner
    #[command(hide = true)]
    Exec(ExecArgs),
}

/// A pipeline with what it needs.
#[derive(Debug, Clone, Args)]
pub struct PipelineArgs {
    /// The pipeline
    pub file: PathBuf,
    /// A value (a text) for a ((var)); a dotted name for a nested one
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    pub vars: Vec<(String, String)>,
    /// A YAML file with values for ((vars)); later files win over earlier ones, --var over all
    #[arg(long = "load-vars-from", value_name = "FILE")]
    pub vars_files: Vec<PathBuf>,
    /// The content of a resource whose type is none of Trireme's (git, …), as a folder
    #[arg(long = "input", value_name = "RESOURCE=DIR", value_parser = pair)]
    pub inputs: Vec<(String, String)>,
    /// Which of Trireme's resources serves a type that is not declared by an image `…/trireme-NAME`, e.g. image=image
    #[arg(long = "type", value_name = "TYPE=NAME", value_parser = pair)]
    pub types: Vec<(String, String)>,
}

/// `trireme run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// Build this job, triggered or not, and no others
    #[arg(long = "job", value_name = "NAME")]
    pub jobs: Vec<String>,
    /// Where versions, builds and their files are kept
    #[arg(long, value_name = "DIR", default_value = trireme_runner::DEFAULT_STATE)]
    pub state: PathBuf,
    /// Run against a whole platform on loopback; its addresses and credentials are ((vars)), beside those of `vars/sandbox.yml`
    /// beside the pipeline, if there is one
    #[arg(long)]
    pub sandbox: bool,
    /// Make the sandbox of a new state folder untidy, as ordinary clusters and registries are; a number decides how
    #[arg(long, value_name = "SEED", requires = "sandbox")]
    pub untidy: Option<u64>,
    /// Add a pod with a finalizer that nothing removes: a roll must refuse to start
    #[arg(long, requires = "untidy")]
    pub held_pod: bool,
}

/// `trireme sandbox`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxArgs {
    /// What to do with a platform that is up
    #[command(subcommand)]
    pub command: Option<SandboxCommand>,
    /// Where the platform is kept, in `sandbox/`
    #[arg(long, value_name = "DIR", default_value = trireme_runner::DEFAULT_STATE)]
    pub state: PathBuf,
    /// Make the platform of a new state folder untidy, as ordinary clusters and registries are; a number decides how
    #[arg(long, value_name = "SEED")]
    pub untidy: Option<u64>,
    /// Add a pod with a finalizer that nothing removes: a roll must refuse to start
    #[arg(long, requires = "untidy")]
    pub held_pod: bool,
    /// Serve the platform of a new state folder on this address of the machine, for clients in containers; default: loopback
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,
    /// What these clients call that address, if they have a name for it
    #[arg(long, value_name = "HOST", requires = "listen")]
    pub name: Option<String>,
}

/// What is done with a sandbox that is up.
#[derive(Debug, Clone, Subcommand)]
pub enum SandboxCommand {
    /// Publish another Kubernetes release, with its images
    Release(ReleaseArgs),
}

/// `trireme sandbox release`.
#[derive(Debug, Clone, Args)]
pub struct ReleaseArgs {
    /// The release, e.g. v1.37.3
    pub version: String,
    /// Where the platform is kept, in `sandbox/`
    #[arg(long, value_name = "DIR", default_value = trireme_runner::DEFAULT_STATE)]
    pub state: PathBuf,
}

/// `trireme check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// The resource
    pub resource: String,
    /// A key of the version from which to look on
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub from: Vec<(String, String)>,
}

/// `trireme get`.
#[derive(Debug, Clone, Args)]
pub struct GetArgs {
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// The resource
    pub resource: String,
    /// A key of the version; the newest when none is given
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub version: Vec<(String, String)>,
    /// The params, as YAML
    #[arg(long, value_name = "YAML", value_parser = yaml)]
    pub params: Option<Value>,
    /// Where the files go
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}

/// `trireme put`.
#[derive(Debug, Clone, Args)]
pub struct PutArgs {
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// The resource
    pub resource: String,
    /// The params, as YAML
    #[arg(long, value_name = "YAML", value_parser = yaml)]
    pub params: Option<Value>,
    /// The folder that holds the artifacts which the params name
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// `trireme resource`.
#[derive(Debug, Clone, Args)]
pub struct ResourceArgs {
    /// The process with which this one ends
    #[arg(long)]
    pub parent: Option<i32>,
    /// The resource
    pub name: String,
    /// `check`, `in DIR`, `out DIR`, `schema`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// `trireme exec`.
#[derive(Debug, Clone, Args)]
pub struct ExecArgs {
    /// The process with which this one ends
    #[arg(long)]
    pub parent: i32,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}

impl RunArgs {
    /// What is untidy in the sandbox, if anything.
    pub fn untidy(&self) -> Option<Untidy> {
        untidy(self.untidy, self.held_pod)
    }
}

impl SandboxArgs {
    /// What is untidy in the sandbox, if anything.
    pub fn untidy(&self) -> Option<Untidy> {
        untidy(self.untidy, self.held_pod)
    }

    /// Where it is to be served, if that is said.
    ///
    /// # Errors
    /// Every address of the machine, and no name by which clients could reach one.
    pub fn listen(&self) -> Result<Option<Listen>, RunnerError> {
        let Some(address) = self.listen else {
            return Ok(None);
        };
        let name = self.name.clone();
        if address.is_unspecified() && name.is_none() {
            let message = format!("--listen {address}: say with --name how clients reach it");
            return Err(RunnerError::Option(message));
        }
        Ok(Some(Listen { address, name }))
    }
}

fn untidy(seed: Option<u64>, held_pod: bool) -> Option<Untidy> {
    seed.map(|seed| Untidy { seed, held_pod })
}

impl PipelineArgs {
    /// The values for `((vars))`: files in their order, then single values.
    ///
    /// # Errors
    /// A file that cannot be read, or a name that is none.
    pub fn vars(&self) -> Result<Vars, RunnerError> {
        let mut vars = Vars::default();
        self.add_vars(&mut vars)?;
        Ok(vars)
    }

    /// Adds the same over values that are there.
    ///
    /// # Errors
    /// As [`PipelineArgs::vars`].
    pub fn add_vars(&self, vars: &mut Vars) -> Result<(), RunnerError> {
        for file in &self.vars_files {
            vars.add_layer(trireme_runner::read_vars(file)?);
        }
        for (name, value) in &self.vars {
            let wrong = |reason| RunnerError::Option(format!("--var {name}: {reason}"));
            vars.set(name, Value::from(value.as_str())).map_err(wrong)?;
        }
        Ok(())
    }

    /// What a person supplies.
    pub fn supply(&self) -> LocalInputs {
        let inputs = self
            .inputs
            .iter()
            .map(|(name, dir)| (name.clone(), PathBuf::from(dir)));
        LocalInputs {
            inputs: inputs.collect(),
            types: self.types.iter().cloned().collect(),
        }
    }
}

/// The pairs as a version; none when there are none.
pub fn version(pairs: &[(String, String)]) -> Option<Version> {
    let version: BTreeMap<String, String> = pairs.iter().cloned().collect();
    (!version.is_empty()).then_some(version)
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    match trireme_runner::yaml::parse(text) {
        Ok(node) => Ok(node.to_json()),
        Err(problem) => Err(format!("{}: {}", problem.at, problem.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_may_hold_equal_signs_and_names_may_not_be_missing() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("=b").is_err());
        assert!(pair("a").is_err());
    }
}
