//! The rules of `atc/step_validator.go`: names that exist, once; vars declared once; `passed` that can be fulfilled.

use super::names;
use crate::order;
use crate::pipeline::{Core, Elsewhere, Get, Job, Name, Pipeline, Step};
use crate::problem::Problems;
use std::collections::BTreeSet;

/// The resources that a job gets or puts.
pub(super) fn resources_of(job: &Job) -> Vec<&Name> {
    let mut found = Vec::new();
    job.visit(&mut |step| match &step.core {
        Core::Get(get) => found.push(&get.resource),
        Core::Put(put) => found.push(&put.resource),
        _ => {}
    });
    found
}

pub(super) fn check(pipeline: &Pipeline, job: &Job, problems: &mut Problems) {
    let mut checker = Checker {
        pipeline,
        problems,
        gets: BTreeSet::new(),
        locals: vec![BTreeSet::new()],
    };
    job.plan.iter().for_each(|step| checker.step(step));
    job.hooks.all().for_each(|step| checker.step(step));
}

struct Checker<'c> {
    pipeline: &'c Pipeline,
    problems: &'c mut Problems,
    gets: BTreeSet<&'c str>,
    /// Local vars by scope, the innermost last.
    locals: Vec<BTreeSet<&'c str>>,
}

impl<'c> Checker<'c> {
    fn step(&mut self, step: &'c Step) {
        let vars = step
            .across
            .as_ref()
            .map(|across| across.vars.as_slice())
            .unwrap_or_default();
        if step.across.is_some() {
            self.locals.push(BTreeSet::new());
        }
        vars.iter()
            .for_each(|var| self.declare(&var.var, &format!("{}.across", step.context)));
        self.core(step);
        step.children().for_each(|inner| self.step(inner));
        if step.across.is_some() {
            self.locals.pop();
        }
        step.hooks.all().for_each(|hook| self.step(hook));
    }

    fn core(&mut self, step: &'c Step) {
        let context = step.context.as_str();
        match &step.core {
            Core::Get(get) => self.get(get, context),
            Core::Put(put) => {
                names::identifier(context, &put.name, self.problems);
                self.resource(&put.resource, context);
            }
            Core::Task(task) => names::identifier(context, &task.name, self.problems),
            Core::LoadVar(load) => {
                names::identifier(context, &load.name, self.problems);
                self.declare(&load.name, context);
            }
            Core::Elsewhere(other) => self.elsewhere(other, context),
            Core::Try(_) | Core::Do(_) | Core::InParallel(_) | Core::Refused => {}
        }
    }

    fn elsewhere(&mut self, other: &Elsewhere, context: &str) {
        names::identifier(context, &other.name, self.problems);
        let Some(prototype) = &other.prototype else {
            return;
        };
        let mut known = self.pipeline.prototypes.iter().map(|one| &one.name);
        if !known.any(|name| name.text == prototype.text) {
            let message = format!("{context}: unknown prototype '{}'", prototype.text);
            self.problems.error(prototype.at, message);
        }
    }

    fn get(&mut self, get: &'c Get, context: &str) {
        names::identifier(context, &get.name, self.problems);
        if !get.name.text.is_empty() && !self.gets.insert(&get.name.text) {
            self.problems.error(
                get.name.at,
                format!("{context}.get({}): repeated name", get.name.text),
            );
        }
        self.resource(&get.resource, context);
        for passed in &get.passed {
            let jobs = order::matching(self.pipeline, &passed.text);
            if order::glob(&passed.text).is_none() {
                let message = format!(
                    "{context}.passed: invalid glob expression '{}'",
                    passed.text
                );
                self.problems.error(passed.at, message);
            } else if jobs.is_empty() {
                let known = among(self.pipeline.jobs.iter().map(|job| &job.name));
                let message = format!("{context}.passed: unknown job '{}'{known}", passed.text);
                self.problems.error(passed.at, message);
            }
            let resource = get.resource.text.as_str();
            let apart = |job: &&Job| !resources_of(job).iter().any(|name| name.text == resource);
            for job in jobs.into_iter().filter(apart) {
                let name = &job.name.text;
                let message = format!(
                    "{context}.passed: job '{name}' does not interact with resource '{resource}'"
                );
                self.problems.error(passed.at, message);
            }
        }
    }

    fn resource(&mut self, name: &Name, context: &str) {
        if !name.text.is_empty() && self.pipeline.resource(&name.text).is_none() {
            let known = among(self.pipeline.resources.iter().map(|one| &one.name));
            let message = format!("{context}: unknown resource '{}'{known}", name.text);
            self.problems.error(name.at, message);
        }
    }

    fn declare(&mut self, name: &'c Name, context: &str) {
        let known = |scope: &BTreeSet<&str>| scope.contains(name.text.as_str());
        let shadows = self.locals.iter().rev().skip(1).any(known);
        let Some(scope) = self.locals.last_mut() else {
            return;
        };
        if !scope.insert(&name.text) {
            self.problems.error(
                name.at,
                format!("{context}: repeated var name '{}'", name.text),
            );
        } else if shadows {
            self.problems.warning(
                name.at,
                format!("{context}: shadows local var '{}'", name.text),
            );
        }
    }
}

/// The names that there are, where another was named.
fn among<'n>(names: impl Iterator<Item = &'n Name>) -> String {
    let names: Vec<&str> = names.map(|name| name.text.as_str()).collect();
    format!("; known here: {}", names.join(", "))
}
