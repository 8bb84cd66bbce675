//! A pipeline as types, read from positioned YAML. Reading reports everything that is wrong with the
//! shape (unknown keys, wrong types, steps that are none) and goes on; [`crate::validate`] then looks at
//! what the parts say about each other.

mod duration;
mod fields;
mod job;
mod resource;
mod sources;
mod step;
mod task;
#[cfg(test)]
mod tests;

pub use duration::parse_duration;
pub use job::Job;
pub use resource::{Group, Resource, ResourceType};
pub use step::{
    Across, AcrossVar, Core, Elsewhere, Get, Hooks, InParallel, Inputs, LoadFormat, LoadVar, Put,
    Step, TaskStep, VersionChoice,
};
pub use task::{TaskConfig, TaskDir, TaskRun};

pub(crate) use fields::{Fields, Reading, Shape};
pub(crate) use task::environment;

use crate::problem::{Position, Problems};
use crate::yaml::Node;

/// Jobs, resources or types: far above what people write (the largest public pipelines have some hundred jobs), low enough
/// that each can be compared with each.
const MAX_ENTRIES: usize = 1000;

/// A name and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Its place.
    pub at: Position,
}

/// A whole pipeline.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// Where resource types come from.
    pub resource_types: Vec<ResourceType>,
    /// Prototypes, which nothing here serves.
    pub prototypes: Vec<ResourceType>,
    /// The resources.
    pub resources: Vec<Resource>,
    /// The jobs, in the order of the file.
    pub jobs: Vec<Job>,
    /// Groups: how the web page would show the jobs.
    pub groups: Vec<Group>,
}

impl Pipeline {
    /// Reads a pipeline; what is wrong with its shape is added to the problems.
    pub fn read(root: &Node, problems: &mut Problems) -> Self {
        let mut fields = Fields::new(root, "the pipeline", problems);
        let mut pipeline = Self {
            resource_types: fields.each("resource_types", "resource_types", ResourceType::read),
            prototypes: fields.each("prototypes", "prototypes", ResourceType::read),
            resources: fields.each("resources", "resources", Resource::read),
            jobs: fields.each("jobs", "jobs", Job::read),
            groups: fields.each("groups", "groups", Group::read),
        };
        resource::read_display(&mut fields);
        sources::read_var_sources(&mut fields);
        fields.finish_top();
        pipeline.bound(root, problems);
        if pipeline.jobs.is_empty() {
            problems.error(root.at, "the pipeline has no jobs: there is nothing to run");
        }
        pipeline
    }

    /// Refuses more jobs or resources than one machine runs, and judges the first of them only.
    fn bound(&mut self, root: &Node, problems: &mut Problems) {
        let counts = [
            ("jobs", self.jobs.len()),
            ("resources", self.resources.len()),
            ("resource_types", self.resource_types.len()),
        ];
        for (list, count) in counts.into_iter().filter(|(_, count)| *count > MAX_ENTRIES) {
            let at = root.entry(list).map_or(root.at, |entry| entry.at);
            let message =
                format!("`{list}` has {count} entries; the runner takes {MAX_ENTRIES} at most");
            problems.error(at, message);
        }
        self.jobs.truncate(MAX_ENTRIES);
        self.resources.truncate(MAX_ENTRIES);
        self.resource_types.truncate(MAX_ENTRIES);
    }

    /// The job of that name.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name.text == name)
    }

    /// The resource of that name.
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| resource.name.text == name)
    }

    /// The resource type of that name.
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        self.resource_types
            .iter()
            .find(|kind| kind.name.text == name)
    }
}
