//! `task`: a program on this host, in a folder of its own that holds its inputs, outputs and caches.

use super::Scope;
use super::leaf::{StepResult, reported};
use crate::child::{self, Program};
use crate::files;
use crate::pipeline::{Reading, Step, TaskConfig, TaskRun, TaskStep};
use crate::report::{Status, StepKind};
use crate::vars::{Missing, Vars};
use crate::yaml;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Task files are written by hand.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

pub(super) async fn run(task: &TaskStep, step: &Step, scope: &Scope) -> Status {
    reported(
        StepKind::Task,
        &task.name.text,
        step,
        scope,
        async |ending| {
            let task = scope.reread(&task.node, &step.context, TaskStep::read)?;
            let config = match &task.config {
                Some(config) => config.clone(),
                None => from_file(&task, step, scope)?,
            };
            execute(&task, &config, scope, ending).await
        },
    )
    .await
}

/// Reads the configuration from an artifact, with the step's `vars` filled in.
fn from_file(task: &TaskStep, step: &Step, scope: &Scope) -> Result<TaskConfig, String> {
    let file = task
        .file
        .as_ref()
        .ok_or("neither `file` nor `config` is given")?
        .text
        .as_str();
    let (artifact, path) = files::split_artifact(file)
        .ok_or_else(|| format!("`file: {file}` must be ARTIFACT/path/to/task.yml"))?;
    let text = files::read_text(&scope.need_artifact(artifact)?, path, MAX_CONFIG_BYTES)?;
    let place = |problem: &crate::Problem| format!("{file}:{}: {}", problem.at, problem.message);
    // As `NewTaskConfig` in `atc/task.go`.
    let (node, mut problems) = yaml::read_strictly(&text).map_err(|problem| place(&problem))?;
    let mut vars = Vars::default();
    if let Some(serde_json::Value::Object(values)) = task.vars.as_ref().map(yaml::Node::to_json) {
        vars.add_layer(values);
    }
    let filled = scope.fill(&vars.fill(&node, Missing::KeepLocal, &mut problems.errors))?;
    let config = TaskConfig::read(Reading::Strict, &filled, &step.context, &mut problems);
    let lines: Vec<String> = problems.errors.iter().map(place).collect();
    if lines.is_empty() {
        Ok(config)
    } else {
        Err(lines.join("\n"))
    }
}

async fn execute(
    task: &TaskStep,
    config: &TaskConfig,
    scope: &Scope,
    ending: &mut StepResult,
) -> Result<(), String> {
    let build = &scope.build;
    let name = task.name.text.as_str();
    if let Some(platform) = &config.foreign {
        return Err(format!(
            "a task for the platform `{platform}` does not run on this host, which is linux; name the jobs that do without it with --job"
        ));
    }
    let dir = build.folder("task", name)?;
    ending.dir = Some(dir.clone());
    for key in task
        .not_used
        .iter()
        .copied()
        .chain(config.not_used.iter().copied())
    {
        let text = format!("{key}: not used, the task runs on this host");
        build.line(&text);
    }
    place_inputs(task, config, scope, &dir)?;
    let outputs = make_outputs(task, config, &dir)?;
    place_caches(config, name, scope, &dir)?;
    let program = program(task, config, &dir, &build.world.launcher)?;
    let show = |line: &str| build.line(line);
    let ended = child::run(program, &scope.interrupt, &show).await;
    let ended = ended.map_err(|error| format!("cannot run {}: {error}", config.run.path))?;
    ending.exit = Some(ended.code);
    // Outputs of a task that failed or was interrupted are there for its hooks, as in Concourse.
    outputs
        .into_iter()
        .for_each(|(artifact, folder)| scope.add_artifact(&artifact, folder));
    if ended.interrupted {
        ending.fail(Status::Aborted, "interrupted");
    } else if ended.code != 0 {
        ending.fail(Status::Failed, format!("exit code {}", ended.code));
    }
    Ok(())
}

fn inside(dir: &Path, path: &str) -> Result<PathBuf, String> {
    files::below(dir, Path::new(path))
        .ok_or_else(|| format!("`{path}` leads out of the task's folder"))
}

fn place_inputs(
    task: &TaskStep,
    config: &TaskConfig,
    scope: &Scope,
    dir: &Path,
) -> Result<(), String> {
    for input in &config.inputs {
        let name = task
            .input_mapping
            .get(&input.name.text)
            .unwrap_or(&input.name.text);
        let artifact = match scope.need_artifact(name) {
            Err(_) if input.optional => continue,
            found => found?,
        };
        files::copy_tree(&artifact, &inside(dir, input.folder())?)
            .map_err(|error| format!("input {name}: {error}"))?;
    }
    Ok(())
}

/// The folders of the outputs, each with the name of the artifact that it becomes.
fn make_outputs(
    task: &TaskStep,
    config: &TaskConfig,
    dir: &Path,
) -> Result<Vec<(String, PathBuf)>, String> {
    let make = |output: &crate::pipeline::TaskDir| {
        let name = task
            .output_mapping
            .get(&output.name.text)
            .unwrap_or(&output.name.text);
        let folder = inside(dir, output.folder())?;
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok((name.clone(), folder))
    };
    config.outputs.iter().map(make).collect()
}

/// A cache is a link to a folder that outlives the build.
fn place_caches(config: &TaskConfig, task: &str, scope: &Scope, dir: &Path) -> Result<(), String> {
    for path in &config.caches {
        let names = [task, path.as_str()].map(crate::store::file_name);
        let kept = scope
            .build
            .world
            .store()
            .cache_dir(&scope.build.job)
            .join(names.join("-"));
        let place = inside(dir, path)?;
        let parent = place.parent().unwrap_or(dir);
        let made = std::fs::create_dir_all(&kept)
            .and_then(|()| std::fs::create_dir_all(parent))
            .and_then(|()| std::os::unix::fs::symlink(&kept, &place));
        made.map_err(|error| format!("cache {path}: {error}"))?;
    }
    Ok(())
}

fn program(
    task: &TaskStep,
    config: &TaskConfig,
    dir: &Path,
    launcher: &[OsString],
) -> Result<Program, String> {
    let TaskRun {
        path,
        args,
        dir: start,
    } = &config.run;
    let start = match start {
        Some(start) => inside(dir, start)?,
        None => dir.to_owned(),
    };
    // As a container runtime does with a working folder that is not there.
    std::fs::create_dir_all(&start)
        .map_err(|error| format!("cannot create {}: {error}", start.display()))?;
    // A relative path with a slash is a file of the task's folder, wherever the program starts.
    let path = if path.contains('/') && !path.starts_with('/') {
        inside(dir, path)?.into_os_string()
    } else {
        path.into()
    };
    if !exists(Path::new(&path)) {
        // Concourse tells this apart from a program that ran and failed (`ExecutableNotFoundError`).
        return Err(format!("there is no program {}", config.run.path));
    }
    let mut command = launcher.to_vec();
    command.push(path);
    command.extend(args.iter().map(OsString::from));
    Ok(Program {
        command,
        env: environment(task, config, dir),
        dir: start,
        stdin: Vec::new(),
        answers: false,
    })
}

/// Whether a program is there: at its path, or in a folder of `PATH`.
fn exists(path: &Path) -> bool {
    if path.components().count() > 1 {
        return path.is_file();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(path).is_file())
}

/// `PATH` and the proxies of the host, a home of its own, then the params of configuration and step.
fn environment(task: &TaskStep, config: &TaskConfig, dir: &Path) -> Vec<(String, String)> {
    let mut env = crate::wire::environment(None);
    env.push(("HOME".to_owned(), dir.display().to_string()));
    env.extend(config.params.clone());
    env.extend(crate::pipeline::environment(task.params.as_ref()));
    env
}
